"""The command `model` puts sound models in place, and leaves what is there alone when it cannot."""

import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest

from lookalike.errors import ModelError
from lookalike.photos.embedder import DRIFT_TOLERANCE, Embedder
from lookalike.photos.model import ModelSpec
from scripts import model
from scripts.common.paths import ROOT
from scripts.models import download, networks
from tests.tiny_model import write_tiny_model, write_tiny_parts

IMAGENET = "resnet50-imagenet"
SSCD = "resnet50-sscd"


class Zoo(http.server.BaseHTTPRequestHandler):
    """A file server on loopback that can cut an answer short and answer errors."""

    content = b""
    sent_bytes: int | None = None
    status = 200
    paths: list[str]

    def do_GET(self) -> None:
        self.paths.append(self.path)
        if self.status != 200:
            self.send_error(self.status)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content[: self.sent_bytes])
        self.close_connection = True

    def log_message(self, *arguments: object) -> None:
        """Keep the tests quiet."""


@pytest.fixture
def zoo() -> Iterator[type[Zoo]]:
    """The handler class of a running server; ``zoo.url`` is where it is."""
    handler = type("Handler", (Zoo,), {"paths": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        handler.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield handler
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def resnet50(tmp_path_factory) -> bytes:
    """The real ResNet50 graph with constant weights that comes with onnx, its batch made open."""
    folder = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
    graph = onnx.load(folder / "light_resnet50.onnx")
    image = next(item for item in graph.graph.input if item.name == "gpu_0/data_0")
    image.type.tensor_type.shape.dim[0].dim_param = "N"
    graph.graph.output[0].type.tensor_type.shape.dim[0].dim_param = "N"
    shape = next(item for item in graph.graph.initializer if item.name == "OC2_DUMMY_1")
    shape.CopyFrom(onnx.numpy_helper.from_array(np.array([0, -1], np.int64), "OC2_DUMMY_1"))
    return graph.SerializeToString()


@pytest.fixture
def zoo_model(zoo, resnet50, monkeypatch) -> bytes:
    """Let the server offer the light ResNet50 as the model zoo's file."""
    zoo.content = resnet50
    monkeypatch.setattr(networks, "ZOO_BYTES", len(resnet50))
    monkeypatch.setattr(networks, "ZOO_SHA256", hashlib.sha256(resnet50).hexdigest())
    return resnet50


@pytest.fixture
def run(tmp_path, zoo, capfd):
    """Run the command into ``tmp_path``: exit status, output, errors."""

    def run(*arguments: object) -> tuple[int, str, str]:
        places = ["--output", tmp_path / "model", "--downloads", tmp_path / "downloads", "--url-base", zoo.url]
        status = model.main([str(argument) for argument in (*arguments, *places)])
        return status, *capfd.readouterr()

    return run


def test_the_default_model_comes_from_the_installed_packages(run, tmp_path):
    status, output, errors = run()
    assert status == 0, errors
    spec = ModelSpec.load(tmp_path / "model")
    assert (spec.name, spec.layout.names, spec.size) == ("lookalike", ("shape", "category", "colour"), 224)
    assert spec.layout.dimensions <= 1024
    assert spec.fingerprint in output
    spec.verify(tmp_path / "model")
    embedder = Embedder(tmp_path / "model", threads=2)
    assert embedder.drift() < DRIFT_TOLERANCE
    pixels = np.random.default_rng(3).integers(0, 256, (3, 224, 224, 3), dtype=np.uint8)
    together = embedder.embed_pixels(pixels)
    for columns in spec.layout.slices:
        np.testing.assert_allclose(np.linalg.norm(together[:, columns], axis=1), 1, atol=1e-5)
    # A photo's embedding does not depend on the batch it comes in.
    np.testing.assert_allclose(together[:1], embedder.embed_pixels(pixels[:1]), atol=1e-5)

    # One of its networks alone is the same part.
    assert run(SSCD)[0] == 0
    alone = ModelSpec.load(tmp_path / "model")
    assert alone.layout.names == ("shape",)
    assert alone.parts[0].fingerprint == spec.parts[0].fingerprint
    shape = Embedder(tmp_path / "model", threads=1).embed_pixels(pixels[:1])
    np.testing.assert_allclose(shape, together[:1, spec.layout.slices[0]], atol=1e-5)


def test_another_network_takes_the_place_of_shape(run, tmp_path, zoo_model):
    status, _, errors = run("lookalike", "--shape", IMAGENET)
    assert status == 0, errors
    spec = ModelSpec.load(tmp_path / "model")
    assert spec.layout.parts[0].dimensions == 2048
    assert spec.layout.names == ("shape", "category", "colour")
    assert "already" in run("lookalike", "--shape", IMAGENET)[1]


def test_shapes_of_ones_own_must_take_the_pixels_of_the_other_parts(run, tmp_path):
    status, _, errors = run("lookalike", "--shape", write_tiny_model(tmp_path / "own", output={"l2_normalise": True}))
    assert status == 1
    assert "input.size" in errors
    assert run("lookalike", "--shape", write_tiny_parts(tmp_path / "parts"))[0] == 1


def test_a_shape_beside_a_model_that_has_none_is_refused(run, tmp_path):
    with pytest.raises(SystemExit):
        run(SSCD, "--shape", IMAGENET)


def test_a_model_in_place_is_left_alone(run, tmp_path):
    own = write_tiny_model(tmp_path / "own")
    run(own)
    before = (tmp_path / "model").stat().st_ino
    status, output, _ = run(own)
    assert status == 0
    assert "already" in output
    assert (tmp_path / "model").stat().st_ino == before


@pytest.mark.parametrize("harm", ["shape.onnx", "category.onnx", "model.json", "probe"])
def test_a_harmed_model_is_put_right(run, tmp_path, harm):
    own = write_tiny_parts(tmp_path / "own")
    run(own)
    sound = (tmp_path / "model" / "model.json").read_bytes()
    if harm == "probe":
        document = json.loads(sound) | {"probe": None}
        (tmp_path / "model" / "model.json").write_text(json.dumps(document))
    else:
        (tmp_path / "model" / harm).write_bytes(b"harmed")
    assert run(own)[0] == 0
    assert (tmp_path / "model" / "model.json").read_bytes() == sound
    ModelSpec.load(tmp_path / "model").verify(tmp_path / "model")


def test_a_model_is_refused_when_its_package_holds_another_file(run, tmp_path, monkeypatch):
    other = write_tiny_model(tmp_path / "own") / "model.onnx"
    monkeypatch.setattr(networks.metadata, "distribution", lambda _name: SimpleNamespace(locate_file=lambda _: other))
    status, _, errors = run(SSCD)
    assert status == 1
    assert "SHA-256" in errors
    assert not (tmp_path / "model").exists()


def test_a_missing_package_says_what_to_install(run, monkeypatch):
    def absent(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(networks.metadata, "distribution", absent)
    status, _, errors = run()
    assert status == 1
    assert "make model" in errors


def test_the_zoo_model_is_downloaded_and_cut_before_its_classifier(run, tmp_path, zoo, zoo_model):
    status, output, errors = run(IMAGENET)
    assert status == 0, errors
    assert zoo.paths == ["/" + networks.ZOO_FILE]
    assert "2048 dimensions" in output
    graph = onnx.load(tmp_path / "model" / "model.onnx").graph
    assert not [node for node in graph.node if node.op_type in ("Gemm", "Softmax")]
    assert len([node for node in graph.node if node.op_type == "Conv"]) == 53
    embedder = Embedder(tmp_path / "model", threads=2)
    assert (embedder.dimensions, embedder.spec.networks[0].input_name) == (2048, "gpu_0/data_0")
    assert embedder.drift() < 1e-3
    pixels = np.zeros((3, 224, 224, 3), np.uint8)
    assert embedder.embed_pixels(pixels).shape == (3, 2048)


def test_the_cut_is_the_same_every_time(run, tmp_path, zoo_model):
    run(IMAGENET)
    first = ModelSpec.load(tmp_path / "model").fingerprint
    (tmp_path / "model").rename(tmp_path / "elsewhere")
    run(IMAGENET)
    assert ModelSpec.load(tmp_path / "model").fingerprint == first


def test_a_zoo_model_in_place_is_not_downloaded_again(run, zoo, zoo_model):
    run(IMAGENET)
    status, output, _ = run(IMAGENET)
    assert status == 0
    assert "already" in output
    assert len(zoo.paths) == 1


def test_a_file_saved_where_downloads_go_needs_no_server(run, tmp_path, zoo, zoo_model):
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads" / Path(networks.ZOO_FILE).name).write_bytes(zoo_model)
    assert run(IMAGENET)[0] == 0
    assert not zoo.paths


def test_a_changed_file_on_the_server_is_refused_and_not_kept(run, tmp_path, zoo, zoo_model):
    zoo.content = bytes(len(zoo_model))
    status, _, errors = run(IMAGENET)
    assert status == 1
    assert "SHA-256" in errors
    assert not list((tmp_path / "downloads").iterdir())
    assert not (tmp_path / "model").exists()


def test_an_absent_file_says_what_to_download_by_hand_and_where_to_put_it(run, tmp_path, zoo, zoo_model):
    zoo.status = 404
    status, _, errors = run(IMAGENET)
    assert status == 1
    assert "404" in errors
    assert f"{zoo.url}/{networks.ZOO_FILE}" in errors
    assert str(tmp_path / "downloads" / Path(networks.ZOO_FILE).name) in errors


def test_a_failed_command_leaves_the_model_in_place(run, tmp_path, zoo, zoo_model):
    run(write_tiny_model(tmp_path / "own"))
    zoo.status = 404
    assert run(IMAGENET)[0] == 1
    assert ModelSpec.load(tmp_path / "model").name == "mean-colour"
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")] == []


CONTENT = os.urandom(1_000_000)


def fetch(url: str, path: Path) -> None:
    download.fetch(url, path, file_bytes=len(CONTENT), sha256=hashlib.sha256(CONTENT).hexdigest())


@pytest.mark.parametrize(
    ("content", "sent_bytes", "told"),
    [
        (CONTENT, 300_000, "300,000 bytes instead of 1,000,000"),  # the connection was cut
        (bytes(len(CONTENT)), None, "SHA-256"),
        (CONTENT * 3, None, "instead of 1,000,000"),
    ],
    ids=["cut", "another", "too long"],
)
def test_a_download_is_the_whole_file_or_nothing(zoo, tmp_path, content, sent_bytes, told):
    zoo.content, zoo.sent_bytes = content, sent_bytes
    with pytest.raises(ModelError, match=told):
        fetch(f"{zoo.url}/weights.onnx", tmp_path / "weights.onnx")
    assert list(tmp_path.iterdir()) == []
    zoo.content, zoo.sent_bytes = CONTENT, None
    fetch(f"{zoo.url}/weights.onnx", tmp_path / "weights.onnx")
    assert (tmp_path / "weights.onnx").read_bytes() == CONTENT
    assert [entry.name for entry in tmp_path.iterdir()] == ["weights.onnx"]


def test_a_server_out_of_reach_is_a_model_error(tmp_path):
    with pytest.raises(ModelError, match="was not downloaded"):
        fetch("http://127.0.0.1:1/x", tmp_path / "x")


@pytest.mark.parametrize("url", ["http://example.org/x", "ftp://127.0.0.1/x", "file:///etc/hostname"])
def test_only_https_is_downloaded(tmp_path, url):
    with pytest.raises(ModelError, match="https"):
        fetch(url, tmp_path / "x")


def test_a_model_of_ones_own_is_checked_and_taken(run, tmp_path):
    folder = write_tiny_model(tmp_path / "own")
    document = json.loads((folder / "model.json").read_bytes())
    del document["sha256"], document["probe"]
    (folder / "model.json").write_text(json.dumps(document))
    status, output, errors = run(folder)
    assert status == 0, errors
    assert "mean-colour" in output
    assert Embedder(tmp_path / "model", threads=1).drift() == 0.0
    assert "already" in run(folder)[1]


@pytest.mark.parametrize(
    ("entries", "named"),
    [
        ({"sha256": "0" * 64}, "SHA-256"),
        ({"licence": ""}, "licence"),
        ({"input": {"name": "data"}}, "input.name"),
        ({"output": {"dimensions": 3}}, "output.dimensions"),
    ],
)
def test_a_model_of_ones_own_that_contradicts_itself_is_refused(run, tmp_path, entries, named):
    status, _, errors = run(write_tiny_model(tmp_path / "own", **entries))
    assert status == 1
    assert named in errors
    assert not (tmp_path / "model").exists()


def test_a_model_of_ones_own_may_have_several_parts(run, tmp_path):
    folder = write_tiny_parts(tmp_path / "own", has_colour=True, part_weights={"colour": 0.25})
    document = json.loads((folder / "model.json").read_bytes())
    for part in document["parts"][:2]:
        del part["sha256"]
    (folder / "model.json").write_text(json.dumps(document))
    status, output, errors = run(folder)
    assert status == 0, errors
    assert "weight 0.25" in output
    assert Embedder(tmp_path / "model", threads=1).drift() == 0.0
    assert "already" in run(folder)[1]
    # Another weight embeds nothing anew: the store stays.
    before = ModelSpec.load(tmp_path / "model").fingerprint
    document["parts"][2]["weight"] = 0.5
    (folder / "model.json").write_text(json.dumps(document))
    assert "weight 0.5" in run(folder)[1]
    assert ModelSpec.load(tmp_path / "model").fingerprint == before


@pytest.mark.parametrize("content", [None, "", "[]"])
def test_a_folder_without_a_sound_description_is_refused(run, tmp_path, content):
    if content is not None:
        (tmp_path / "model.json").write_text(content)
    status, _, errors = run(tmp_path)
    assert status == 1
    assert "model.json" in errors


def test_show_prints_what_is_in_place_and_changes_nothing(run, tmp_path):
    status, _, errors = run("--show")
    assert (status, list(tmp_path.iterdir())) == (1, [])
    assert "make model" in errors
    run(write_tiny_model(tmp_path / "own"))
    status, output, _ = run("--show")
    assert status == 0
    assert ModelSpec.load(tmp_path / "model").fingerprint in output


def test_the_command_explains_itself():
    command = [sys.executable, "-m", "scripts.model", "--help"]
    run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert "resnet50-imagenet" in run.stdout
