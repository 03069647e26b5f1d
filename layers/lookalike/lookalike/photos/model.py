"""The description of a model folder: ``model.json`` beside ``model.onnx``.

``model.json`` has everything that other code needs to know of a model, so that no code names a model:

    {"name": "resnet50-sscd", "sha256": "…", "licence": "…", "source": "…",
     "input": {"name": "image", "layout": "NHWC", "dtype": "uint8", "size": 224, "normalisation": null},
     "output": {"name": "embedding", "dimensions": 512, "l2_normalise": true},
     "probe": "base64 of little-endian float32"}

``normalisation`` is null if the graph takes raw pixels of 0 to 255, else {"scale", "mean", "std"}: a channel's
value is (pixel * scale - mean) / std. ``probe`` is the embedding of the built-in probe image, recorded when
the folder was made; ``Embedder.drift`` compares with it. It may be absent.

This module needs neither Pillow nor onnxruntime.
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

RECIPE: Final = "srgb-margin-trim-3:2-stretch-bicubic-3"
"""The name of the way in which ``images.decode`` makes pixels. Part of the fingerprint: other pixels need another name."""

Layout = Literal["NHWC", "NCHW"]
DType = Literal["uint8", "float32"]
Channels = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Normalisation:
    """The step from a pixel of 0 to 255 to the graph's input: (pixel * scale - mean) / std."""

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
        """Read ``folder/model.json``. Raises ``ModelError`` if it is missing or impossible.

        The checksum of model.onnx comes from model.json. To compute it would cost every cold start 15 to 70 ms for 28 MB,
        and nothing changes the folder after ``make model``, which verifies the checksum. ``verify`` finds a file that was
        replaced since, and ``Embedder.drift`` finds it mostly.
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
        """Parse a model.json document. Raises ``ModelError``, which names the entry at fault."""
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
        """The document of model.json."""
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
        """The same model with another recorded embedding of the probe image: ``dimensions`` little-endian float32."""
        return replace(self, probe=probe)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the model file and of everything that shapes its input and output: 64 hexadecimal digits.

        Embeddings of two models are comparable if their fingerprints are equal. Name, licence, source and probe describe the
        model and do not change its embeddings, so they are left out.
        """
        document = self.document()
        shaping = {key: document[key] for key in ("sha256", "input", "output")} | {"recipe": RECIPE}
        canonical = json.dumps(shaping, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def verify(self, folder: Path) -> None:
        """Compare ``folder/model.onnx`` with the checksum. Raises ``ModelError`` if they differ."""
        actual = file_sha256(folder / MODEL_FILE)
        if actual != self.sha256:
            raise ModelError(
                f"{folder / MODEL_FILE} has the SHA-256 {actual}, model.json says {self.sha256}. Run `make model` again."
            )


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal. Raises ``ModelError`` if the file cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error}). Run `make model` first.") from error


class _Entries:
    """The entries of one JSON object. Reading one checks its type."""

    def __init__(self, document: object, prefix: str) -> None:
        if not isinstance(document, dict):
            raise ModelError(f"model.json: {prefix.rstrip('.') or 'the document'} must be a JSON object.")
        self._document = document
        self._prefix = prefix

    def optional(self, key: str) -> object:
        return self._document.get(key)

    def take[T](self, key: str, kind: type[T]) -> T:
        value = self._document.get(key)
        # Python counts JSON's true as an int.
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
