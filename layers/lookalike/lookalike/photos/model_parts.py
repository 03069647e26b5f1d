"""The parts of a model as ``model.json`` describes them: a network in an ONNX file, or the built-in colour descriptor."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Self, cast

from lookalike.errors import ModelError
from lookalike.photos.entries import Entries

MODEL_FILE: Final = "model.onnx"

RECIPE: Final = "srgb-margin-trim-3:2-stretch-bicubic-3"
"""The name of the way in which ``images.decode`` makes pixels. Part of every fingerprint: other pixels need another name."""

Axes = Literal["NHWC", "NCHW"]
DType = Literal["uint8", "float32"]
Channels = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Normalisation:
    """The step from a pixel of 0 to 255 to the graph's input: (pixel * scale - mean) / std."""

    scale: float
    mean: Channels
    std: Channels


@dataclass(frozen=True, slots=True)
class OnnxPart:
    """A network: its file, the pixels it takes and the vector it gives.

    ``weight``: in distances, where a query gives no other. ``fits_16_bits``: whether each sum of two products of 8-bit numbers is known
    to fit into 16 bits.
    """

    name: str
    weight: float
    file: str
    sha256: str
    input_name: str
    axes: Axes
    dtype: DType
    size: int
    normalisation: Normalisation | None
    output_name: str
    dimensions: int
    l2_normalise: bool
    fits_16_bits: bool = False

    @classmethod
    def parse(cls, entries: Entries, *, name: str, weight: float, file: str) -> Self:
        """Parse the entries of a network. Raises ``ModelError``."""
        inputs, output = entries.below("input"), entries.below("output")
        part = cls(
            name=name,
            weight=weight,
            file=file,
            sha256=entries.matching("sha256", "[0-9a-f]{64}", f"64 lower-case hexadecimal digits of {file}"),
            input_name=inputs.text("name"),
            axes=cast(Axes, inputs.choice("layout", ("NHWC", "NCHW"))),
            dtype=cast(DType, inputs.choice("dtype", ("uint8", "float32"))),
            size=inputs.positive("size"),
            normalisation=_normalisation(inputs),
            output_name=output.text("name"),
            dimensions=output.positive("dimensions"),
            l2_normalise=output.take("l2_normalise", bool),
            fits_16_bits="fits_16_bits" in entries and entries.take("fits_16_bits", bool),
        )
        if part.dtype == "uint8" and part.normalisation is not None:
            raise inputs.error("normalisation", "must be null where input.dtype is uint8")
        return part

    def document(self) -> dict[str, Any]:
        """The entries that ``parse`` reads."""
        normalisation = self.normalisation and {
            "scale": self.normalisation.scale,
            "mean": list(self.normalisation.mean),
            "std": list(self.normalisation.std),
        }
        return {
            "sha256": self.sha256,
            "fits_16_bits": self.fits_16_bits,
            "input": {
                "name": self.input_name,
                "layout": self.axes,
                "dtype": self.dtype,
                "size": self.size,
                "normalisation": normalisation,
            },
            "output": {
                "name": self.output_name,
                "dimensions": self.dimensions,
                "l2_normalise": self.l2_normalise,
            },
        }

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that shapes the vectors: the file, its input and output, and the pixels. 64 hexadecimal digits."""
        document = self.document()
        return digest({key: document[key] for key in ("sha256", "input", "output")} | {"recipe": RECIPE})

    def verify(self, folder: Path) -> None:
        """Compare the part's file in ``folder`` with its checksum. Raises ``ModelError`` where they differ."""
        actual = file_sha256(folder / self.file)
        if actual != self.sha256:
            raise ModelError(
                f"{folder / self.file} has the SHA-256 {actual} and should have {self.sha256}. Run `make model` again, "
                "or correct sha256 in model.json."
            )


@dataclass(frozen=True, slots=True)
class ColourPart:
    """The built-in colour descriptor. ``descriptor``: its name, which changes whenever its vectors do."""

    name: str
    weight: float
    descriptor: str
    dimensions: int
    size: int

    @classmethod
    def parse(cls, entries: Entries, *, name: str, weight: float, size: int) -> Self:
        """Parse the entries of a colour descriptor, which takes pixels of any ``size``. Raises ``ModelError``."""
        return cls(name, weight, entries.text("descriptor"), entries.positive("dimensions"), size)

    def document(self) -> dict[str, Any]:
        """The entries that ``parse`` reads."""
        return {"descriptor": self.descriptor, "dimensions": self.dimensions}

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that shapes the vectors: 64 hexadecimal digits."""
        return digest(self.document() | {"size": self.size, "recipe": RECIPE})


PartSpec = OnnxPart | ColourPart


def digest(value: object) -> str:
    """SHA-256 of a JSON value in its canonical form: 64 hexadecimal digits."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal. Raises ``ModelError`` if the file cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error}). Run `make model` first.") from error


def _normalisation(inputs: Entries) -> Normalisation | None:
    if inputs.optional("normalisation") is None:
        return None
    entries = inputs.below("normalisation")
    scale = entries.number("scale")
    mean, std = (cast(Channels, entries.numbers(key, 3)) for key in ("mean", "std"))
    if scale <= 0:
        raise entries.error("scale", f"must be above 0, not {scale!r}")
    if min(std) <= 0:
        raise entries.error("std", "must hold numbers above 0")
    return Normalisation(scale, mean, std)
