"""The functions and layers that `make build` left: are they there, up to date, and for this machine?"""

import platform
from pathlib import Path
from typing import Final

from scripts.common.paths import ROOT
from scripts.common.template_yaml import yaml_parse

BUILD_DIR: Final = ROOT / ".aws-sam" / "build"

# Sources below the repository, and the folders that the build copies them to.
_SOURCES: Final = {
    "layers/lookalike/lookalike": "LookalikeLayer/python/lookalike",
    "functions/ingest": "IngestFunction",
    "functions/query": "QueryFunction",
    "functions/compact": "CompactFunction",
    "functions/follow": "FollowFunction",
}


class NotBuiltError(Exception):
    """The build cannot be run here. The message says why, and what to do."""


def built_template(build_dir: Path = BUILD_DIR) -> Path:
    """The template of the built functions and layers. Raises NotBuiltError."""
    template = build_dir / "template.yaml"
    if not template.is_file():
        raise NotBuiltError("Nothing is built. Run `make build` first.")
    architecture = yaml_parse(template.read_text(encoding="utf-8"))["Parameters"]["Architecture"]["Default"]
    machine = {"AMD64": "x86_64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    if (platform.system(), machine) != ("Linux", architecture):
        raise NotBuiltError(
            f"The build is for Linux on {architecture}, which this machine cannot run. On Linux, "
            f"`make build ARCHITECTURE={machine}` builds for it."
        )
    for source, folder in _SOURCES.items():
        if _modules(ROOT / source) != _modules(build_dir / folder):
            raise NotBuiltError(f"The build of {source} is out of date. Run `make build` again.")
    return template


def _modules(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.py")}
