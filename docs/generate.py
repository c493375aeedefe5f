"""Writes the pages that would drift if a person wrote them: errors, commands, settings, contracts.

    python3 dev.py docs                 write them
    python docs/generate.py --check     compare; exit 1 and name the page that differs

Each is read from the code itself: the register of error codes, the command line, the settings, the published schemas.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
GENERATED = "<!-- Generated from the code by: python3 dev.py docs -->"


def pages() -> dict[str, str]:
    """File name → text of every generated page."""
    import event_pages

    own = {"errors.md": errors(), "commands.md": commands(), "settings.md": settings(), "contracts.md": contracts()}
    own["openapi.json"] = openapi()
    return own | event_pages.pages()


def errors() -> str:
    """Every code that can appear in a log, an answer or quarantine."""
    register = _register()
    lines = [
        "# Errors",
        "",
        GENERATED,
        "",
        "Every error has a stable code. No message ever carries a value out of a record.",
    ]
    for area in sorted({code.id.partition(".")[0] for code in register.values()}):
        lines += ["", f"## {area}", "", "| code | what it means | what to do |", "|---|---|---|"]
        lines += [
            f"| `{code.id}` | {_cell(code.meaning)} | {_cell(code.remedy)} |"
            for code in sorted(register.values(), key=lambda code: code.id)
            if code.id.partition(".")[0] == area
        ]
    return "\n".join(lines) + "\n"


def commands() -> str:
    """Every command with its arguments and options."""
    import click

    from gateway import cli

    lines = ["# Commands", "", GENERATED, "", "## Exit codes", "", "| code | meaning |", "|---|---|"]
    lines += [f"| {number} | {_cell(meaning)} |" for number, meaning in cli.EXIT_CODES.items()]
    for path, command in _commands("copperline", cli.copperline):
        context = click.Context(command, info_name=path)
        lines += ["", f"## `{' '.join([path, *command.collect_usage_pieces(context)])}`", "", _paragraphs(command.help)]
        options = [option for option in command.params if isinstance(option, click.Option) and not option.hidden]
        if options:
            lines += ["", "| option | meaning |", "|---|---|"]
            lines += [
                f"| `{', '.join(option.opts + option.secondary_opts)}` | {_cell(option.help or '')} |"
                for option in options
            ]
    return "\n".join(lines) + "\n"


def settings() -> str:
    """site.yaml, system.yaml, and the settings of every shipped adapter."""
    from gateway import registry
    from gateway.settings import SETTINGS
    from gateway.system import FeedFile, SystemFile

    lines = ["# Settings", "", GENERATED, "", "## site.yaml", "", "| setting | default | meaning |", "|---|---|---|"]
    lines += [f"| `{known.name}` | {_cell(known.default)} | {_cell(known.says)} |" for known in SETTINGS]
    lines += _table("system.yaml", "One folder per system, with its mappings and samples.", SystemFile)
    lines += _table("system.yaml: a feed", "One entry under `feeds:`.", FeedFile)
    for name in sorted(registry.SHIPPED):
        adapter = registry.load(name, ())
        lines += _table(f"The adapter `{name}`", adapter.summary, adapter.settings)
    return "\n".join(lines) + "\n"


def openapi() -> str:
    """The REST facade, from its routes."""
    from gateway.api.serving import described

    return json.dumps(described(), indent=1, ensure_ascii=False) + "\n"


def contracts() -> str:
    """Every field that a mapping may fill and an agreement may name: entity by entity, then the parts they share."""
    from contracts import schema

    lines = ["# Contracts", "", GENERATED, "", *_CONTRACTS]
    parts: dict[str, Mapping[str, Any]] = {}
    for body in schema.BODIES:
        published = schema.published(body)
        parts |= published.get("$defs", {})
        lines += _fields(body, published)
    lines += ["", "# Parts"]
    for name in sorted(parts):
        lines += _fields(name, parts[name])
    return "\n".join(lines) + "\n"


_CONTRACTS = (
    "What a mapping may fill, and what an agreement may name.  The first tables are the entities, the others the parts",
    "that they share.  A dot leads inward: `vehicles.plate.number`; *list of* says that a mapping gives a YAML list or",
    "`each`.  A class `inherited` is that of the field around it.  **Bold** fields must be there.",
    "",
    "The JSON Schemas lie in `contracts/published/v1/`, one example of each in `contracts/samples/v1/`.",
)


def _fields(title: str, node: Mapping[str, Any]) -> list[str]:
    needed = {*node.get("required", ()), *node.get("x-required", ())}
    rows = [
        f"| {f'**`{name}`**' if name in needed else f'`{name}`'} | {_holds(field)} | {_cell(_meaning(field))} | {field['x-class']} |"
        for name, field in node["properties"].items()
    ]
    return ["", f"## {title}", "", _cell(node["description"]), "", "| field | holds | meaning | class |", "|---|---|---|---|", *rows]


def _holds(field: Mapping[str, Any]) -> str:
    if "items" in field:
        return f"list of {_holds(field['items'])}"
    if "$ref" in field:
        part = field["$ref"].rpartition("/")[2]
        return f"[{part}](#{part.lower()})"
    kind = field.get("type", "anything")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _meaning(field: Mapping[str, Any]) -> str:
    says = str(field.get("description", ""))
    codes = [str(code) for code in field.get("x-codes", ())]
    if not codes or all(code in says for code in codes):
        return says
    more = f", … ({len(codes)} codes)" if len(codes) > _CODES_SHOWN else ""
    return f"{says}: {', '.join(codes[:_CODES_SHOWN])}{more}"


_CODES_SHOWN = 8


def _table(title: str, says: str, model: Any) -> list[str]:
    # The fields of the table itself; what a nested one may hold is told on the adapter's own page.
    fields = model.model_json_schema().get("properties", {})
    rows = [
        f"| `{path}` | {_default(field)} | {_cell(field.get('description', ''))} |" for path, field in fields.items()
    ]
    return ["", f"## {title}", "", says, "", "| setting | default | meaning |", "|---|---|---|", *rows]


def _register() -> Mapping[str, Any]:
    """The register, after every module that could add to it was imported."""
    from gateway.errors import REGISTER

    for package in ("gateway", "adapters"):
        top = importlib.import_module(package)
        for found in pkgutil.walk_packages(top.__path__, f"{package}."):
            if not found.name.endswith("__main__") and ".test" not in found.name:
                importlib.import_module(found.name)
    return REGISTER


def _commands(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    import click

    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command, info_name=path)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        if found is not None and not found.hidden:
            yield from _commands(f"{path} {name}", found)


def _default(field: Mapping[str, Any]) -> str:
    return f"`{json.dumps(field['default'])}`" if "default" in field else "required"


def _paragraphs(text: str | None) -> str:
    return "\n\n".join(" ".join(part.split()) for part in (text or "").replace("\b", "").split("\n\n"))


def _cell(text: str) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")


def main(arguments: list[str]) -> int:
    """Write the pages, or with --check say which differ from what is committed."""
    sys.path.insert(0, str(DOCS.parent))
    differ = []
    for name, text in pages().items():
        if "--check" not in arguments:
            (DOCS / name).write_text(text, encoding="utf-8")
        elif not (DOCS / name).exists() or (DOCS / name).read_text(encoding="utf-8") != text:
            differ.append(name)
    if differ:
        print(f"docs/{', docs/'.join(differ)} differ from the code: run python3 dev.py docs", file=sys.stderr)
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
