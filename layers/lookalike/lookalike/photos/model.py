"""The description of a model folder: ``model.json`` beside the ONNX files of its parts.

``model.json`` has everything that other code needs to know of a model, so that no code names a model. A model of one network:

    {"name": "resnet50-sscd", "sha256": "…", "licence": "…", "source": "…",
     "input": {"name": "image", "layout": "NHWC", "dtype": "uint8", "size": 224, "normalisation": null},
     "output": {"name": "embedding", "dimensions": 512, "l2_normalise": true},
     "probe": "base64 of little-endian float32"}

Its file is ``model.onnx``, and its embedding has one part, ``shape``. A model of several parts lists them in the order in which
they stand in a row. They take the same pixels:

    {"name": "lookalike", "licence": "…", "source": "…", "probe": "…", "parts": [
     {"name": "shape", "kind": "onnx", "weight": 1, "file": "shape.onnx", "sha256": "…", "input": {…}, "output": {…}},
     {"name": "colour", "kind": "colour", "weight": 0.5, "descriptor": "…", "dimensions": 64}]}

``normalisation`` is null if the graph takes raw pixels of 0 to 255, else {"scale", "mean", "std"}: a channel's
value is (pixel * scale - mean) / std. ``weight`` is the default weight in distances. ``fits_16_bits``, which ``make model`` finds out,
says of a network of 8-bit numbers that no processor has to saturate its sums (``network.may_saturate``). ``probe`` is the embedding of the built-in
probe image, recorded when the folder was made; ``Embedder.drift`` compares with it. It may be absent.

This module needs neither Pillow nor onnxruntime.
"""

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

from lookalike.errors import ModelError
from lookalike.layout import MAX_WEIGHT, Layout, Part
from lookalike.photos.entries import Entries
from lookalike.photos.model_parts import MODEL_FILE, ColourPart, OnnxPart, PartSpec, digest

SPEC_FILE: Final = "model.json"

ONE_PART: Final = "shape"
"""The name of the part of a model that is one network."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model's parts in the order in which they stand in a row, and the recorded embedding of the probe image."""

    name: str
    licence: str
    source: str
    parts: tuple[PartSpec, ...]
    probe: bytes | None = None

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read ``folder/model.json``. Raises ``ModelError`` if it is missing or impossible.

        The checksums of the ONNX files come from model.json. To compute them would cost every cold start 15 to 70 ms for 28 MB,
        and nothing changes the folder after ``make model``, which verifies them. ``verify`` finds a file that was
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
        top = Entries(document)
        parts = _parts(top) if "parts" in top else (OnnxPart.parse(top, name=ONE_PART, weight=1.0, file=MODEL_FILE),)
        spec = cls(top.text("name"), top.text("licence"), top.text("source"), parts)
        return replace(spec, probe=_probe(top.optional("probe"), spec.layout.dimensions))

    def document(self) -> dict[str, Any]:
        """The document of model.json."""
        return {
            "name": self.name,
            "licence": self.licence,
            "source": self.source,
            **(self.parts[0].document() if self._is_one_network else {"parts": [*map(_part_document, self.parts)]}),
            "probe": None if self.probe is None else base64.b64encode(self.probe).decode(),
        }

    def with_probe(self, probe: bytes) -> Self:
        """The same model with another recorded embedding of the probe image: a row of little-endian float32."""
        return replace(self, probe=probe)

    def with_parts(self, parts: Iterable[PartSpec]) -> Self:
        """The same model with other descriptions of its parts."""
        return replace(self, parts=tuple(parts))

    @property
    def layout(self) -> Layout:
        """The parts of an embedding, and their default weights."""
        return Layout(tuple(Part(part.name, part.dimensions, part.weight) for part in self.parts))

    @property
    def size(self) -> int:
        """The side of the square of pixels that every part takes."""
        return self.parts[0].size

    @property
    def networks(self) -> tuple[OnnxPart, ...]:
        """The parts that have a file."""
        return tuple(part for part in self.parts if isinstance(part, OnnxPart))

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the fingerprints of all parts with their names, in their order: 64 hexadecimal digits.

        Embeddings of two models are comparable if their fingerprints are equal. The default weights, the name, licence, source and
        probe describe the model and do not change its embeddings, so they are left out.
        """
        return digest([[part.name, part.fingerprint] for part in self.parts])

    def verify(self, folder: Path) -> None:
        """Compare the files in ``folder`` with their checksums. Raises ``ModelError`` where one differs."""
        for part in self.networks:
            part.verify(folder)

    @property
    def _is_one_network(self) -> bool:
        return [(part.name, part.weight, getattr(part, "file", None)) for part in self.parts] == [
            (ONE_PART, 1, MODEL_FILE)
        ]


def _parts(top: Entries) -> tuple[PartSpec, ...]:
    described = [Entries(item, f"parts[{index}].") for index, item in enumerate(top.take("parts", list))]
    kinds = [entries.choice("kind", ("onnx", "colour")) for entries in described]
    networks = [_onnx_part(entries) for entries, kind in zip(described, kinds, strict=True) if kind == "onnx"]
    if len({part.size for part in networks}) != 1:
        raise top.error("parts", "must have a part of kind onnx, and all must have the same input.size")
    following = iter(networks)
    parts = tuple(
        next(following) if kind == "onnx" else _colour_part(entries, networks[0].size)
        for entries, kind in zip(described, kinds, strict=True)
    )
    if len({part.name for part in parts}) < len(parts) or len({part.file for part in networks}) < len(networks):
        raise top.error("parts", "must have different names and different files")
    if not any(part.weight for part in parts):
        raise top.error("parts", "must have a weight above 0")
    return parts


def _onnx_part(entries: Entries) -> OnnxPart:
    # A name with a path in it could reach out of the folder.
    file = entries.matching("file", r"[A-Za-z0-9_-][A-Za-z0-9._-]*\.onnx", "the name of an .onnx file in the folder")
    part = OnnxPart.parse(entries, **_common(entries), file=file)
    if not part.l2_normalise:
        # Weights compare parts with each other.
        raise entries.error("output.l2_normalise", "must be true in a model of several parts")
    return part


def _colour_part(entries: Entries, size: int) -> ColourPart:
    return ColourPart.parse(entries, **_common(entries), size=size)


def _common(entries: Entries) -> dict[str, Any]:
    weight = entries.number("weight")
    if not 0 <= weight <= MAX_WEIGHT:
        raise entries.error("weight", f"must be from 0 to {MAX_WEIGHT:g}, not {weight!r}")
    return {"name": entries.matching("name", "[a-z][a-z0-9_-]*", "a name in lower-case letters"), "weight": weight}


def _part_document(part: PartSpec) -> dict[str, Any]:
    kind = {"kind": "onnx", "file": part.file} if isinstance(part, OnnxPart) else {"kind": "colour"}
    return {"name": part.name, "weight": part.weight, **kind, **part.document()}


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
