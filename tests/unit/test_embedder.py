"""The embedder runs whatever model.json describes, and answers for every photo."""

import base64
import hashlib
import io
import json
import logging
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.errors import DecoderUnavailable, ModelError, NotAnImage, TooManyPixels, UndecodableImage
from lookalike.photos.embedder import Embedder, probe_pixels
from lookalike.photos.model import ModelSpec
from lookalike.photos.network import Network, may_saturate
from tests.tiny_model import WEIGHTS, write_tiny_model, write_tiny_parts

ROOT = Path(__file__).parents[2]

IMAGENET = {"scale": 1 / 255, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (10, 200, 30), (255, 255, 255)]


def photo(colour: tuple[int, int, int], size: int = 20) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (size, size), colour).save(stream, "PNG")
    return stream.getvalue()


def test_nothing_gives_nothing(tmp_path):
    assert Embedder(write_tiny_model(tmp_path), threads=1).embed([]) == []


@pytest.mark.parametrize("batch_size", [1, 2, 3, 16])
def test_every_photo_gets_its_own_embedding_in_order(tmp_path, batch_size):
    embedder = Embedder(write_tiny_model(tmp_path), threads=2, batch_size=batch_size)
    embeddings = embedder.embed([photo(colour) for colour in COLOURS])
    np.testing.assert_allclose(embeddings, np.array(COLOURS) @ WEIGHTS, rtol=1e-6)
    assert {embedding.dtype for embedding in embeddings} == {np.dtype(np.float32)}
    assert embedder.dimensions == WEIGHTS.shape[1]


@pytest.mark.parametrize("batch_size", [1, 2, 16])
def test_refused_photos_are_answered_in_place_and_harm_no_other(tmp_path, batch_size):
    embedder = Embedder(write_tiny_model(tmp_path), threads=2, batch_size=batch_size, max_pixels=900)
    red, blue = photo((255, 0, 0)), photo((0, 0, 255))
    answers = embedder.embed([b"text", red, red[:40], photo((0, 0, 0), 31), blue, b""])
    kinds = [type(answer) for answer in answers]
    assert kinds == [NotAnImage, np.ndarray, UndecodableImage, TooManyPixels, np.ndarray, NotAnImage]
    np.testing.assert_array_equal(answers[1], 255 * WEIGHTS[0])
    np.testing.assert_array_equal(answers[4], 255 * WEIGHTS[2])


def test_a_decoder_that_does_not_answer_refuses_no_photo(tmp_path, monkeypatch):
    """The shortage may pass: the caller tries the photos again."""
    embedder = Embedder(write_tiny_model(tmp_path), threads=2)
    red = photo((255, 0, 0))

    def decode(*_: object) -> None:
        raise DecoderUnavailable

    with monkeypatch.context() as patch:
        patch.setattr("lookalike.photos.decoder.DecoderPool.decode", decode)
        with pytest.raises(DecoderUnavailable):
            embedder.embed([red])
    np.testing.assert_array_equal(embedder.embed([red])[0], 255 * WEIGHTS[0])


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_pixels_are_normalised_as_the_model_asks(tmp_path, layout):
    folder = write_tiny_model(tmp_path, layout=layout, dtype="float32", input={"normalisation": IMAGENET})
    embeddings = Embedder(folder, threads=1).embed([photo(colour) for colour in COLOURS])
    normalised = (np.array(COLOURS) / 255 - IMAGENET["mean"]) / IMAGENET["std"]
    np.testing.assert_allclose(embeddings, normalised @ WEIGHTS, rtol=1e-5)


def test_floats_without_normalisation_are_raw_pixels(tmp_path):
    folder = write_tiny_model(tmp_path, layout="NCHW", dtype="float32")
    (embedding,) = Embedder(folder, threads=1).embed([photo((10, 200, 30))])
    np.testing.assert_allclose(embedding, np.array([10, 200, 30]) @ WEIGHTS, rtol=1e-6)


def test_embeddings_have_unit_length_where_the_model_says_so(tmp_path):
    folder = write_tiny_model(tmp_path, output={"l2_normalise": True})
    raw = np.array(COLOURS) @ WEIGHTS
    embeddings = Embedder(folder, threads=1).embed([photo(colour) for colour in COLOURS])
    np.testing.assert_allclose(embeddings, raw / np.linalg.norm(raw, axis=1, keepdims=True), rtol=1e-6)


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("batch_size", [2, 16])
def test_parts_stand_side_by_side_each_of_unit_length(tmp_path, threads, batch_size):
    shape, category = WEIGHTS, WEIGHTS[:, 1:]
    folder = write_tiny_parts(tmp_path, weights={"shape": shape, "category": category}, has_colour=True)
    embedder = Embedder(folder, threads=threads, batch_size=batch_size)
    embeddings = np.array(embedder.embed([photo(colour) for colour in COLOURS]))
    assert embedder.layout.names == ("shape", "category", "colour")
    assert embeddings.shape == (len(COLOURS), embedder.dimensions)
    first, second, third = (embeddings[:, columns] for columns in embedder.layout.slices)
    np.testing.assert_allclose(first, unit(np.array(COLOURS) @ shape), rtol=1e-6)
    np.testing.assert_allclose(second, unit(np.array(COLOURS) @ category), rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(third, axis=1), 1, rtol=1e-6)
    assert np.abs(third[0] - third[1]).max() > 0.1  # it tells red from green


def test_parts_give_the_same_bits_together_as_alone(tmp_path):
    generator = np.random.default_rng(4)
    weights = {name: generator.standard_normal((3, 40), np.float32) for name in ("shape", "category", "other")}
    pixels = generator.integers(0, 256, (5, 8, 8, 3), np.uint8)
    together = Embedder(write_tiny_parts(tmp_path / "all", weights=weights), threads=2).embed_pixels(pixels)
    alone = [
        Embedder(write_tiny_parts(tmp_path / name, weights={name: matrix}), threads=1).embed_pixels(pixels)
        for name, matrix in weights.items()
    ]
    np.testing.assert_array_equal(together, np.concatenate(alone, axis=1))


@pytest.mark.parametrize("threads", [1, 2])
def test_a_photo_in_which_one_part_finds_nothing_is_described_by_the_others(tmp_path, threads):
    blue_only = np.array([[0], [0], [1]], np.float32)
    folder = write_tiny_parts(tmp_path, weights={"shape": WEIGHTS, "category": blue_only})
    embedder = Embedder(folder, threads=threads)
    red, blue, black = embedder.embed([photo((255, 0, 0)), photo((0, 0, 255)), photo((0, 0, 0))])
    shape, category = embedder.layout.slices
    np.testing.assert_allclose(np.linalg.norm(red[shape]), 1, rtol=1e-6)
    np.testing.assert_array_equal([red[category], blue[category]], [[0], [1]])
    assert isinstance(black, UndecodableImage)


def test_a_part_that_computes_nothing_finite_refuses_the_photo(tmp_path):
    embedder = Embedder(write_tiny_parts(tmp_path, activations={"category": "Log"}), threads=1)
    black, grey = embedder.embed([photo((0, 0, 0)), photo((9, 9, 9))])
    assert isinstance(black, UndecodableImage)
    assert np.isfinite(grey).all()


def test_another_version_of_the_colour_descriptor_is_refused(tmp_path):
    folder = write_tiny_parts(tmp_path, has_colour=True)
    document = json.loads((folder / "model.json").read_bytes())
    document["parts"][-1]["descriptor"] = "an older one"
    (folder / "model.json").write_text(json.dumps(document))
    with pytest.raises(ModelError, match="an older one"):
        Embedder(folder, threads=1)


def test_a_missing_file_of_a_part_is_named(tmp_path):
    (write_tiny_parts(tmp_path) / "category.onnx").unlink()
    with pytest.raises(ModelError, match=r"category\.onnx"):
        Embedder(tmp_path, threads=2)


@pytest.mark.parametrize("l2_normalise", [True, False])
@pytest.mark.parametrize("activation", ["Identity", "Log"], ids=["a zero embedding", "an infinite embedding"])
def test_a_photo_without_a_usable_embedding_is_refused_alone(tmp_path, activation, l2_normalise):
    folder = write_tiny_model(tmp_path, activation=activation, output={"l2_normalise": l2_normalise})
    black, grey = Embedder(folder, threads=1).embed([photo((0, 0, 0)), photo((9, 9, 9))])
    assert isinstance(black, UndecodableImage)
    assert np.isfinite(grey).all()


def test_a_graph_that_takes_one_photo_at_a_time_embeds_many(tmp_path):
    embedder = Embedder(write_tiny_model(tmp_path, batch=1), threads=2, batch_size=16)
    embeddings = embedder.embed([photo(colour) for colour in COLOURS])
    np.testing.assert_allclose(embeddings, np.array(COLOURS) @ WEIGHTS, rtol=1e-6)


def test_a_graph_with_open_sides_takes_the_size_of_the_spec(tmp_path):
    folder = write_tiny_model(tmp_path, size=None, input={"size": 12})
    assert len(Embedder(folder, threads=1).embed([photo((1, 2, 3))])[0]) == 4


@pytest.mark.parametrize(
    ("graph", "entries", "named"),
    [
        ({}, {"input": {"name": "data"}}, "input.name"),
        ({}, {"output": {"name": "pooled"}}, "output.name"),
        ({}, {"input": {"layout": "NCHW"}}, "input.layout"),
        ({}, {"input": {"dtype": "float32"}}, "input.dtype"),
        ({}, {"input": {"size": 9}}, "input.size"),
        ({"batch": 4}, {}, "batch of any size"),
    ],
)
def test_a_spec_that_does_not_fit_the_graph_is_refused_when_loading(tmp_path, graph, entries, named):
    with pytest.raises(ModelError, match=named):
        Embedder(write_tiny_model(tmp_path, **graph, **entries), threads=1)


def test_wrong_dimensions_are_found_by_the_first_run(tmp_path):
    embedder = Embedder(write_tiny_model(tmp_path, output={"dimensions": 5}), threads=1)
    with pytest.raises(ModelError, match=r"output\.dimensions"):
        embedder.embed([photo((1, 2, 3))])


@pytest.mark.parametrize("content", [None, b"", b"not a model", "half"])
def test_a_damaged_model_file_is_a_model_error(tmp_path, content):
    file = write_tiny_model(tmp_path) / "model.onnx"
    if content is None:
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:200] if content == "half" else content)
    with pytest.raises(ModelError, match="Run `make model` again"):
        Embedder(tmp_path, threads=1)


def test_a_missing_model_says_what_to_run(tmp_path):
    with pytest.raises(ModelError, match="Run `make model` first"):
        Embedder(tmp_path / "nowhere", threads=1)


@pytest.mark.parametrize("wrong", [{"threads": 0}, {"threads": 1, "batch_size": 0}])
def test_nonsense_sizes_are_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match="at least 1"):
        Embedder(tmp_path, **wrong)


def test_threads_share_one_embedder(tmp_path):
    embedder = Embedder(write_tiny_model(tmp_path), threads=2, batch_size=2)
    batch = [photo(colour) for colour in COLOURS]
    with ThreadPoolExecutor(8) as pool:
        for embeddings in pool.map(embedder.embed, [batch] * 20):
            np.testing.assert_allclose(embeddings, np.array(COLOURS) @ WEIGHTS, rtol=1e-6)


def with_recorded_probe(folder, shift: float, coordinate: int = 0):
    """Record the probe's embedding in model.json, moved by a distance of ``shift``."""
    embedding = Embedder(folder, threads=1).probe()
    embedding[coordinate] += shift
    document = json.loads((folder / "model.json").read_bytes())
    document["probe"] = base64.b64encode(embedding.astype("<f4").tobytes()).decode()
    (folder / "model.json").write_text(json.dumps(document))
    return Embedder(folder, threads=1)


def test_no_drift_is_silent(tmp_path, caplog):
    embedder = with_recorded_probe(write_tiny_model(tmp_path, output={"l2_normalise": True}), 0.0)
    with caplog.at_level(logging.WARNING):
        assert embedder.drift() == 0.0
    assert not caplog.records


@pytest.mark.parametrize(("shift", "drift"), [(0.3, 0.3), (float("nan"), np.finfo(np.float32).max)])
def test_drift_is_measured_and_warned_of(tmp_path, caplog, shift, drift):
    embedder = with_recorded_probe(write_tiny_model(tmp_path, output={"l2_normalise": True}), shift)
    with caplog.at_level(logging.WARNING):
        assert embedder.drift() == pytest.approx(drift, rel=1e-4)
    assert "mean-colour" in caplog.text


def test_the_part_that_drifts_is_named_and_its_drift_reported(tmp_path, caplog):
    embedder = with_recorded_probe(write_tiny_parts(tmp_path, part_weights={"category": 0}), 0.3, coordinate=5)
    with caplog.at_level(logging.WARNING):
        assert embedder.drift() == pytest.approx(0.3, rel=1e-4)
    (record,) = caplog.records
    assert "part category of the model tiny-parts" in record.getMessage()


def test_drifts_of_parts_do_not_add_up(tmp_path, caplog):
    """The tolerance is a part's own, however many parts there are."""
    folder = write_tiny_parts(tmp_path)
    with_recorded_probe(folder, 0.08)
    document = json.loads((folder / "model.json").read_bytes())
    probe = np.frombuffer(base64.b64decode(document["probe"]), "<f4").copy()
    probe[5] += 0.08
    document["probe"] = base64.b64encode(probe.tobytes()).decode()
    (folder / "model.json").write_text(json.dumps(document))
    with caplog.at_level(logging.WARNING):
        assert Embedder(folder, threads=1).drift() == pytest.approx(0.08, rel=1e-4)
    assert not caplog.records


def test_drift_needs_a_recorded_probe(tmp_path):
    with pytest.raises(ModelError, match="Run `make model` again"):
        Embedder(write_tiny_model(tmp_path), threads=1).drift()


def test_the_probe_image_never_changes():
    """Recorded probes of deployed models are embeddings of exactly this image."""
    pixels = probe_pixels(224)
    assert pixels.shape == (224, 224, 3)
    assert hashlib.sha256(pixels.tobytes()).hexdigest()[:16] == "6f142c6f820ddc32"


def test_importing_the_embedder_loads_nothing_that_a_cold_start_can_do_without():
    program = "import sys, lookalike.photos.embedder; print({'boto3', 'onnx', 'PIL', 'scipy', 'sklearn', 'tqdm'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx2 avx512_vnni fma\n", False),
        ("processor\t: 0\nflags\t\t: fpu avx2 avx_vnni fma\n", False),
        ("processor\t: 0\nflags\t\t: fpu avx2 avx512f avx512_vnniwhatever fma\n", True),
        ("processor\t: 0\nFeatures\t: fp asimd asimddp\n", True),  # ARM
        ("", True),
        (None, True),  # no Linux
    ],
)
def test_only_processors_that_say_so_are_taken_to_add_up_in_full(tmp_path, text, expected):
    cpuinfo = tmp_path / "cpuinfo"
    if text is not None:
        cpuinfo.write_text(text)
    assert may_saturate(cpuinfo) is expected


def test_vectors_are_the_same_whether_or_not_precision_is_asked_for(monkeypatch):
    """Where sums fit into 16 bits, as in the networks of the default model, no processor saturates them."""
    folder = ROOT / "build" / "model"
    if not (folder / "model.json").exists():
        pytest.skip("there is no model: `make model` obtains it")
    monkeypatch.setattr("lookalike.photos.network.may_saturate", lambda: True)
    for part in ModelSpec.load(folder).networks:
        if not part.fits_16_bits:
            pytest.skip(f"{part.file} may saturate")
        pixels = np.stack([probe_pixels(part.size), 255 - probe_pixels(part.size)])
        fast, precise = (
            Network(folder, replace(part, fits_16_bits=fits), threads=1).describe(pixels) for fits in (True, False)
        )
        np.testing.assert_array_equal(fast, precise)
