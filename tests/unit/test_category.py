"""The graph of an EfficientNet-Lite computes what its weights say, by an independent computation in NumPy."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from sklearn.decomposition import TruncatedSVD

from lookalike.errors import ModelError
from scripts.models.category import OUTPUT, class_directions, feature_mean, write_category
from tests.support.torch_files import write_torch_file

SIZE = 20
CHANNELS = 10
CLASSES = 30

# Kernel, stride, channels in, widened, and out of each block: the first is not widened, the third is added to its input.
BLOCKS = [(3, 1, 8, 8, 4), (3, 2, 4, 12, 6), (3, 1, 6, 18, 6), (5, 2, 6, 12, 7), (3, 2, 7, 14, 5), (5, 1, 5, 10, 6)]


@pytest.fixture(scope="module")
def tensors() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(11)
    tensors: dict[str, np.ndarray] = {}

    def layer(name: str, normalisation: str, outputs: int, inputs: int, kernel: int) -> None:
        scale = 2 / np.sqrt(inputs * kernel * kernel)
        tensors[f"{name}.weight"] = scale * generator.standard_normal((outputs, inputs, kernel, kernel))
        tensors[f"{normalisation}.weight"] = generator.uniform(0.5, 2, outputs) * generator.choice([-1, 1], outputs)
        tensors[f"{normalisation}.bias"] = generator.normal(1, 1, outputs)
        tensors[f"{normalisation}.running_mean"] = generator.normal(0, 0.5, outputs)
        tensors[f"{normalisation}.running_var"] = generator.uniform(0.001, 2, outputs)

    layer("_conv_stem", "_bn0", 8, 3, 3)
    for number, (kernel, _, inputs, wide, outputs) in enumerate(BLOCKS):
        prefix = f"_blocks.{number}."
        if wide != inputs:
            layer(f"{prefix}_expand_conv", f"{prefix}_bn0", wide, inputs, 1)
        layer(f"{prefix}_depthwise_conv", f"{prefix}_bn1", wide, 1, kernel)
        layer(f"{prefix}_project_conv", f"{prefix}_bn2", outputs, wide, 1)
    layer("_conv_head", "_bn1", CHANNELS, BLOCKS[-1][-1], 1)
    tensors["_fc.weight"] = generator.standard_normal((CLASSES, CHANNELS))
    tensors["_fc.bias"] = generator.standard_normal(CLASSES)
    return {name: tensor.astype(np.float32) for name, tensor in tensors.items()}


def features(tensors: dict[str, np.ndarray], pixels: np.ndarray) -> np.ndarray:
    """Pooled features of uint8 (n, size, size, 3) by definition, in float64, one place at a time."""

    def layer(planes: np.ndarray, name: str, normalisation: str, stride: int = 1, top: float = 6) -> np.ndarray:
        weight = tensors[f"{name}.weight"].astype(np.float64)
        kernel, groups = weight.shape[-1], planes.shape[1] // weight.shape[1]
        after = -(-planes.shape[2] // stride)
        padding = max(0, (after - 1) * stride + kernel - planes.shape[2])
        around = (padding // 2, padding - padding // 2)
        padded = np.pad(planes, ((0, 0), (0, 0), around, around))
        out = np.empty((len(planes), len(weight), after, after))
        for channel, filters in enumerate(weight):
            of_group = channel * groups // len(weight) * weight.shape[1]
            seen = padded[:, of_group : of_group + weight.shape[1]]
            for y in range(after):
                for x in range(after):
                    window = seen[:, :, y * stride : y * stride + kernel, x * stride : x * stride + kernel]
                    out[:, channel, y, x] = (window * filters).sum(axis=(1, 2, 3))
        gamma, beta, mean, variance = (
            tensors[f"{normalisation}.{entry}"].astype(np.float64)[:, None, None]
            for entry in ("weight", "bias", "running_mean", "running_var")
        )
        normalised = (out - mean) / np.sqrt(variance + 0.001) * gamma + beta
        return normalised.clip(0, top) if top else normalised

    planes = layer((pixels.transpose(0, 3, 1, 2) - 127.0) / 128.0, "_conv_stem", "_bn0", 2)
    for number, (_, stride, inputs, wide, outputs) in enumerate(BLOCKS):
        prefix, before = f"_blocks.{number}.", planes
        if wide != inputs:
            planes = layer(planes, f"{prefix}_expand_conv", f"{prefix}_bn0")
        planes = layer(planes, f"{prefix}_depthwise_conv", f"{prefix}_bn1", stride)
        planes = layer(planes, f"{prefix}_project_conv", f"{prefix}_bn2", top=0)
        if (stride, inputs) == (1, outputs):
            planes = planes + before
    return layer(planes, "_conv_head", "_bn1").mean(axis=(2, 3))


def run(path: Path, pixels: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (answer,) = session.run([OUTPUT], {"image": pixels})
    return np.asarray(answer)


def test_the_graph_computes_what_the_weights_say(tmp_path: Path, tensors: dict[str, np.ndarray]) -> None:
    weights, path = write_torch_file(tmp_path / "w.pth", tensors), tmp_path / "category.onnx"
    write_category(weights, path, size=SIZE, dimensions=4)
    pixels = np.random.default_rng(2).integers(0, 256, (3, SIZE, SIZE, 3), np.uint8)
    expected = (features(tensors, pixels) - feature_mean(tensors)) @ class_directions(tensors, 4)
    np.testing.assert_allclose(run(path, pixels), expected, atol=2e-5 * np.abs(expected).max())
    kinds = {node.op_type for node in onnx.load(path).graph.node}
    assert "BatchNormalization" not in kinds


def test_the_same_weights_give_the_same_bytes(tmp_path: Path, tensors: dict[str, np.ndarray]) -> None:
    """The checksum of the file is part of the fingerprint."""
    weights = write_torch_file(tmp_path / "w.pth", tensors)
    for name in ("one.onnx", "two.onnx"):
        write_category(weights, tmp_path / name, size=SIZE, dimensions=4)
    assert (tmp_path / "one.onnx").read_bytes() == (tmp_path / "two.onnx").read_bytes()


def test_the_mean_is_that_of_the_last_normalisation(tensors: dict[str, np.ndarray]) -> None:
    generator = np.random.default_rng(5)
    sampled = generator.normal(tensors["_bn1.bias"], np.abs(tensors["_bn1.weight"]), (200_000, CHANNELS)).clip(0, 6)
    np.testing.assert_allclose(feature_mean(tensors), sampled.mean(axis=0), atol=0.02)


def test_a_channel_without_variance_has_its_own_value_as_mean() -> None:
    tensors = {"_bn1.bias": np.float32([-1, 2, 9]), "_bn1.weight": np.float32([0, 0, 0])}
    np.testing.assert_array_equal(feature_mean(tensors), [0, 2, 6])


def test_directions_are_those_in_which_classes_differ_most(tensors: dict[str, np.ndarray]) -> None:
    classifier = tensors["_fc.weight"].astype(np.float64)
    centred = classifier - classifier.mean(axis=0)
    directions = class_directions(tensors, 4)
    np.testing.assert_allclose(directions.T @ directions, np.eye(4), atol=1e-4)
    expected = TruncatedSVD(4, algorithm="arpack").fit(centred).components_
    np.testing.assert_allclose(np.abs(expected @ directions), np.eye(4), atol=1e-3)


@pytest.mark.parametrize("missing", ["_conv_stem.weight", "_bn1.bias", "_blocks.1._bn2.running_var", "_fc.weight"])
def test_weights_of_another_network_are_refused(tmp_path: Path, tensors: dict[str, np.ndarray], missing: str) -> None:
    others = {name: tensor for name, tensor in tensors.items() if name != missing}
    weights = write_torch_file(tmp_path / "w.pth", others)
    with pytest.raises(ModelError, match="EfficientNet-Lite"):
        write_category(weights, tmp_path / "category.onnx", size=SIZE, dimensions=4)
