"""What goes into a layer, what is left out, and what a wrong call says."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.packaging import build_layer

ROOT = Path(__file__).resolve().parents[2]

KEPT = [
    "numpy/__init__.py",
    "numpy/f2py/__init__.py",
    "numpy/testing/__init__.py",
    "numpy/_core/_multiarray_umath.cpython-313-x86_64-linux-gnu.so",
    "numpy.libs/libscipy_openblas64_-4b78795a.so",
    "numpy-2.5.5.dist-info/METADATA",
    "numpy-2.5.5.dist-info/entry_points.txt",
    "numpy-2.5.5.dist-info/licenses/LICENSE.txt",
    "onnxruntime/capi/onnxruntime_pybind11_state.cpython-313-x86_64-linux-gnu.so",
    "onnxruntime/capi/onnxruntime_inference_collection.py",
    "onnxruntime/ThirdPartyNotices.txt",
    "sklearn/datasets/__init__.py",
    "sklearn/_loss/_loss.cpython-313-x86_64-linux-gnu.so",
    "single_file.py",
]
DROPPED = [
    "bin/f2py",
    "numpy/tests/test_numpy.py",
    "numpy/_core/tests/data/large.bin",
    "numpy/_core/include/numpy/arrayobject.h",
    "numpy/__init__.pyi",
    "numpy/__pycache__/__init__.cpython-312.pyc",
    "numpy-2.5.5.dist-info/RECORD",
    "numpy-2.5.5.dist-info/WHEEL",
    "onnxruntime/capi/libonnxruntime.so.1.32.0",
    "onnxruntime/transformers/optimizer.py",
    "onnxruntime/tools/check.py",
    "onnxruntime/quantization/quantize.py",
    "sklearn/datasets/data/iris.csv",
    "sklearn/cluster/_k_means.pyx",
]


def write(folder: Path, names: list[str]) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("VALUE = 1\n")


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_what_no_function_imports_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, KEPT + DROPPED)
    build_layer.prune(tmp_path)
    assert files(tmp_path) == set(KEPT)


def test_bytecode_is_loaded_without_looking_at_the_source(tmp_path: Path) -> None:
    write(tmp_path / "python", ["package/__init__.py", "module.py"])
    build_layer.compile_folder(tmp_path / "python")
    compiled = {name for name in files(tmp_path) if name.endswith(".pyc")}
    tag = sys.implementation.cache_tag
    assert compiled == {f"python/package/__pycache__/__init__.{tag}.pyc", f"python/__pycache__/module.{tag}.pyc"}
    for name in compiled:
        head = (tmp_path / name).read_bytes()[:8]
        assert head[:4] == importlib.util.MAGIC_NUMBER
        # PEP 552: bit 0 says "by hash, not by time", bit 1 would say "check the hash".
        assert int.from_bytes(head[4:], "little") == 0b01
        assert str(tmp_path).encode() not in (tmp_path / name).read_bytes()


def test_a_file_that_does_not_compile_stops_the_build(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def\n")
    with pytest.raises(SystemExit, match="do not compile"):
        build_layer.compile_folder(tmp_path)


def test_the_same_files_get_the_same_times(tmp_path: Path) -> None:
    write(tmp_path, ["python/a.py", "python/b/c.py"])
    build_layer.freeze_times(tmp_path)
    assert {path.stat().st_mtime for path in tmp_path.rglob("*")} == {build_layer.EPOCH_S}


@pytest.mark.parametrize(("architecture", "machine"), [("x86_64", "x86_64"), ("arm64", "aarch64")])
def test_wheels_are_chosen_for_lambda_and_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, architecture: str, machine: str
) -> None:
    calls: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda command, **options: calls.append(command))
    build_layer.install(ROOT / "requirements" / "inference.txt", tmp_path, architecture)
    (command,) = calls
    platforms = {command[index + 1] for index, word in enumerate(command) if word == "--platform"}
    assert f"manylinux_2_28_{machine}" in platforms
    assert all(platform.endswith(f"_{machine}") for platform in platforms)
    # Amazon Linux 2023 has glibc 2.34: a wheel for a newer one would fail to load there.
    assert max(int(name.split("_")[2]) for name in platforms if name.startswith("manylinux_")) <= 34
    assert {"--require-hashes", "--only-binary=:all:", "--no-deps"} <= set(command)
    assert command[command.index("--python-version") + 1] == "3.13"


def test_bytecode_of_another_python_is_never_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build_layer, "PYTHON", (3, 0))
    output = tmp_path / "layer"
    assert build_layer.main(["package", "--architecture", "x86_64", "--output", str(output)]) == 2
    assert "built with Python 3.0" in capsys.readouterr().err
    assert not output.exists()


def test_the_package_layer_has_the_package_and_no_stale_bytecode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_layer, "PYTHON", sys.version_info[:2])
    assert build_layer.main(["package", "--architecture", "arm64", "--output", str(tmp_path)]) == 0
    source = ROOT / "layers" / "lookalike" / "lookalike"
    assert {path.name for path in (tmp_path / "python" / "lookalike").glob("*.py")} == {
        path.name for path in source.glob("*.py")
    }
    tags = {path.name.split(".")[1] for path in tmp_path.rglob("*.pyc")}
    assert tags == {sys.implementation.cache_tag}


def test_the_model_layer_has_the_files_of_a_model(tmp_path: Path) -> None:
    source = tmp_path / "source"
    write(source, ["shape.onnx", "category.onnx", "model.json", "notes.txt"])
    build_layer.copy_model(source, tmp_path / "model")
    assert files(tmp_path / "model") == {"shape.onnx", "category.onnx", "model.json"}


@pytest.mark.parametrize(("present", "missing"), [("model.json", "ONNX file"), ("model.onnx", r"model\.json")])
def test_a_missing_model_says_what_to_run(tmp_path: Path, present: str, missing: str) -> None:
    write(tmp_path, [present])
    with pytest.raises(SystemExit, match=f"no {missing}.*make model"):
        build_layer.copy_model(tmp_path, tmp_path / "model")


def make(target: str, folder: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What make would run for a layer, without running it."""
    return subprocess.run(
        ["make", "--dry-run", "--no-print-directory", "--directory", ROOT / "layers" / folder, target],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_layer_has_a_makefile_with_its_target(written: dict[str, Any]) -> None:
    layers = {
        logical_id: resource["Properties"]["ContentUri"]
        for logical_id, resource in written["Resources"].items()
        if resource["Type"] == "AWS::Serverless::LayerVersion"
    }
    assert len(layers) == 4
    for logical_id, uri in layers.items():
        assert written["Resources"][logical_id]["Metadata"] == {"BuildMethod": "makefile"}
        planned = make(
            f"build-{logical_id}",
            Path(uri).name,
            LOOKALIKE_ROOT=str(ROOT),
            LOOKALIKE_PYTHON="/a python",
            LOOKALIKE_ARCHITECTURE="arm64",
            ARTIFACTS_DIR="/the layer",
        )
        assert planned.returncode == 0, planned.stderr
        assert '--architecture "arm64" --output "/the layer"' in planned.stdout
        assert '"/a python" -m scripts.packaging.build_layer' in planned.stdout


@pytest.mark.parametrize("missing", ["LOOKALIKE_ROOT", "LOOKALIKE_PYTHON", "LOOKALIKE_ARCHITECTURE"])
def test_sam_build_on_its_own_says_what_to_run_instead(missing: str) -> None:
    environment = {
        "LOOKALIKE_ROOT": str(ROOT),
        "LOOKALIKE_PYTHON": sys.executable,
        "LOOKALIKE_ARCHITECTURE": "x86_64",
        "ARTIFACTS_DIR": "/nowhere",
    }
    del environment[missing]
    planned = make("build-InferenceLayer", "inference", **environment)
    assert planned.returncode != 0
    assert f"{missing} is not set. Run `make build`" in planned.stderr
