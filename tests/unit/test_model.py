"""A model folder is described by its model.json, and embeddings that may be compared share a fingerprint."""

import base64
import hashlib
import json
import re
import subprocess
import sys

import pytest

from lookalike.errors import ModelError
from lookalike.layout import Layout, Part
from lookalike.photos.model import ModelSpec
from lookalike.photos.model_parts import Normalisation

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
NETWORK = {key: DOCUMENT[key] for key in ("sha256", "input", "output")}
PARTS = {
    "name": "three-parts",
    "licence": "Apache-2.0",
    "source": "made by the tests",
    "parts": [
        {"name": "shape", "kind": "onnx", "weight": 1, "file": "shape.onnx", **NETWORK},
        {"name": "category", "kind": "onnx", "weight": 0.75, "file": "category.onnx", **NETWORK, "sha256": "cd" * 32},
        {"name": "colour", "kind": "colour", "weight": 0.5, "descriptor": "colours-1", "dimensions": 2},
    ],
    "probe": base64.b64encode(bytes(4 * 8)).decode(),
}
GONE = object()


def changed(path: str, value: object, document: dict = DOCUMENT) -> dict:
    """The document with another value at a path such as ``parts[1].input.name``."""
    document = json.loads(json.dumps(document))  # parts that share an entry get one each
    *parents, key = (int(step) if step.isdecimal() else step for step in re.findall(r"\w+", path))
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
    (part,) = spec.parts
    assert (part.name, part.weight, part.file) == ("shape", 1, "model.onnx")
    assert (part.input_name, part.axes, part.dtype, part.size) == ("data", "NCHW", "float32", 224)
    assert part.normalisation == Normalisation(0.5, (0.1, 0.2, 0.3), (1.0, 2.0, 4.0))
    assert (part.output_name, part.dimensions, part.l2_normalise) == ("features", 3, True)
    assert (spec.size, spec.layout) == (224, Layout.of_one_part(3))
    assert spec.probe == bytes(12)


def test_parts_stand_in_a_row_in_the_order_in_which_they_are_listed():
    spec = ModelSpec.parse(PARTS)
    assert spec.layout == Layout((Part("shape", 3, 1), Part("category", 3, 0.75), Part("colour", 2, 0.5)))
    assert [part.file for part in spec.networks] == ["shape.onnx", "category.onnx"]
    turned = ModelSpec.parse(PARTS | {"parts": PARTS["parts"][::-1]})
    assert turned.layout.names == ("colour", "category", "shape")
    assert turned.size == spec.size == 224


@pytest.mark.parametrize("document", [DOCUMENT, PARTS], ids=["one network", "parts"])
def test_a_spec_survives_being_written_and_loaded(tmp_path, document):
    spec = ModelSpec.parse(document)
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
        ("fits_16_bits", 1),
        ("probe", "not base64!"),
        ("probe", base64.b64encode(bytes(8)).decode()),
        ("probe", 12),
    ],
)
def test_an_impossible_entry_is_named(path, value):
    named = "input.normalisation" if path == "input.dtype" and value == "uint8" else path
    with pytest.raises(ModelError, match=rf"model\.json: {named}"):
        ModelSpec.parse(changed(path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("parts", {}),
        ("parts", []),
        ("parts", PARTS["parts"][2:]),  # no network says how large the pixels are
        ("parts[0]", "shape"),
        ("parts[0].name", GONE),
        ("parts[0].name", "Shape of things"),
        ("parts[0].kind", "torch"),
        ("parts[0].weight", GONE),
        ("parts[0].weight", -1),
        ("parts[0].weight", 1e30),
        ("parts[0].weight", float("inf")),
        ("parts[0].weight", float("nan")),
        ("parts[0].weight", True),
        ("parts[0].file", GONE),
        ("parts[0].file", "../shape.onnx"),
        ("parts[0].file", "model.json"),
        ("parts[1].sha256", "short"),
        ("parts[1].input.layout", "CHWN"),
        ("parts[1].output.dimensions", 0),
        ("parts[1].output.l2_normalise", False),
        ("parts[2].descriptor", ""),
        ("parts[2].dimensions", 0),
        ("probe", base64.b64encode(bytes(4 * 3)).decode()),
    ],
)
def test_an_impossible_entry_of_a_part_is_named(path, value):
    with pytest.raises(ModelError, match=rf"model\.json: {re.escape(path)}"):
        ModelSpec.parse(changed(path, value, PARTS))


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("parts[1].input.size", 240, "the same input.size"),
        ("parts[1].name", "shape", "different names"),
        ("parts[1].file", "shape.onnx", "different files"),
    ],
)
def test_parts_that_do_not_go_together_are_refused(path, value, reason):
    with pytest.raises(ModelError, match=f"parts must have .*{reason}"):
        ModelSpec.parse(changed(path, value, PARTS))


def test_a_model_in_which_nothing_has_a_weight_is_refused():
    with pytest.raises(ModelError, match="a weight above 0"):
        ModelSpec.parse(PARTS | {"parts": [part | {"weight": 0} for part in PARTS["parts"]]})


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


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("parts", PARTS["parts"][:2]),
        ("parts", PARTS["parts"][::-1]),
        ("parts[0].name", "form"),
        ("parts[0].sha256", "ef" * 32),
        ("parts[1].input.normalisation.scale", 1.0),
        ("parts[1].output.name", "pooled"),
        ("parts[2].descriptor", "colours-2"),
        ("parts[2].dimensions", 3),
    ],
)
def test_whatever_changes_a_part_changes_the_fingerprint(path, value):
    document = changed(path, value, PARTS) | {"probe": None}
    assert ModelSpec.parse(document).fingerprint != ModelSpec.parse(PARTS).fingerprint


@pytest.mark.parametrize(
    ("path", "value"),
    [("name", "other"), ("parts[1].weight", 0), ("parts[1].file", "b.onnx"), ("parts[1].fits_16_bits", True)],
)
def test_what_leaves_the_parts_as_they_are_leaves_the_fingerprint(path, value):
    assert ModelSpec.parse(changed(path, value, PARTS)).fingerprint == ModelSpec.parse(PARTS).fingerprint


def test_a_part_has_the_same_fingerprint_in_every_model():
    """Vectors of a part may be kept and used again where another part changes."""
    before, after = (ModelSpec.parse(doc).parts for doc in (PARTS, changed("parts[0].sha256", "ef" * 32, PARTS)))
    assert [one.fingerprint == other.fingerprint for one, other in zip(before, after, strict=True)] == [
        False,
        True,
        True,
    ]
    assert before[0].fingerprint == ModelSpec.parse(DOCUMENT).parts[0].fingerprint


@pytest.mark.parametrize("document", [DOCUMENT, PARTS], ids=["one network", "parts"])
def test_another_recipe_of_pixels_is_another_fingerprint(monkeypatch, document):
    before = ModelSpec.parse(document)
    fingerprints = {before.fingerprint, *(part.fingerprint for part in before.parts)}
    monkeypatch.setattr("lookalike.photos.model_parts.RECIPE", "another")
    after = ModelSpec.parse(document)
    assert fingerprints.isdisjoint({after.fingerprint, *(part.fingerprint for part in after.parts)})


def test_the_fingerprint_is_the_digest_of_canonical_json():
    """The store's prefix: an accidental change of it would make every catalogue look empty."""
    canonical = (
        '{"input":{"dtype":"float32","layout":"NCHW","name":"data","normalisation":'
        '{"mean":[0.1,0.2,0.3],"scale":0.5,"std":[1.0,2.0,4.0]},"size":224},'
        '"output":{"dimensions":3,"l2_normalise":true,"name":"features"},'
        '"recipe":"srgb-margin-trim-3:2-stretch-bicubic-3","sha256":"' + "ab" * 32 + '"}'
    )
    part = hashlib.sha256(canonical.encode()).hexdigest()
    assert ModelSpec.parse(DOCUMENT).fingerprint == hashlib.sha256(f'[["shape","{part}"]]'.encode()).hexdigest()


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
    program = "import sys, lookalike.photos.model; print({'PIL', 'onnxruntime'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
