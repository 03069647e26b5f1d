"""checkov's policies, but for those that .checkov.yaml skips with a reason, and each of those only while it is needed."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra.translated import Resources

ROOT = Path(__file__).resolve().parents[2]
CHECKOV = ROOT / ".venv-checkov" / "bin" / "checkov"
CONFIG = ROOT / ".checkov.yaml"


@pytest.mark.skipif(
    not (ROOT / ".venv-checkov" / ".ready").exists(), reason="checkov is not installed: run `make test`"
)
def test_the_template_breaks_no_policy_but_the_skipped_ones(tmp_path: Path, resources: Resources) -> None:
    template, config = tmp_path / "template.json", tmp_path / "config.yaml"
    template.write_text(json.dumps(resources.document))
    settings = yaml.safe_load(CONFIG.read_text())
    skipped = set(settings.pop("skip-check"))
    # Without the skips, so that one that is not needed any more is noticed.
    config.write_text(yaml.safe_dump(settings | {"output": "json"}))
    checked = subprocess.run(
        [CHECKOV, "--config-file", config, "--file", template],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.stdout, checked.stderr
    report: dict[str, Any] = json.loads(checked.stdout)
    assert report["summary"]["passed"] > 50
    assert report["summary"]["parsing_errors"] == 0
    broken = {f"{item['check_id']} {item['resource']}" for item in report["results"]["failed_checks"]}
    assert {text for text in broken if text.split()[0] not in skipped} == set()
    assert skipped - {text.split()[0] for text in broken} == set()


def test_every_skipped_policy_has_a_reason() -> None:
    lines = CONFIG.read_text().splitlines()
    skips = [number for number, line in enumerate(lines) if line.strip().startswith("- CKV")]
    assert skips
    for number in skips:
        assert lines[number - 1].strip().startswith("# "), lines[number]
