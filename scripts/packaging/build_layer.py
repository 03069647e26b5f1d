"""Fill the folder of one Lambda layer: the package, the dependencies of the functions, or the model.

The layers' makefiles run it, with the Python 3.13 that `make build` prepared. Lambda's Python 3.13 would ignore bytecode of
another version and compile everything again at every cold start, so other versions are refused.

requirements/ pins and hashes the packages. The files that are removed from them are never imported by the functions; the
tests of the built layers prove it.
"""

import compileall
import fnmatch
import os
import py_compile
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from scripts.common.arguments import command_parser
from scripts.common.paths import MODEL, ROOT

PYTHON = (3, 13)

# Amazon Linux 2023, on which the runtime stands, has glibc 2.34. pip does not derive the older tags from the newest.
GLIBC_MINORS = (34, 31, 28, 27, 26, 24, 17)
MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}

# Folders that only tests, command lines and other people's builds need.
UNUSED_FOLDERS = ("tests", "test", "__pycache__")
# Parts of packages that the functions never import.
UNUSED_PATHS = (
    "bin",
    # The same library is linked into the extension module beside it; nothing in the wheel loads this file.
    "onnxruntime/capi/libonnxruntime.so*",
    "onnxruntime/backend",
    "onnxruntime/datasets",
    "onnxruntime/quantization",
    "onnxruntime/tools",
    "onnxruntime/transformers",
    "sklearn/datasets/data",
    "sklearn/datasets/descr",
    "sklearn/datasets/images",
)
# Types and sources of extension modules.
UNUSED_SUFFIXES = frozenset({".pyi", ".pyx", ".pxd", ".pxi", ".h", ".hpp", ".c", ".cpp", ".a", ".lib", ".f90"})
# Of a *.dist-info folder: the files that importlib.metadata reads, and the licences, which must stay with the code.
KEPT_METADATA = frozenset({"METADATA", "entry_points.txt", "licenses", "LICENSE", "LICENSE.txt", "NOTICE"})

# 1980-01-01, the first moment a zip archive can hold: the same files give the same archive, and a layer that did not
# change is not uploaded again.
EPOCH_S = 315_532_800


def main(arguments: list[str] | None = None) -> int:
    parser = command_parser("packaging.build_layer", __doc__)
    parser.add_argument("layer", choices=("package", "inference", "analysis", "model"), help="the layer")
    parser.add_argument("--architecture", choices=tuple(MACHINES), required=True, help="its processor")
    parser.add_argument("--output", type=Path, required=True, help="the folder that becomes /opt")
    options = parser.parse_args(arguments)
    if sys.version_info[:2] != PYTHON:
        print(
            f"Layers are built with Python {PYTHON[0]}.{PYTHON[1]}, the version of the functions; this is "
            f"{sys.version_info[0]}.{sys.version_info[1]}. Run `make build`, which finds the right one.",
            file=sys.stderr,
        )
        return 2
    output: Path = options.output
    output.mkdir(parents=True, exist_ok=True)
    if options.layer == "model":
        copy_model(MODEL, output / "model")
    elif options.layer == "package":
        copy_package(ROOT / "layers" / "lookalike" / "lookalike", output / "python" / "lookalike")
        compile_folder(output / "python")
    else:
        install(ROOT / "requirements" / f"{options.layer}.txt", output / "python", options.architecture)
        prune(output / "python")
        compile_folder(output / "python")
    freeze_times(output)
    return 0


def copy_model(source: Path, target: Path) -> None:
    """Copy model.json and the ONNX files of a model folder, and nothing that may lie beside them."""
    networks, description = sorted(source.glob("*.onnx")), source / "model.json"
    if not networks or not description.is_file():
        raise SystemExit(f"{source} has no {'model.json' if networks else 'ONNX file'}. Run `make model` first.")
    target.mkdir(parents=True)
    for path in (description, *networks):
        shutil.copyfile(path, target / path.name)


def copy_package(source: Path, target: Path) -> None:
    """Copy the package without the bytecode of whichever Python ran it last."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))


def install(requirements: Path, target: Path, architecture: str) -> None:
    """Install wheels for Lambda's processor and C library, whatever this machine is, into ``target``."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    command += ["--no-deps", "--require-hashes", "--only-binary=:all:", "--requirement", str(requirements)]
    command += ["--target", str(target), "--implementation", "cp", "--python-version", "{}.{}".format(*PYTHON)]
    for minor in GLIBC_MINORS:
        command += ["--platform", f"manylinux_2_{minor}_{MACHINES[architecture]}"]
    command += ["--platform", f"manylinux2014_{MACHINES[architecture]}"]
    subprocess.run(command, check=True)


def prune(folder: Path) -> None:
    """Delete the files below ``folder``, a site-packages, that no function imports."""
    for path in list(unused(folder)):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def unused(folder: Path) -> Iterator[Path]:
    """The files and folders that ``prune`` deletes; nothing below a folder that is itself among them."""
    for here, folders, files in os.walk(folder):
        parent = Path(here)
        for name in sorted(folders + files):
            if _is_unused(parent / name, (parent / name).relative_to(folder), is_folder=name in folders):
                if name in folders:
                    folders.remove(name)
                yield parent / name


def _is_unused(path: Path, relative: Path, *, is_folder: bool) -> bool:
    if relative.parent.suffix == ".dist-info" and relative.parent.parent == Path():
        return path.name not in KEPT_METADATA
    if any(fnmatch.fnmatchcase(relative.as_posix(), pattern) for pattern in UNUSED_PATHS):
        return True
    return path.name in UNUSED_FOLDERS if is_folder else path.suffix in UNUSED_SUFFIXES


def compile_folder(folder: Path) -> None:
    """Write the bytecode that Lambda loads without looking at the sources: a read-only layer never goes stale."""
    compiled = compileall.compile_dir(
        folder,
        quiet=1,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        # Tracebacks show the path on Lambda, and the bytecode is the same wherever it was built.
        stripdir=str(folder.parent),
        prependdir="/opt",
        workers=1,
    )
    if not compiled:
        raise SystemExit(f"Some files below {folder} do not compile; see above.")


def freeze_times(folder: Path) -> None:
    """Give every file the same modification time."""
    for path in [*folder.rglob("*"), folder]:
        os.utime(path, (EPOCH_S, EPOCH_S))


if __name__ == "__main__":
    raise SystemExit(main())
