"""What a model folder says about itself: ``model.onnx`` beside ``model.json``.

``model.json`` holds everything that code downstream needs to know, so that nothing else names a model:

    {"name": "resnet50-sscd", "sha256": "…", "licence": "…", "source": "…",
     "input": {"name": "image", "layout": "NHWC", "dtype": "uint8", "size": 224, "normalisation": null},
     "output": {"name": "embedding", "dimensions": 512, "l2_normalise": true},
     "probe": "base64 of little-endian float32"}

``normalisation`` is null where the graph takes raw pixels 0 to 255, else {"scale", "mean", "std"}: a channel's
value is (pixel * scale - mean) / std. ``probe`` is the embedding of the built-in probe image as recorded when
the folder was made; ``Embedder.drift`` compares with it. It may be absent.

Neither Pillow nor onnxruntime is needed to read a model folder.
"""

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, Self, cast

from lookalike.errors import ModelError

MODEL_FILE: Final = "model.onnx"
SPEC_FILE: Final = "model.json"

RECIPE: Final = "trim-3:2-stretch-bicubic-1"
"""How ``images.decode`` makes pixels of a photo: part of the fingerprint, so it changes when they do."""

Layout = Literal["NHWC", "NCHW"]
DType = Literal["uint8", "float32"]
Channels = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Normalisation:
    """What happens to a pixel of 0 to 255 before it enters the graph: (pixel * scale - mean) / std."""

    scale: float
    mean: Channels
    std: Channels


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model's file, the pixels it takes and the embedding it gives."""

    name: str
    sha256: str
    licence: str
    source: str
    input_name: str
    layout: Layout
    dtype: DType
    size: int
    normalisation: Normalisation | None
    output_name: str
    dimensions: int
    l2_normalise: bool
    probe: bytes | None = None

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read ``folder/model.json``. Raises ``ModelError`` where it is missing or says something impossible.

        The checksum of model.onnx is taken from model.json, not computed: that would cost every cold start
        15 to 70 ms for 28 MB, and the folder does not change once ``make model``, which does verify it, has
        written it. A file put there since is caught by ``verify``, and mostly by ``Embedder.drift``.
        """
        path = folder / SPEC_FILE
        try:
            document = json.loads(path.read_bytes())
        except FileNotFoundError as error:
            raise ModelError(f"There is no {path}. Run `make model` first.") from error
        except (OSError, ValueError) as error:
            raise ModelError(f"{path} cannot be read ({error}). Run `make model` again.") from error
        return cls.parse(document)

    @classmethod
    def parse(cls, document: object) -> Self:
        """Build the spec of a model.json document. Raises ``ModelError`` naming the entry at fault."""
        top = _Entries(document, "")
        inputs = _Entries(top.take("input", dict), "input.")
        output = _Entries(top.take("output", dict), "output.")
        sha256 = top.take("sha256", str)
        if not re.fullmatch(r"[0-9a-f]{64}", sha256):
            raise ModelError("model.json: sha256 must be 64 lower-case hexadecimal digits of model.onnx.")
        dimensions = output.positive("dimensions")
        probe = _probe(top.optional("probe"), dimensions)
        spec = cls(
            name=top.text("name"),
            sha256=sha256,
            licence=top.text("licence"),
            source=top.text("source"),
            input_name=inputs.text("name"),
            layout=cast(Layout, inputs.choice("layout", ("NHWC", "NCHW"))),
            dtype=cast(DType, inputs.choice("dtype", ("uint8", "float32"))),
            size=inputs.positive("size"),
            normalisation=_normalisation(inputs.optional("normalisation")),
            output_name=output.text("name"),
            dimensions=dimensions,
            l2_normalise=output.take("l2_normalise", bool),
            probe=probe,
        )
        if spec.dtype == "uint8" and spec.normalisation is not None:
            raise ModelError("model.json: input.normalisation must be null where input.dtype is uint8.")
        return spec

    def document(self) -> dict[str, Any]:
        """The spec as model.json holds it."""
        normalisation = self.normalisation and {
            "scale": self.normalisation.scale,
            "mean": list(self.normalisation.mean),
            "std": list(self.normalisation.std),
        }
        return {
            "name": self.name,
            "sha256": self.sha256,
            "licence": self.licence,
            "source": self.source,
            "input": {
                "name": self.input_name,
                "layout": self.layout,
                "dtype": self.dtype,
                "size": self.size,
                "normalisation": normalisation,
            },
            "output": {
                "name": self.output_name,
                "dimensions": self.dimensions,
                "l2_normalise": self.l2_normalise,
            },
            "probe": None if self.probe is None else base64.b64encode(self.probe).decode(),
        }

    def with_probe(self, probe: bytes) -> Self:
        """The same model with the embedding of the probe image: ``dimensions`` little-endian float32."""
        return replace(self, probe=probe)

    @property
    def fingerprint(self) -> str:
        """SHA-256, 64 hexadecimal digits, over the model file and all that shapes its input and output.

        Two models whose embeddings may be compared have the same fingerprint. Name, licence, source and probe
        describe the model without changing what it gives, and are left out.
        """
        document = self.document()
        shaping = {key: document[key] for key in ("sha256", "input", "output")} | {"recipe": RECIPE}
        canonical = json.dumps(shaping, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def verify(self, folder: Path) -> None:
        """Compare ``folder/model.onnx`` with the checksum. Raises ``ModelError`` where they differ."""
        found = file_sha256(folder / MODEL_FILE)
        if found != self.sha256:
            raise ModelError(
                f"{folder / MODEL_FILE} has the SHA-256 {found}, model.json says {self.sha256}. Run `make model` again."
            )


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal. Raises ``ModelError`` where the file cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error}). Run `make model` first.") from error


class _Entries:
    """The entries of one JSON object, taken with their types checked."""

    def __init__(self, document: object, prefix: str) -> None:
        if not isinstance(document, dict):
            raise ModelError(f"model.json: {prefix.rstrip('.') or 'the document'} must be a JSON object.")
        self._document = document
        self._prefix = prefix

    def optional(self, key: str) -> object:
        return self._document.get(key)

    def take[T](self, key: str, kind: type[T]) -> T:
        value = self._document.get(key)
        # JSON's true is an int to Python, but no number to a reader.
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise ModelError(f"model.json: {self._prefix}{key} must be a {_KINDS[kind]}, not {value!r}.")
        return value

    def text(self, key: str) -> str:
        value = self.take(key, str)
        if not value.strip():
            raise ModelError(f"model.json: {self._prefix}{key} must not be empty.")
        return value

    def positive(self, key: str) -> int:
        value = self.take(key, int)
        if not 1 <= value <= 65_536:
            raise ModelError(f"model.json: {self._prefix}{key} must be from 1 to 65536, not {value}.")
        return value

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        value = self.take(key, str)
        if value not in choices:
            raise ModelError(f"model.json: {self._prefix}{key} must be one of {', '.join(choices)}, not {value!r}.")
        return value


_KINDS: Final[dict[type, str]] = {
    str: "text",
    int: "whole number",
    bool: "true or false",
    dict: "JSON object",
}


def _normalisation(value: object) -> Normalisation | None:
    if value is None:
        return None
    entries = _Entries(value, "input.normalisation.")
    scale = entries.optional("scale")
    mean, std = (_channels(entries.optional(key), key) for key in ("mean", "std"))
    if isinstance(scale, bool) or not isinstance(scale, int | float) or scale <= 0:
        raise ModelError(f"model.json: input.normalisation.scale must be a number above 0, not {scale!r}.")
    if min(std) <= 0:
        raise ModelError("model.json: input.normalisation.std must hold numbers above 0.")
    return Normalisation(float(scale), mean, std)


def _channels(value: object, key: str) -> Channels:
    if isinstance(value, list) and len(value) == 3 and all(type(item) in (int, float) for item in value):
        red, green, blue = (float(item) for item in value)
        return red, green, blue
    raise ModelError(f"model.json: input.normalisation.{key} must be three numbers (red, green, blue), not {value!r}.")


def _probe(value: object, dimensions: int) -> bytes | None:
    if value is None:
        return None
    try:
        probe = base64.b64decode(value if isinstance(value, str) else "", validate=True)
    except binascii.Error:
        probe = b""
    if len(probe) != 4 * dimensions:
        raise ModelError(f"model.json: probe must be base64 of {dimensions} float32 values. Run `make model` again.")
    return probe
