"""The chart's own pod: the site from a config map, the key from a secret, a read-only root, nobody's user."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import httpx
import pytest
import yaml

from tests import peers
from tests.peers.pod import Pod

ROOT = Path(__file__).resolve().parent.parent.parent
SAMPLE = ROOT / "mappings" / "systems" / "cad-export" / "samples" / "calls.csv"


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    """The wheel, unpacked, as an image has it."""
    folder = tmp_path_factory.mktemp("image")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder / "program")
    (folder / "program").chmod(0o755)
    return folder / "program"


@pytest.fixture
def deploy(gateway, helm, tmp_path, program, request):
    """What people do: `copperline chart`, helm, and the pod that comes of it."""

    def deployed(values, secrets):
        with (gateway.root / "site.yaml").open("a") as settings:
            settings.write(f'api: {{listen: "0.0.0.0:{peers.free_ports(1)[0]}", plain: true}}\n')
        gateway("chart", str(tmp_path / "chart"))
        least = {"image": {"repository": "registry.example/copperline"}, "key": {"secretName": "site-key"}}
        (tmp_path / "values.yaml").write_text(yaml.safe_dump({**least, **values}))
        chart = tmp_path / "chart"
        done = helm("4", "template", "pd", chart / "copperline", "-f", chart / "site-values.yaml", "-f", tmp_path / "values.yaml")
        assert done.returncode == 0, done.stderr
        key = (gateway.root / "var" / "site.key").read_bytes()
        objects = list(yaml.safe_load_all(done.stdout))
        folder = peers.folder("pod")
        request.addfinalizer(lambda: shutil.rmtree(folder))
        try:
            return Pod(objects, folder, program=program, secrets={"site-key": {"site.key": key}, **secrets})
        except peers.Unavailable as e:
            (pytest.fail if request.config.getoption("--require-peers") else pytest.skip)(str(e))

    return deployed


def drops(pod, name, content):
    """Put a file into the pod's drop folder, as the legacy system's side of the share does."""
    folder = pod.volume("drop-0")
    folder.chmod(0o2777)
    (folder / f"{name}.part").write_bytes(content)
    (folder / f"{name}.part").rename(folder / name)


def approves(pod):
    """The store of a new pod knows of no approval: somebody else than who wrote the agreement gives it there."""
    pod("agreements", "approve", "internal", "--as", "Chief of police", "--reason", "read and agreed")


def port(pod):
    return pod.container["ports"][0]["containerPort"]


def answers(pod, probe):
    said = pod.container[probe]["httpGet"]
    try:
        return httpx.get(f"{said['scheme'].lower()}://127.0.0.1:{port(pod)}{said['path']}").status_code
    except httpx.TransportError:
        return None


def until(what, *, timeout_s=60):
    end = time.monotonic() + timeout_s
    while not (found := what()):
        assert time.monotonic() < end
        time.sleep(0.1)
    return found


FOLDERS = {"drops": [{"folder": f"inbox/{feed}", "volume": {"emptyDir": {}}} for feed in ("calls", "dispatches", "units")]}


def test_the_pod_starts_is_ready_does_its_work_and_ends_when_told(gateway, deploy, request):
    gateway.registers("cad", "cad-export")
    pod = deploy(FOLDERS, {})
    running = pod.start()
    request.addfinalizer(running.kill)
    until(lambda: answers(pod, "startupProbe") == 200 or running.poll() is not None)
    assert running.poll() is None, running.communicate()
    assert answers(pod, "livenessProbe") == answers(pod, "readinessProbe") == 200
    approves(pod)
    drops(pod, "calls.csv", SAMPLE.read_bytes())
    until(lambda: not list(pod.volume("drop-0").glob("*.csv")))  # taken away only once it is in the journal
    assert pod("tail").count("police.xx0000000.incident.created.v1") == 6
    assert pod("doctor").count("ok ") == 6
    running.send_signal(signal.SIGTERM)
    _, log = running.communicate(timeout=30)
    assert running.returncode == 0, log
    assert json.loads(log.splitlines()[-1])["event"] == "gateway stopped"


def test_what_the_pod_writes_is_in_its_volume_and_readable_by_nobody_else(gateway, deploy):
    gateway.registers("cad", "cad-export")
    pod = deploy(FOLDERS, {})
    drops(pod, "calls.csv", SAMPLE.read_bytes())
    assert json.loads(pod("run", "--once", "--json").splitlines()[-1])["accepted"] == 6
    assert json.loads(pod("run", "--once", "--json").splitlines()[-1])["accepted"] == 0
    written = [path for path in pod.volume("var").rglob("*") if path.is_file() and path.name != "site.key"]
    assert pod.volume("var") / "store.db" in written
    assert not [path for path in written if path.stat().st_mode & 0o077]
    assert not (pod.volume("var") / "site.key").read_bytes()  # the place where the secret is mounted


def test_the_pod_on_postgresql_and_rabbitmq_by_secrets(gateway, deploy, postgres, rabbitmq):
    with (gateway.root / "site.yaml").open("a") as settings:
        settings.write("store: {url_from: env:COPPERLINE_STORE}\nbroker: {url_from: env:COPPERLINE_BROKER}\n")
    gateway.env |= {"COPPERLINE_STORE": postgres.database(), "COPPERLINE_BROKER": rabbitmq.url}
    gateway.registers("cad", "cad-export")
    gateway("topology", "apply")
    rabbitmq.drain("copperline.internal.services")  # the broker is shared: other sites' events of this name
    values = {**FOLDERS, "store": {"secretName": "pg"}, "broker": {"secretName": "rabbit", "secretKey": "uri"}}
    secrets = {"pg": {"url": gateway.env["COPPERLINE_STORE"].encode()}, "rabbit": {"uri": rabbitmq.url.encode()}}
    pod = deploy(values, secrets)
    approves(pod)
    drops(pod, "calls.csv", SAMPLE.read_bytes())
    figures = json.loads(pod("run", "--once", "--json").splitlines()[-1])
    assert (figures["accepted"], figures["in_progress"]) == (6, 0)
    assert len(rabbitmq.drain("copperline.internal.services")) == 6
