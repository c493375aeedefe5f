"""The chart as the real helm reads it, held against the schemas of Kubernetes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

CHART = Path(__file__).resolve().parent.parent.parent / "helm" / "copperline"
KUBERNETES = ("1.27", "1.31", "1.37")  # from the chart's kubeVersion to the newest whose schemas we have
FILES = {
    "site.yaml": "site: riverton\napi: {listen: 0.0.0.0:8490, plain: true}\n",
    "systems/cad/system.yaml": "system: cad\n",
    "systems/cad/mappings/call.yaml": "kind: call\n",
    "agreements/internal.yaml": "agreement: internal\n",
}
LEAST = {"image": {"repository": "registry.example/copperline"}, "key": {"secretName": "site-key"}, "site": {"files": FILES}}
ASKS = """\
site: riverton
store: {url_from: env:COPPERLINE_STORE}
broker: {url_from: env:COPPERLINE_BROKER}
api: {listen: "[::]:8491", certificate: /run/secrets/tls/tls.crt, key: /run/secrets/tls/tls.key}
"""
MOST = {
    **LEAST,
    "image": {"repository": "registry.example/copperline", "digest": "sha256:" + "0" * 64, "pullPolicy": "Always"},
    "imagePullSecrets": [{"name": "pull"}],
    "site": {"files": {**FILES, "site.yaml": ASKS, "codes/cad-type.csv": "code,common\n"}},
    "store": {"secretName": "pg", "secretKey": "uri"},
    "broker": {"secretName": "rabbit"},
    "secrets": ["rms-database", "tls"],
    "var": {"storageClass": "fast", "size": "200Gi"},
    "drops": [{"folder": "inbox/calls", "volume": {"persistentVolumeClaim": {"claimName": "cad-share"}}}],
    "service": {"type": "LoadBalancer", "annotations": {"invented.example/zone": "inner"}},
    "podAnnotations": {"prometheus.io/scrape": "true"},
    "podLabels": {"team": "records"},
    "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "police", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
}


@pytest.fixture(params=["3", "4"])
def template(request, helm, tmp_path):
    """Renders the chart with values: the objects, or what helm says against them."""

    def rendered(values, *more, refused=False):
        path = tmp_path / "values.yaml"
        path.write_text(yaml.safe_dump(values))
        done = helm(request.param, "template", "pd", CHART, "-f", path, *more)
        assert bool(done.returncode) == refused, done.stdout + done.stderr
        return done.stderr if refused else list(yaml.safe_load_all(done.stdout))

    return rendered


def pod(objects):
    (found,) = (one for one in objects if one["kind"] == "StatefulSet")
    return found["spec"]["template"]["spec"]


@pytest.mark.parametrize("major", ["3", "4"])
def test_helm_finds_nothing_to_say_against_the_chart(helm, tmp_path, major):
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(MOST))
    done = helm(major, "lint", "--strict", CHART, "-f", tmp_path / "values.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[WARNING]" not in done.stdout


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("values", [LEAST, MOST], ids=["least", "most"])
def test_every_object_is_one_that_kubernetes_takes(template, values, version):
    objects = template(values, "--kube-version", version)
    assert {one["kind"] for one in objects} == {"ConfigMap", "Service", "StatefulSet"}
    for one in objects:
        kubernetes_validate.validate(one, version, strict=True)


@pytest.mark.parametrize("values", [LEAST, MOST], ids=["least", "most"])
def test_the_pod_runs_as_nobody_special_and_writes_only_to_volumes(template, values):
    spec = pod(template(values))
    assert spec["automountServiceAccountToken"] is spec["enableServiceLinks"] is False
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    written = {mount["name"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
    assert written == {"var", "tmp"} | {mount["name"] for mount in container["volumeMounts"] if "drop" in mount["name"]}


def test_every_volume_is_mounted_and_every_mount_has_its_volume(template):
    objects = template(MOST)
    (container,) = pod(objects)["containers"]
    claims = next(one["spec"]["volumeClaimTemplates"] for one in objects if one["kind"] == "StatefulSet")
    volumes = [volume["name"] for volume in pod(objects)["volumes"]] + [claim["metadata"]["name"] for claim in claims]
    assert sorted(volumes) == sorted({mount["name"] for mount in container["volumeMounts"]})
    assert len(volumes) == len(set(volumes))


def test_every_file_of_the_site_has_its_place_in_the_pod(template):
    objects = template(MOST)
    (config,) = (one for one in objects if one["kind"] == "ConfigMap")
    volumes = {volume["name"]: volume for volume in pod(objects)["volumes"]}
    found = {}
    for mount in pod(objects)["containers"][0]["volumeMounts"]:
        path = mount["mountPath"].removeprefix("/site/")
        if mount["name"] == "site":
            found[path] = config["data"][mount["subPath"]]
        elif mount["name"].startswith("site-"):
            items = volumes[mount["name"]]["configMap"]["items"]
            found |= {f"{path}/{item['path']}": config["data"][item["key"]] for item in items}
    assert found == MOST["site"]["files"]


def test_no_secret_is_in_what_helm_renders_only_its_name(template):
    (container,) = pod(template(MOST))["containers"]
    secrets = {one["name"]: one["valueFrom"]["secretKeyRef"] for one in container["env"] if "valueFrom" in one}
    assert secrets == {
        "COPPERLINE_STORE": {"name": "pg", "key": "uri"},
        "COPPERLINE_BROKER": {"name": "rabbit", "key": "url"},
    }


def test_a_changed_site_restarts_the_pod_and_the_same_one_does_not(template):
    def said(files):
        objects = template({**LEAST, "site": {"files": files}})
        (found,) = (one for one in objects if one["kind"] == "StatefulSet")
        return found["spec"]["template"]["metadata"]["annotations"]["checksum/site"]

    assert said(FILES) == said(dict(reversed(FILES.items())))
    assert said(FILES) != said({**FILES, "systems/cad/mappings/call.yaml": "kind: calls\n"})


@pytest.mark.parametrize("values, port, scheme", [(LEAST, 8490, "HTTP"), (MOST, 8491, "HTTPS")], ids=["least", "most"])
def test_probes_and_service_ask_where_the_site_listens(template, values, port, scheme):
    objects = template(values)
    (service,) = (one for one in objects if one["kind"] == "Service")
    (container,) = pod(objects)["containers"]
    assert service["spec"]["ports"][0]["port"] == container["ports"][0]["containerPort"] == port
    probes = {name: container[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {probe["scheme"] for probe in probes.values()} == {scheme}
    assert [probe["path"] for probe in probes.values()] == ["/livez", "/livez", "/readyz"]


def test_a_claim_that_is_there_is_used_and_none_is_made(template):
    objects = template({**LEAST, "var": {"existingClaim": "old"}})
    assert {"name": "var", "persistentVolumeClaim": {"claimName": "old"}} in pod(objects)["volumes"]
    assert not any("volumeClaimTemplates" in one["spec"] for one in objects if one["kind"] == "StatefulSet")


@pytest.mark.parametrize(
    "change, said",
    [
        ({"image": {"repository": ""}}, "repository"),
        ({"key": {"secretName": ""}}, "secretName"),
        ({"replicas": 2}, "replicas"),
        ({"user": 0}, "user"),
        ({"site": {"files": {}}}, "site.yaml"),
        ({"site": {"files": {**FILES, "../etc/passwd": "x"}}}, "passwd"),
        ({"site": {"files": {**FILES, "var/site.key": "x"}}}, "site.key"),
        ({"site": {"files": {**FILES, "site.yaml": "site: [\n"}}}, "not YAML"),
        ({"site": {"files": {**FILES, "site.yaml": "site: riverton\n"}}}, "api: {listen: 0.0.0.0:8490"),
        ({"site": {"files": {**FILES, "site.yaml": "site: riverton\napi: off\n"}}}, "api: {listen: 0.0.0.0:8490"),
        ({"site": {"files": {**FILES, "site.yaml": "site: a\napi: {listen: 127.0.0.1:8490}\n"}}}, "api: {listen"),
        ({"drops": [{"folder": "../../etc", "volume": {"emptyDir": {}}}]}, "folder"),
        ({"broker": {"secretName": "rabbit"}}, "broker: {url_from: env:COPPERLINE_BROKER}"),
        ({"site": {"files": {**FILES, "site.yaml": ASKS}}}, "names no Secret"),
    ],
)
def test_values_that_cannot_be_right_are_refused_before_anything_is_installed(template, change, said):
    assert said in template({**LEAST, **change}, refused=True)


def test_every_value_has_a_default_and_every_default_a_schema():
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert set(values) == set(schema["properties"]) - {"global"}
    for name, value in values.items():
        known = schema["properties"][name].get("properties")
        if isinstance(value, dict) and known is not None:
            assert set(value) == set(known), name


@pytest.mark.parametrize("major", ["3", "4"])
@pytest.mark.parametrize("values, told", [(LEAST, "SQLite"), (MOST, "PostgreSQL")], ids=["least", "most"])
def test_the_notes_lead_to_the_next_step(helm, tmp_path, major, values, told):
    # Helm shows notes after an installation only; here a template of the copy shows them.
    chart = shutil.copytree(CHART, tmp_path / "copperline")
    (chart / "templates" / "notes.yaml").write_text('notes: {{ include (print .Template.BasePath "/NOTES.txt") . | toJson }}')
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
    done = helm(major, "template", "pd", chart, "-n", "police", "-f", tmp_path / "values.yaml", "-s", "templates/notes.yaml")
    notes = yaml.safe_load(done.stdout)["notes"]
    assert "kubectl -n police exec pd-copperline-0 -- copperline doctor" in notes
    assert told in notes
    assert "site-key" in notes
