"""What a model folder is made of: one network, three parts, or a folder of one's own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lookalike.photos import colour_descriptor
from lookalike.photos.model import ModelSpec
from lookalike.photos.model_parts import MODEL_FILE
from scripts.models.networks import Document, Network, category, own_document

LOOKALIKE: Final = "lookalike"

# Chosen by measurement: docs/decisions/0048.
SHAPE_WEIGHT: Final = 1.0
CATEGORY_WEIGHT: Final = 1.0
COLOUR_WEIGHT: Final = 0.6

Files = Mapping[str, Path]
"""Where each file of a model folder is to be copied from, by its name in the folder."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to make a model folder.

    ``expected``: what is known of its model.json beforehand. ``make(folder)`` gives all of it but the probe, and the files; ``folder``
    is for files that are made on the way. It raises ``ModelError``.
    """

    expected: Document
    make: Callable[[Path], tuple[Document, Files]]


def one_network(network: Network) -> Recipe:
    """A model that is this network alone."""
    described = {"name": network.name, "licence": network.licence, "source": network.source}

    def make(folder: Path) -> tuple[Document, Files]:
        file, entries = network.obtain(folder)
        return described | entries, {MODEL_FILE: file}

    return Recipe(described | network.entries, make)


def three_parts(shape: Network) -> Recipe:
    """The model of three parts, with this network as ``shape``."""
    networks = {"shape": (shape, SHAPE_WEIGHT), "category": (category(), CATEGORY_WEIGHT)}
    colour = {
        "name": "colour",
        "kind": "colour",
        "weight": COLOUR_WEIGHT,
        "descriptor": colour_descriptor.DESCRIPTOR,
        "dimensions": colour_descriptor.DIMENSIONS,
    }

    def document(entries: Mapping[str, Document]) -> Document:
        parts = [
            {"name": name, "kind": "onnx", "weight": weight, "file": f"{name}.onnx", **entries[name]}
            for name, (_, weight) in networks.items()
        ]
        return {
            "name": LOOKALIKE,
            "licence": _listed({name: network.licence for name, (network, _) in networks.items()}),
            "source": _listed({name: network.source for name, (network, _) in networks.items()}),
            "parts": [*parts, colour],
        }

    def make(folder: Path) -> tuple[Document, Files]:
        obtained = {name: network.obtain(folder) for name, (network, _) in networks.items()}
        files = {f"{name}.onnx": file for name, (file, _) in obtained.items()}
        return document({name: entries for name, (_, entries) in obtained.items()}), files

    return Recipe(document({name: network.entries for name, (network, _) in networks.items()}), make)


def own_folder(folder: Path) -> Recipe:
    """A model of one's own: ``folder`` has model.json and its files. ``sha256`` and ``probe`` may be left out.

    Raises ``ModelError`` where model.json is missing or impossible.
    """
    document = own_document(folder)
    files = {part.file: folder / part.file for part in ModelSpec.parse(document).networks}
    return Recipe(document, lambda _folder: (document, files))


def _listed(texts: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {text}" for name, text in texts.items())
