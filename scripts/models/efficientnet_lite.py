"""Write the weights of an EfficientNet-Lite as an ONNX graph from raw pixels to pooled features.

EfficientNet-Lite (Tan and Le, 2019, in the variant that Google published in 2020 for small devices): a first convolution, seven
stages of inverted residual blocks, a last convolution, and the mean over all places. Names of tensors are those of the
EfficientNet-PyTorch project. The number of blocks and all widths come from the weights' own shapes.

Batch normalisation is folded into the convolutions. Convolutions pad as TensorFlow's SAME does, because the weights were
trained there: where an odd number of rows is added, the last side gets one more.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from scripts.models.torch_file import Tensors

Array = npt.NDArray[Any]

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

    def add(
        self, operation: str, value: str, *constants: npt.ArrayLike, output: str | None = None, **attributes: Any
    ) -> str:
        """Add an operation on ``value`` and constants, and return the name of its result."""
        names = []
        for constant in constants:
            names.append(f"constant_{len(self._constants)}")
            self._constants.append(numpy_helper.from_array(np.asarray(constant, np.float32), names[-1]))
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

    Raises KeyError or ValueError where tensors are missing or of another shape.
    """
    # Pixels are turned while each is one byte. Padding stands for the mean, so the mean cannot be folded into the weights.
    value = graph.add("Transpose", "image", perm=[0, 3, 1, 2])
    value = graph.add("Cast", value, to=TensorProto.FLOAT)
    planes = _Planes(graph.add("Sub", value, PIXEL_MEAN), 3, size)
    planes = _convolution(graph, planes, folded(tensors, "_conv_stem", "_bn0", scale=1 / PIXEL_STD), stride=2)
    for prefix, stride in _blocks(tensors):
        planes = _block(graph, planes, tensors, prefix, stride)
    planes = _convolution(graph, planes, folded(tensors, "_conv_head", "_bn1"))
    return graph.add("Flatten", graph.add("GlobalAveragePool", planes.name))


@dataclass(frozen=True, slots=True)
class _Planes:
    """A result of the graph: one square of ``side`` a channel."""

    name: str
    channels: int
    side: int


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


def _block(graph: Graph, start: _Planes, tensors: Tensors, prefix: str, stride: int) -> _Planes:
    """An inverted residual block: widen, look around in each channel, narrow, and add what came in where shapes agree."""
    planes = start
    if f"{prefix}_expand_conv.weight" in tensors:
        planes = _convolution(graph, planes, folded(tensors, f"{prefix}_expand_conv", f"{prefix}_bn0"))
    around = folded(tensors, f"{prefix}_depthwise_conv", f"{prefix}_bn1")
    planes = _convolution(graph, planes, around, stride=stride, is_depthwise=True)
    narrow = folded(tensors, f"{prefix}_project_conv", f"{prefix}_bn2")
    planes = _convolution(graph, planes, narrow, is_activated=False)
    if (planes.channels, planes.side) == (start.channels, start.side):
        planes = replace(planes, name=graph.combine("Add", planes.name, start.name))
    return planes


def _convolution(
    graph: Graph,
    planes: _Planes,
    weights: tuple[Array, Array],
    *,
    stride: int = 1,
    is_depthwise: bool = False,
    is_activated: bool = True,
) -> _Planes:
    """A convolution with its normalisation, and ReLU6 behind it."""
    kernel = weights[0].shape[-1]
    side = -(-planes.side // stride)
    padding = max(0, (side - 1) * stride + kernel - planes.side)
    name = graph.add(
        "Conv",
        planes.name,
        *weights,
        kernel_shape=[kernel, kernel],
        strides=[stride, stride],
        pads=[padding // 2, padding // 2, padding - padding // 2, padding - padding // 2],
        group=len(weights[0]) if is_depthwise else 1,
    )
    return _Planes(graph.add("Clip", name, 0, 6) if is_activated else name, len(weights[0]), side)


def folded(tensors: Tensors, name: str, normalisation: str, *, scale: float = 1.0) -> tuple[Array, Array]:
    """Weights and biases of a convolution of ``scale`` times its input with the batch normalisation behind it, float64."""
    gamma, beta, mean, variance = (
        tensors[f"{normalisation}.{entry}"].astype(np.float64)
        for entry in ("weight", "bias", "running_mean", "running_var")
    )
    factor = gamma / np.sqrt(variance + _EPSILON)
    weight = tensors[f"{name}.weight"].astype(np.float64) * (factor * scale)[:, None, None, None]
    return weight, beta - mean * factor
