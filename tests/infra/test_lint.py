"""The linters of CloudFormation and of SAM have nothing to say about template.yaml."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAM_PYTHON = ROOT / ".venv-sam" / "bin" / "python"


def test_cfn_lint_finds_nothing() -> None:
    # A process of its own: cfn-lint keeps global state and configures logging.
    command = [Path(sys.executable).with_name("cfn-lint"), "template.yaml"]
    linted = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout + linted.stderr


@pytest.mark.skipif(not SAM_PYTHON.exists(), reason="SAM CLI is not installed: run `make build`")
def test_sam_validate_finds_nothing(tmp_path: Path) -> None:
    # Without credentials, a region or a configuration of this machine's owner.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_"))}
    environment |= {"SAM_CLI_TELEMETRY": "0", "HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}
    validated = subprocess.run(
        [SAM_PYTHON, "-m", "samcli", "validate", "--lint", "--template-file", str(ROOT / "template.yaml")],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert validated.returncode == 0, validated.stdout + validated.stderr
