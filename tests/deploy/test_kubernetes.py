"""deploy/kubernetes: valid to Kubernetes and KServe, and in step with the service that it starts."""

from __future__ import annotations

import os
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml  # type: ignore[import-untyped]

from service.__main__ import parse
from tests.deploy.conftest import wait_for
from tests.serving import serve_workers

FOLDER = Path("deploy/kubernetes")
DEPLOYMENT, SERVICE = yaml.safe_load_all((FOLDER / "deployment.yaml").read_text())
INFERENCE = yaml.safe_load((FOLDER / "kserve.yaml").read_text())
PODS = {"deployment": DEPLOYMENT["spec"]["template"]["spec"], "kserve": INFERENCE["spec"]["predictor"]}
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
HANGS_S = 10  # until the supervisor replaces a worker
FILES = {
    "kubernetes-validate": ("deployment.yaml", "Deployment\nService\n"),
    "kserve": ("kserve.yaml", "InferenceService\n"),
}


def container(pod: dict[str, Any]) -> dict[str, Any]:
    (only,) = pod["containers"]
    return only  # type: ignore[no-any-return]


def check(package: str, text: str) -> subprocess.CompletedProcess[str]:
    """Let the package look at the manifests, in the environment that has it."""
    python, environment = os.environ.get("KSERVE_PYTHON"), dict(os.environ)
    environment.pop("PYTHONPATH", None)
    if not python:
        pytest.skip(f"KSERVE_PYTHON names no interpreter with {package}")
    wanted = [python, "-c", f"import yaml, {package.replace('-', '_')}"]
    if subprocess.run(wanted, capture_output=True, env=environment).returncode:
        pytest.skip(f"KSERVE_PYTHON names an interpreter without {package}")
    command = [python, "tests/deploy/kubernetes_calls.py", package]
    return subprocess.run(command, input=text, capture_output=True, text=True, env=environment, timeout=120)


@pytest.mark.parametrize("package", FILES)
def test_a_manifest_is_valid(package: str) -> None:
    file, kinds = FILES[package]
    done = check(package, (FOLDER / file).read_text())
    assert (done.returncode, done.stdout) == (0, kinds), done.stderr


@pytest.mark.parametrize("package", FILES)
@pytest.mark.parametrize("field", ["readinessProbe", "volumeMounts", "seccompProfile", "terminationGracePeriodSeconds"])
def test_a_field_that_nobody_knows_is_found(package: str, field: str) -> None:
    text = (FOLDER / FILES[package][0]).read_text()
    assert f"{field}: " in text or f"{field}:\n" in text
    assert check(package, text.replace(f"{field}:", f"{field}s:")).returncode != 0


@pytest.mark.parametrize("pod", PODS.values(), ids=PODS)
def test_who_is_ended_has_the_time_of_its_grace(pod: dict[str, Any]) -> None:
    grace = parse(container(pod)["args"]).grace
    program, seconds = container(pod)["lifecycle"]["preStop"]["exec"]["command"]
    assert program == "sleep"
    assert pod["terminationGracePeriodSeconds"] > grace + int(seconds) + 1


@pytest.mark.parametrize("pod", PODS.values(), ids=PODS)
def test_a_container_may_do_no_more_than_it_needs(pod: dict[str, Any]) -> None:
    user = pod["securityContext"]
    assert user == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert "USER 10001:10001" in Path("deploy/Dockerfile").read_text()
    assert container(pod)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not pod["automountServiceAccountToken"]
    mounts = {mount["name"]: mount for mount in container(pod)["volumeMounts"]}
    assert mounts["models"] == {"name": "models", "mountPath": "/models", "readOnly": True}
    assert {volume["name"] for volume in pod["volumes"]} == set(mounts)
    assert set(container(pod)["resources"]["limits"]) == {"cpu", "memory"}


def test_both_start_the_same_container() -> None:
    def without_names(pod: dict[str, Any]) -> dict[str, Any]:
        said = {key: value for key, value in container(pod).items() if key not in ("name", "ports")}
        for probe in PROBES:
            said[probe] = {**said[probe], "httpGet": said[probe]["httpGet"]["path"]}
        return said

    assert without_names(PODS["deployment"]) == without_names(PODS["kserve"])
    version = tomllib.loads(Path("pyproject.toml").read_text())["project"]["version"]
    assert container(PODS["kserve"])["image"].endswith(f":{version}")
    assert {container(pod)["ports"][0]["containerPort"] for pod in PODS.values()} == {8000}


def test_the_service_reaches_the_pods() -> None:
    labels = DEPLOYMENT["spec"]["template"]["metadata"]["labels"]
    assert SERVICE["spec"]["selector"] == DEPLOYMENT["spec"]["selector"]["matchLabels"] == labels
    assert SERVICE["spec"]["ports"][0]["targetPort"] == container(PODS["deployment"])["ports"][0]["name"]


def test_probes_and_scrapes_are_answered() -> None:
    pod = container(PODS["deployment"])
    liveness = pod["livenessProbe"]
    assert liveness["periodSeconds"] * liveness["failureThreshold"] > HANGS_S
    scraped = DEPLOYMENT["spec"]["template"]["metadata"]["annotations"]
    assert scraped.items() <= INFERENCE["metadata"]["annotations"].items()
    paths = [pod[probe]["httpGet"]["path"] for probe in PROBES]
    with serve_workers({"SERVICE_API_KEY": ""}, *pod["args"]) as server:
        for path in [*paths, scraped["prometheus.io/path"]]:
            assert httpx.get(server.url + path).status_code == 200


def test_a_model_that_cannot_be_served_restarts_no_pod(tmp_path: Path) -> None:
    good = tmp_path / "mnist/1/model.onnx"
    good.parent.mkdir(parents=True)
    good.write_bytes(Path("models/mnist/1/model.onnx").read_bytes())
    pod = container(PODS["deployment"])
    startup, ready, live = (pod[probe]["httpGet"]["path"] for probe in PROBES)
    with serve_workers({"SERVICE_MODELS": str(tmp_path), "SERVICE_POLL_S": "0.1"}) as server:
        (tmp_path / "bad/1").mkdir(parents=True)
        (tmp_path / "bad/1/model.onnx").write_text("no model")
        wait_for(lambda: httpx.get(server.url + ready).status_code == 503)
        assert httpx.get(server.url + live).status_code == httpx.get(server.url + startup).status_code == 200
