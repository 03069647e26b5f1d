"""Paths of the repository."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
"""The repository's folder."""

MODEL: Final = ROOT / "build" / "model"
"""The folder of the model that `make model` obtains."""
