"""A rendered pod without a cluster: its volumes laid out as the kubelet lays them, its container started as it says.

The root is read-only, the user is the one of the manifest, there are no capabilities and no new
privileges; what may be written is what the pod mounts writable.  It needs root, as the kubelet does.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests import peers

SYSTEM = ("usr", "bin", "sbin", "lib", "lib64", "etc")
SHUT = ("--no-new-privs", "--bounding-set=-all", "--inh-caps=-all")


class Pod:
    """One pod.  Its claims live on in `folder` from one start to the next, as they would."""

    def __init__(self, objects: Sequence[Mapping[str, Any]], folder: Path, *, program: Path, secrets: Mapping[str, Mapping[str, bytes]]) -> None:
        """`program`: an unpacked wheel.  `secrets`: name → key → content.  Raises Unavailable for anybody but root."""
        if os.geteuid() != 0:
            raise peers.Unavailable("a pod is laid out by root only")
        self._objects, self._folder, self._program, self._secrets = objects, folder, program, secrets
        (found,) = (one["spec"] for one in objects if one["kind"] == "StatefulSet")
        self.spec: Mapping[str, Any] = found["template"]["spec"]
        (self.container,) = self.spec["containers"]
        self._claims = [claim["metadata"]["name"] for claim in found.get("volumeClaimTemplates", ())]
        self._user: int = self.spec["securityContext"]["runAsUser"]
        self._group: int = self.spec["securityContext"]["fsGroup"]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """The container's own command, or another given in it, as `kubectl exec` does."""
        script = self._folder / "start.sh"
        script.write_text("\n".join(self._script(arguments or self.container["args"])))
        command = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private", "sh", "-eu", str(script)]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __call__(self, *arguments: str) -> str:
        """Run a command in the pod to its end; what it printed.  It must succeed."""
        ran = self.start(*arguments)
        out, err = ran.communicate(timeout=60)
        assert ran.returncode == 0, f"{arguments} ended with {ran.returncode}:\n{out}\n{err}"
        return out

    def _script(self, arguments: Sequence[str]) -> list[str]:
        root = self._folder / "root"
        root.mkdir(exist_ok=True)
        lines = [f"mount -t tmpfs none {root}", f"mkdir {root}/proc {root}/dev {root}/site", f"mount --rbind /dev {root}/dev", f"mount --rbind /proc {root}/proc"]
        lines += [line for name in SYSTEM if Path("/", name).exists() for line in self._system(root, name)]
        lines += [*_bound(self._program, root / "program", read_only=True), *_bound(Path(sys.prefix), root / "venv", read_only=True)]
        if not sys.base_prefix.startswith("/usr"):
            lines += _bound(Path(sys.base_prefix), root / sys.base_prefix.lstrip("/"), read_only=True)
        for mount in self.container["volumeMounts"]:
            inside = (self.volume(mount["name"]) / mount.get("subPath", "")).resolve()
            lines += _bound(inside, root / mount["mountPath"].lstrip("/"), read_only=mount.get("readOnly", False))
        if self.container["securityContext"]["readOnlyRootFilesystem"]:
            lines.append(f"mount -o remount,ro {root}")
        user = ("--reuid", str(self._user), "--regid", str(self._group), "--groups", str(self._group))
        inside = ["chroot", str(root), "setpriv", *user, *SHUT, "env", "-i", *self._environment()]
        return [*lines, "exec " + shlex.join([*inside, "/venv/bin/python", "-m", "gateway.cli", *arguments])]

    def _system(self, root: Path, name: str) -> list[str]:
        path = Path("/", name)
        if path.is_symlink():
            return [f"ln -s {path.readlink()} {root / name}"]
        return _bound(path, root / name, read_only=True)

    def _environment(self) -> list[str]:
        """What the manifest gives, with each reference to a secret resolved."""
        given = {"PATH": "/usr/bin:/bin", "PYTHONPATH": "/program", "PYTHONDONTWRITEBYTECODE": "1"}
        for one in self.container["env"]:
            reference = one.get("valueFrom", {}).get("secretKeyRef")
            given[one["name"]] = self._secrets[reference["name"]][reference["key"]].decode() if reference else one["value"]
        return [f"{name}={value}" for name, value in given.items()]

    def volume(self, name: str) -> Path:
        """The volume of this name, laid out; what a claim or an empty folder holds stays."""
        path = self._folder / "volumes" / name
        said: Mapping[str, Any] = next((volume for volume in self.spec["volumes"] if volume["name"] == name), {})
        if path.exists():
            return path
        path.mkdir(parents=True)
        if "configMap" in said:
            (data,) = (one["data"] for one in self._objects if one["kind"] == "ConfigMap" and one["metadata"]["name"] == said["configMap"]["name"])
            self._projected(path, {key: text.encode() for key, text in data.items()}, said["configMap"], mode=0o644)
        elif "secret" in said:
            self._projected(path, self._secrets[said["secret"]["secretName"]], said["secret"], mode=said["secret"]["defaultMode"])
        else:
            assert "emptyDir" in said or "persistentVolumeClaim" in said or name in self._claims, name
            os.chown(path, 0, self._group)
            path.chmod(0o2777 if "emptyDir" in said else 0o2775)
        return path

    def _projected(self, volume: Path, data: Mapping[str, bytes], said: Mapping[str, Any], *, mode: int) -> None:
        """A config map or a secret: files behind a link that is exchanged, and fsGroup makes them the group's to read."""
        inside = volume / "..2026_01_01_00_00_00.123456789"
        for item in said.get("items") or [{"key": key, "path": key} for key in data]:
            path = inside / item["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data[item["key"]])
            os.chown(path, 0, self._group)
            path.chmod(mode | 0o040)
        (volume / "..data").symlink_to(inside.name)
        for top in inside.iterdir():
            (volume / top.name).symlink_to(f"..data/{top.name}")


def _bound(source: Path, target: Path, *, read_only: bool) -> list[str]:
    """Bind one place to another, which is made first; the runtime does so too, also inside a volume."""
    made = f"mkdir -p {shlex.quote(str(target))}"
    if source.is_file():
        made = f"mkdir -p {shlex.quote(str(target.parent))}; touch {shlex.quote(str(target))}"
    lines = [made, f"mount --rbind {shlex.quote(str(source))} {shlex.quote(str(target))}"]
    return [*lines, f"mount -o remount,bind,ro {shlex.quote(str(target))}"] if read_only else lines
