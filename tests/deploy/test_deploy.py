"""What deploy/ says is about this code: commands and settings exist."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from holdfast.cli.main import app
from holdfast.settings import Settings, load_settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
FILES = sorted(file for file in DEPLOY.rglob("*") if file.is_file())
UNIT = DEPLOY / "holdfast.service"
COMMANDS = get_command(app).commands  # type: ignore[attr-defined] # typer's group


def _compose() -> dict[str, Any]:
    composed: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return composed


def _instructions(name: str) -> list[str]:
    """The arguments of every such instruction of the Containerfile, each as one line."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Containerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return re.findall(rf"^{name} +(.+)$", text, re.MULTILINE)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.name))
def test_every_setting_that_is_named_exists(file: Path) -> None:
    known = {f"HOLDFAST_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"HOLDFAST_[A-Z_]+", file.read_text())) <= known


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.name))
def test_every_file_is_described(file: Path) -> None:
    name = str(file.relative_to(ROOT)).removesuffix(".dockerignore")
    assert name in (ROOT / "docs/operations.md").read_text()


def test_values_in_the_unit_are_values_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for line in re.findall(r"^Environment=(.+)$", UNIT.read_text(), re.MULTILINE):
        name, value = line.split("=", 1)
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.home == Path("/var/lib/holdfast")
    assert settings.log_format == "json"


def test_the_unit_runs_a_command_that_exists() -> None:
    program, command = shlex.split(re.findall(r"^ExecStart=(.+)$", UNIT.read_text(), re.MULTILINE)[0])
    assert Path(program).name == "holdfast"
    assert command in COMMANDS


def test_the_image_installs_only_what_is_locked_with_hashes() -> None:
    installs = [one for run in _instructions("RUN") for one in run.split("&&") if "pip install" in one]
    assert installs
    for install in installs:
        assert "--no-deps" in install
        assert "--require-hashes" in install or install.split()[-1] == "/wheels/*.whl"
    for name in re.findall(r"requirements/\S+\.txt", " ".join(installs)):
        requirements = (ROOT / name).read_text()
        assert len(re.findall(r"^\S+==", requirements, re.MULTILINE)) > 0
        assert "--hash=sha256:" in requirements


def test_what_the_image_copies_exists_and_is_not_ignored() -> None:
    ignored = (DEPLOY / "Containerfile.dockerignore").read_text().splitlines()
    for copy in _instructions("COPY"):
        *sources, _ = shlex.split(copy)
        if sources[0].startswith("--from"):
            continue
        for source in sources:
            assert (ROOT / source).exists(), source
            assert f"!{source}" in ignored


def test_the_image_runs_a_command_as_nobody_special() -> None:
    assert _instructions("ENTRYPOINT") == ['["holdfast"]']
    (command,) = _instructions("CMD")[-1:]
    assert yaml.safe_load(command)[0] in COMMANDS
    user = _instructions("USER")[-1].split(":")[0]
    assert user.isdecimal()
    assert int(user) > 0


def test_the_image_asks_itself_for_health() -> None:
    (check,) = _instructions("HEALTHCHECK")
    command = yaml.safe_load(check.split("CMD", 1)[1])
    compile(command[-1], "HEALTHCHECK", "exec")
    assert "/healthz" in command[-1]


@pytest.mark.parametrize("profile", ["single", "shared"])
def test_each_form_of_the_compose_file_is_complete(profile: str) -> None:
    composed = _compose()
    services = {name: one for name, one in composed["services"].items() if profile in one["profiles"]}
    ports = [port for one in services.values() for port in one.get("ports", [])]
    assert ports == ["127.0.0.1:8787:8787"]
    for name, one in services.items():
        assert set(one.get("depends_on", {})) <= services.keys(), name
        volumes = {volume.split(":")[0] for volume in one["volumes"]}
        assert volumes <= composed["volumes"].keys(), name
        assert set(one.get("secrets", [])) <= composed["secrets"].keys(), name
        if one["image"] == "holdfast":
            assert one.get("command", "serve").split()[0] in COMMANDS, name
            assert one["read_only"] is True
            assert one["cap_drop"] == ["ALL"]
            assert (DEPLOY / one["build"]["context"] / one["build"]["dockerfile"]).is_file()


def test_only_the_shared_form_has_more_than_one_process_of_work() -> None:
    """SQLite has one worker: the service of that form is alone."""
    composed = _compose()
    single = [one for one in composed["services"].values() if "single" in one["profiles"]]
    assert len(single) == 1
    assert "HOLDFAST_DATABASE_URL" not in single[0]["environment"]
    shared = composed["services"]["worker"]["environment"]
    assert shared["HOLDFAST_DATABASE_URL"].startswith("postgresql://")
    assert shared == composed["services"]["service"]["environment"]
