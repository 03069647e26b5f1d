"""A model folder is described by its model.json, and embeddings that may be compared share a fingerprint."""

import base64
import copy
import hashlib
import json
import subprocess
import sys

import pytest

from lookalike.errors import ModelError
from lookalike.photos.model import ModelSpec, Normalisation

DOCUMENT = {
    "name": "mean-colour",
    "sha256": "ab" * 32,
    "licence": "Apache-2.0",
    "source": "made by the tests",
    "input": {
        "name": "data",
        "layout": "NCHW",
        "dtype": "float32",
        "size": 224,
        "normalisation": {"scale": 0.5, "mean": [0.1, 0.2, 0.3], "std": [1, 2, 4]},
    },
    "output": {"name": "features", "dimensions": 3, "l2_normalise": True},
    "probe": base64.b64encode(bytes(12)).decode(),
}
GONE = object()


def changed(path: str, value: object) -> dict:
    document = copy.deepcopy(DOCUMENT)
    *parents, key = path.split(".")
    part = document
    for parent in parents:
        part = part[parent]
    if value is GONE:
        del part[key]
    else:
        part[key] = value
    return document


def test_a_document_is_read_whole():
    spec = ModelSpec.parse(DOCUMENT)
    assert spec.name == "mean-colour"
    assert (spec.input_name, spec.layout, spec.dtype, spec.size) == ("data", "NCHW", "float32", 224)
    assert spec.normalisation == Normalisation(0.5, (0.1, 0.2, 0.3), (1.0, 2.0, 4.0))
    assert (spec.output_name, spec.dimensions, spec.l2_normalise) == ("features", 3, True)
    assert spec.probe == bytes(12)


def test_a_spec_survives_being_written_and_loaded(tmp_path):
    spec = ModelSpec.parse(DOCUMENT)
    (tmp_path / "model.json").write_text(json.dumps(spec.document()))
    assert ModelSpec.load(tmp_path) == spec


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", GONE),
        ("name", " "),
        ("name", 7),
        ("licence", GONE),
        ("source", None),
        ("sha256", "short"),
        ("sha256", "AB" * 32),
        ("input", GONE),
        ("input", []),
        ("input.name", ""),
        ("input.layout", "CHWN"),
        ("input.dtype", "float16"),
        ("input.dtype", "uint8"),  # a normalisation has no place in front of raw pixels
        ("input.size", 0),
        ("input.size", True),
        ("input.size", 224.0),
        ("input.normalisation", "imagenet"),
        ("input.normalisation.scale", 0),
        ("input.normalisation.scale", "1/255"),
        ("input.normalisation.mean", [0.5, 0.5]),
        ("input.normalisation.mean", [0.5, 0.5, None]),
        ("input.normalisation.std", [1, 0, 1]),
        ("input.normalisation.std", GONE),
        ("output.name", GONE),
        ("output.dimensions", -1),
        ("output.dimensions", 10**6),
        ("output.l2_normalise", 1),
        ("probe", "not base64!"),
        ("probe", base64.b64encode(bytes(8)).decode()),
        ("probe", 12),
    ],
)
def test_an_impossible_entry_is_named(path, value):
    named = "input.normalisation" if path == "input.dtype" and value == "uint8" else path
    with pytest.raises(ModelError, match=rf"model\.json: {named}"):
        ModelSpec.parse(changed(path, value))


@pytest.mark.parametrize("document", [None, [], "text", 3])
def test_a_document_that_is_no_object_is_refused(document):
    with pytest.raises(ModelError, match="JSON object"):
        ModelSpec.parse(document)


def test_a_missing_folder_says_what_to_run(tmp_path):
    with pytest.raises(ModelError, match="Run `make model` first"):
        ModelSpec.load(tmp_path / "nowhere")


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe\xfd", b""])
def test_an_unreadable_document_is_a_model_error(tmp_path, content):
    (tmp_path / "model.json").write_bytes(content)
    with pytest.raises(ModelError, match=r"model\.json cannot be read"):
        ModelSpec.load(tmp_path)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("sha256", "cd" * 32),
        ("input.name", "image"),
        ("input.layout", "NHWC"),
        ("input.size", 256),
        ("input.normalisation", None),
        ("input.normalisation.scale", 1.0),
        ("input.normalisation.mean", [0.1, 0.2, 0.31]),
        ("output.name", "pooled"),
        ("output.l2_normalise", False),
    ],
)
def test_whatever_changes_embeddings_changes_the_fingerprint(path, value):
    assert ModelSpec.parse(changed(path, value)).fingerprint != ModelSpec.parse(DOCUMENT).fingerprint


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", "other"),
        ("licence", "MIT"),
        ("source", "elsewhere"),
        ("probe", None),
        ("input.normalisation.std", [1.0, 2.0, 4.0]),
    ],
)
def test_what_only_describes_a_model_leaves_the_fingerprint(path, value):
    assert ModelSpec.parse(changed(path, value)).fingerprint == ModelSpec.parse(DOCUMENT).fingerprint


def test_another_recipe_of_pixels_is_another_fingerprint(monkeypatch):
    before = ModelSpec.parse(DOCUMENT).fingerprint
    monkeypatch.setattr("lookalike.photos.model.RECIPE", "another")
    assert ModelSpec.parse(DOCUMENT).fingerprint != before


def test_the_fingerprint_is_the_digest_of_canonical_json():
    """The store's prefix: an accidental change of it would make every catalogue look empty."""
    canonical = (
        '{"input":{"dtype":"float32","layout":"NCHW","name":"data","normalisation":'
        '{"mean":[0.1,0.2,0.3],"scale":0.5,"std":[1.0,2.0,4.0]},"size":224},'
        '"output":{"dimensions":3,"l2_normalise":true,"name":"features"},'
        '"recipe":"srgb-margin-trim-3:2-stretch-bicubic-3","sha256":"' + "ab" * 32 + '"}'
    )
    assert ModelSpec.parse(DOCUMENT).fingerprint == hashlib.sha256(canonical.encode()).hexdigest()


def test_verify_compares_the_file_with_its_checksum(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"weights")
    sound = ModelSpec.parse(DOCUMENT | {"sha256": hashlib.sha256(b"weights").hexdigest()})
    sound.verify(tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"weightz")
    with pytest.raises(ModelError, match="Run `make model` again"):
        sound.verify(tmp_path)
    (tmp_path / "model.onnx").unlink()
    with pytest.raises(ModelError, match="Run `make model` first"):
        sound.verify(tmp_path)


def test_reading_a_spec_loads_neither_pillow_nor_onnxruntime():
    """The compaction function needs the fingerprint and has neither in its layers."""
    program = "import sys, lookalike.photos.model; print({'PIL', 'onnxruntime', 'numpy'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
