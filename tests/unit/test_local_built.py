"""A build is run only where it is whole, up to date and for this machine."""

import platform
import shutil
from pathlib import Path

import pytest

from scripts.local import built
from scripts.local.built import NotBuiltError, built_template

ARCHITECTURE = {"AMD64": "x86_64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
TEMPLATE = "Parameters: {{Architecture: {{Type: String, Default: {}}}}}\n"


@pytest.fixture
def build_dir(tmp_path, monkeypatch) -> Path:
    """A build of a small project whose system is Linux, wherever the test runs."""
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(built, "ROOT", tmp_path / "project")
    build_dir = tmp_path / "build"
    for source, folder in built._SOURCES.items():
        (tmp_path / "project" / source).mkdir(parents=True)
        (tmp_path / "project" / source / "app.py").write_text(f"NAME = {source!r}", encoding="utf-8")
        shutil.copytree(tmp_path / "project" / source, build_dir / folder)
    (build_dir / "template.yaml").write_text(TEMPLATE.format(ARCHITECTURE), encoding="utf-8")
    return build_dir


def test_what_is_built_of_the_sources_of_now_can_be_run(build_dir):
    assert built_template(build_dir) == build_dir / "template.yaml"


def test_where_nothing_is_built_it_says_what_to_run(tmp_path):
    with pytest.raises(NotBuiltError, match="make build"):
        built_template(tmp_path)


def test_what_is_built_for_another_processor_is_refused(build_dir):
    other = "arm64" if ARCHITECTURE == "x86_64" else "x86_64"
    (build_dir / "template.yaml").write_text(TEMPLATE.format(other), encoding="utf-8")
    with pytest.raises(NotBuiltError, match=f"Linux on {other}"):
        built_template(build_dir)


@pytest.mark.parametrize("source", built._SOURCES)
def test_what_is_built_of_other_sources_is_refused(build_dir, source):
    (built.ROOT / source / "app.py").write_text("CHANGED = 1", encoding="utf-8")
    with pytest.raises(NotBuiltError, match=f"{source} is out of date"):
        built_template(build_dir)
