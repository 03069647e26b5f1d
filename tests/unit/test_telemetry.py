"""Embedding photos sends nothing to anybody: onnxruntime's own telemetry stays off."""

import sys
from pathlib import Path

from tests.support.quiet import assert_keeps_to_itself
from tests.tiny_model import write_tiny_model

EMBED = """
import io, os
from pathlib import Path
from PIL import Image
from lookalike.photos.embedder import Embedder
stream = io.BytesIO()
Image.new("RGB", (20, 20), "orange").save(stream, "PNG")
(embedding,) = Embedder(Path(os.environ["MODEL_DIR"]), threads=1).embed([stream.getvalue()])
assert embedding.size
"""


def test_a_process_that_embeds_keeps_to_itself(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    model = write_tiny_model(tmp_path / "model")
    assert_keeps_to_itself([sys.executable, "-B"], EMBED, home, MODEL_DIR=str(model))
