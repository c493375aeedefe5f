"""The FBI's schemas beside a template's WSDL, and reports in the envelope that a records system puts around them."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from adapters.soap import adapter
from gateway import mapping, yamlfile

SYSTEMS = Path(__file__).resolve().parents[2] / "mappings" / "systems"
CODES = (SYSTEMS.parent / "codes",)


def settings(template: str, wsdl: str, shared: Path, folder: Path) -> Any:
    """A template's settings, its bundle with the official schemas."""
    files = {}
    for root in (SYSTEMS / template / "wsdl", shared / "nibrs" / "xml" / "base-xsd"):
        for path in (each for each in root.rglob("*") if each.suffix in {".wsdl", ".xsd"}):
            name = path.relative_to(root)
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(path.read_bytes())
            files[name.as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "bundle.json").write_text(json.dumps({"wsdl": wsdl, "files": files}))
    said = yamlfile.load(SYSTEMS / template / "system.yaml").data["feeds"]["submissions"]["settings"]
    return adapter.settings.model_validate({**said, "bundle": str(folder)})


def compiled(template: str) -> Any:
    """The mapping of a template's incidents."""
    return mapping.compile(SYSTEMS / template / "mappings" / "incident.yaml", codes=CODES, zone="America/New_York")


def answer(*submissions: bytes) -> bytes:
    """What the records system of template nibrs-xml answers."""
    inside = b"".join(re.sub(rb"^\s*<\?xml.*?\?>", b"", each) for each in submissions)
    return (
        b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><r:ListSubmissionsResponse xmlns:r="urn:example:records:1">'
        + inside
        + b"<r:token>T1</r:token><r:more>false</r:more></r:ListSubmissionsResponse></s:Body></s:Envelope>"
    )


def after_the_tables(value: Any) -> Any:
    """A canonical record with each code as the common one alone: what a flat file and XML have in common."""
    if isinstance(value, dict):
        if "common" in value and value.keys() <= {"internal", "common"}:
            return value["common"]
        return {key: after_the_tables(item) for key, item in value.items()}
    return [after_the_tables(item) for item in value] if isinstance(value, list) else value
