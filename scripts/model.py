#!/usr/bin/env python3
"""Put an embedding model into build/model: its ONNX files and the model.json that describes them.

    python -m scripts.model                      the default, lookalike: three parts, shape, category and colour
    python -m scripts.model lookalike --shape X  the same with another shape: a name below, or a folder of one network
    python -m scripts.model resnet50-sscd        the default's shape alone
    python -m scripts.model resnet50-imagenet    ResNet50 as trained on ImageNet, alone: a download of 26 MB
    python -m scripts.model path/to/folder       a model of your own: a folder with model.json and its ONNX files

`make model MODEL=...` calls this. A model that is in place already is left alone. Any other is loaded and
run once, on the built-in probe image, before it replaces the present one.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lookalike.errors import LookalikeError, ModelError
from lookalike.photos.embedder import Embedder
from lookalike.photos.model import SPEC_FILE, ModelSpec
from lookalike.photos.model_parts import OnnxPart, PartSpec
from scripts.common.arguments import command_parser
from scripts.common.paths import ROOT
from scripts.models.networks import ZOO, imagenet, own_network, sscd
from scripts.models.recipes import LOOKALIKE, Recipe, one_network, own_folder, three_parts


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.shape and options.model != LOOKALIKE:
        parser.error(f"--shape belongs to the model {LOOKALIKE}")
    try:
        if options.show:
            show(options.output)
        else:
            put(options.output, _recipe(options))
    except LookalikeError as error:
        print(f"model: {error}", file=sys.stderr)
        return 1
    return 0


def put(output: Path, recipe: Recipe) -> None:
    """Make a model beside ``output``, try it there, and only then put it in place. Raises ``ModelError``."""
    if _is_in_place(output, recipe.expected):
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{output.name}-", dir=output.parent) as temporary:
        making, fresh = Path(temporary) / "making", Path(temporary) / "fresh"
        making.mkdir()
        fresh.mkdir()
        document, files = recipe.make(making)
        spec = ModelSpec.parse(document)
        for name, file in files.items():
            # A copy and no link: damage to build/model must not damage the installed package.
            _copy(file, fresh / name)
        spec.verify(fresh)
        spec = spec.with_parts([_looked_at(part, fresh) for part in spec.parts])
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
    lines = [("model", spec.name), ("folder", str(output)), ("fingerprint", spec.fingerprint)]
    lines.append(("pixels", f"{spec.size} x {spec.size}"))
    for part in spec.parts:
        how = part.file if isinstance(part, OnnxPart) else part.descriptor
        lines.append((part.name, f"{part.dimensions} dimensions, weight {part.weight:g}, {how}"))
    lines += [("licence", spec.licence), ("source", spec.source)]
    for label, value in lines:
        print(f"{label + ':':<13}{value}")


def _recipe(options: argparse.Namespace) -> Recipe:
    networks = {"resnet50-sscd": sscd(), "resnet50-imagenet": imagenet(options.downloads, options.url_base)}
    if options.model == LOOKALIKE:
        shape = options.shape or "resnet50-sscd"
        return three_parts(networks[shape] if shape in networks else own_network(Path(shape)))
    if options.model in networks:
        return one_network(networks[options.model])
    return own_folder(Path(options.model))


def _is_in_place(output: Path, expected: object) -> bool:
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
    if isinstance(whole, list) and isinstance(part, list):
        return len(whole) == len(part) and all(map(_agrees, whole, part))
    return whole == part


def _looked_at(part: PartSpec, folder: Path) -> PartSpec:
    """The part with what its file says of itself."""
    if not isinstance(part, OnnxPart):
        return part
    from scripts.models.eight_bit import fits_16_bits  # needs onnx

    return replace(part, fits_16_bits=fits_16_bits(folder / part.file))


def _copy(source: Path, destination: Path) -> None:
    try:
        shutil.copyfile(source, destination)
    except OSError as error:
        raise ModelError(f"{source} cannot be read ({error}). Install it again.") from error


def _write_spec(folder: Path, spec: ModelSpec) -> None:
    (folder / SPEC_FILE).write_text(json.dumps(spec.document(), indent=2, ensure_ascii=False) + "\n", "utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("model", __doc__)
    build = ROOT / "build"
    parser.add_argument("model", nargs="?", default=LOOKALIKE, help="a name above or a folder (%(default)s)")
    parser.add_argument("--shape", metavar="NAME|FOLDER", help=f"the part shape of {LOOKALIKE} (resnet50-sscd)")
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
