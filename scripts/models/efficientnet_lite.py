"""Write the weights of an EfficientNet-Lite as an ONNX graph from raw pixels to pooled features.

EfficientNet-Lite (Tan and Le, 2019, in the variant that Google published in 2020 for small devices): a first convolution, seven
stages of inverted residual blocks, a last convolution, and the mean over all places. Names of tensors are those of the
EfficientNet-PyTorch project. The number of blocks and all widths come from the weights' own shapes.

Batch normalisation is folded into the convolutions. Convolutions pad as TensorFlow's SAME does, because the weights were
trained there: where an odd number of rows is added, the last side gets one more.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from lookalike.errors import ModelError
from scripts.models.torch_file import Tensors

Array = NDArray[Any]

OPSET: Final = 17
IR_VERSION: Final = 8

PIXEL_MEAN: Final = 127.0
PIXEL_STD: Final = 128.0
"""The networks were trained on (pixel - 127) / 128."""

_EPSILON: Final = 1e-3
"""Of every batch normalisation, as in TensorFlow's implementation."""

_STRIDES: Final = (1, 2, 2, 2, 1, 2, 1)
"""Of the first block of each stage. Every stage begins with a block that changes the number of channels."""


class Graph:
    """An ONNX graph under construction: operations in the order in which they compute."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._numbers = count()

    def add(self, operation: str, value: str, *constants: Array, output: str | None = None, **attributes: Any) -> str:
        """Add an operation on ``value`` and constants, and return the name of its result."""
        names = []
        for constant in constants:
            names.append(f"constant_{len(self._constants)}")
            self._constants.append(numpy_helper.from_array(constant, names[-1]))
        return self.combine(operation, value, *names, output=output, **attributes)

    def combine(self, operation: str, *values: str, output: str | None = None, **attributes: Any) -> str:
        """Add an operation on results of others, and return the name of its result."""
        name = output or f"{operation.lower()}_{next(self._numbers)}"
        self._nodes.append(helper.make_node(operation, values, [name], **attributes))
        return name

    def model(self, *, size: int, output: str, dimensions: int) -> onnx.ModelProto:
        """The checked model: uint8 ``image`` (batch, size, size, 3) to float32 ``output`` (batch, dimensions)."""
        graph = helper.make_graph(
            self._nodes,
            "efficientnet-lite",
            [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", size, size, 3])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", dimensions])],
            self._constants,
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="lookalike"
        )
        onnx.checker.check_model(model, full_check=True)
        return model


def add_features(graph: Graph, tensors: Tensors, *, size: int) -> str:
    """Add everything from the pixels ``image`` to the pooled features (batch, channels), and return their name.

    Raises ``ModelError`` where tensors are missing or of another shape.
    """
    try:
        return _add_features(graph, tensors, size)
    except (KeyError, ValueError, IndexError) as error:
        raise ModelError(f"The weights are not those of an EfficientNet-Lite ({error}).") from error


def _add_features(graph: Graph, tensors: Tensors, size: int) -> str:
    # Pixels are turned while each is one byte. Padding stands for the mean, so the mean cannot be folded into the weights.
    value = graph.add("Transpose", "image", perm=[0, 3, 1, 2])
    value = graph.combine("Cast", value, to=TensorProto.FLOAT)
    value = graph.add("Sub", value, np.float32(PIXEL_MEAN))
    value, size = _convolution(graph, value, tensors, "_conv_stem", "_bn0", size, stride=2, scale=1 / PIXEL_STD)
    for prefix, stride in _blocks(tensors):
        value, size = _block(graph, value, tensors, prefix, size, stride)
    value, size = _convolution(graph, value, tensors, "_conv_head", "_bn1", size)
    value = graph.combine("GlobalAveragePool", value)
    return graph.combine("Flatten", value)


def _blocks(tensors: Tensors) -> Iterator[tuple[str, int]]:
    """The prefix and the stride of each block."""
    strides = iter(_STRIDES)
    channels = len(tensors["_conv_stem.weight"])
    for number in count():
        prefix = f"_blocks.{number}."
        if f"{prefix}_project_conv.weight" not in tensors:
            break
        following = len(tensors[f"{prefix}_project_conv.weight"])
        yield prefix, 1 if following == channels else next(strides, 1)
        channels = following


def _block(graph: Graph, value: str, tensors: Tensors, prefix: str, size: int, stride: int) -> tuple[str, int]:
    """An inverted residual block: widen, look around in each channel, narrow, and add what came in where shapes agree."""
    start, start_size, channels = value, size, 0
    if f"{prefix}_expand_conv.weight" in tensors:
        value, size = _convolution(graph, value, tensors, f"{prefix}_expand_conv", f"{prefix}_bn0", size)
        channels = tensors[f"{prefix}_expand_conv.weight"].shape[1]
    value, size = _convolution(
        graph, value, tensors, f"{prefix}_depthwise_conv", f"{prefix}_bn1", size, stride=stride, is_depthwise=True
    )
    value, size = _convolution(
        graph, value, tensors, f"{prefix}_project_conv", f"{prefix}_bn2", size, is_activated=False
    )
    if size == start_size and channels == len(tensors[f"{prefix}_project_conv.weight"]):
        value = graph.combine("Add", value, start)
    return value, size


def _convolution(
    graph: Graph,
    value: str,
    tensors: Tensors,
    name: str,
    normalisation: str,
    size: int,
    *,
    stride: int = 1,
    scale: float = 1.0,
    is_depthwise: bool = False,
    is_activated: bool = True,
) -> tuple[str, int]:
    """A convolution with its normalisation, and ReLU6 behind it. Returns its result and the side of the picture after it."""
    weight, bias = folded(tensors, name, normalisation)
    side = weight.shape[-1]
    after = -(-size // stride)
    padding = max(0, (after - 1) * stride + side - size)
    value = graph.add(
        "Conv",
        value,
        (weight * scale).astype(np.float32),
        bias.astype(np.float32),
        kernel_shape=[side, side],
        strides=[stride, stride],
        pads=[padding // 2, padding // 2, padding - padding // 2, padding - padding // 2],
        group=len(weight) if is_depthwise else 1,
    )
    if is_activated:
        value = graph.add("Clip", value, np.float32(0), np.float32(6))
    return value, after


def folded(tensors: Tensors, name: str, normalisation: str) -> tuple[Array, Array]:
    """Weights and biases of a convolution with the batch normalisation behind it, float64."""
    gamma, beta, mean, variance = (
        tensors[f"{normalisation}.{entry}"].astype(np.float64)
        for entry in ("weight", "bias", "running_mean", "running_var")
    )
    factor = gamma / np.sqrt(variance + _EPSILON)
    weight = tensors[f"{name}.weight"].astype(np.float64) * factor[:, None, None, None]
    return weight, beta - mean * factor
