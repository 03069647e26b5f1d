"""The command behind `make build`, without building."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts import build
from scripts.common.template_yaml import yaml_parse

BUILT = """\
Parameters:
  Architecture:
    Description: Processor of the functions,
      folded by SAM.
    Type: String
    AllowedValues:
    - x86_64
    - arm64
    Default: x86_64
  LogLevel:
    Type: String
    AllowedValues:
    - DEBUG
    - INFO
    Default: INFO
Resources: {}
"""


def test_a_built_template_deploys_for_the_processor_it_was_built_for(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(BUILT)
    build.pin_architecture(template, "arm64")
    before, after = (yaml_parse(text)["Parameters"] for text in (BUILT, template.read_text()))
    assert after["Architecture"]["Default"] == "arm64"
    assert after["Architecture"]["AllowedValues"] == ["arm64"]
    assert after["Architecture"]["Description"] == before["Architecture"]["Description"]
    assert after["LogLevel"] == before["LogLevel"]


def test_sam_is_told_where_everything_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[list[str], dict[str, str]]] = []

    def run(command: list[str], *, env: dict[str, str], **options: Any) -> None:
        calls.append((command, env))
        (tmp_path / "template.yaml").write_text(BUILT)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setenv("PYTHONPATH", "/somewhere/else")
    python = Path(sys.executable)
    build.build(python, "arm64", tmp_path)
    ((command, environment),) = calls
    assert command[:4] == [str(python), "-m", "samcli", "build"]
    assert "Architecture=arm64" in command
    assert environment["SAM_CLI_TELEMETRY"] == "0"
    assert environment["LOOKALIKE_ROOT"] == str(build.ROOT)
    assert environment["LOOKALIKE_PYTHON"] == str(python)
    assert environment["LOOKALIKE_ARCHITECTURE"] == "arm64"
    assert environment["PATH"].split(os.pathsep)[0] == str(python.parent), "ahead of the launchers of version managers"
    assert "PYTHONPATH" not in environment


def test_without_its_python_the_build_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build, "PYTHON", tmp_path / "python")
    with pytest.raises(SystemExit) as ended:
        build.main([])
    assert ended.value.code == 2
    assert "run `make build`" in capsys.readouterr().err


def test_a_failed_step_is_named_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*arguments: Any) -> None:
        raise subprocess.CalledProcessError(3, ["/somewhere/sam", "build"])

    monkeypatch.setattr(build, "PYTHON", Path(sys.executable))
    monkeypatch.setattr(build, "build", fail)
    assert build.main([]) == 1
    assert "sam ended with 3" in capsys.readouterr().err
