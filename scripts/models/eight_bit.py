"""Whether sums of 8-bit products fit into 16 bits, whatever the photo."""

from pathlib import Path
from typing import Final

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, numpy_helper

from lookalike.errors import ModelError

_LARGEST: Final = 64
"""Two products of a pixel's or an activation's 255 with this are 32,640, and 16 bits hold 32,767."""


def fits_16_bits(path: Path) -> bool:
    """Whether no signed 8-bit constant of a graph is beyond ±64, so that no processor has to saturate a sum of two products.

    False where weights are quantised only when the graph is loaded. Raises ``ModelError`` where the file is no graph.
    """
    try:
        graph = onnx.load(path).graph
    except (OSError, ValueError, DecodeError) as error:
        raise ModelError(f"{path} cannot be read as an ONNX model ({error}).") from error
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        for item in node.attribute if node.op_type == "Constant" else ():
            if item.name == "value":
                constants[node.output[0]] = item.t
    if any(node.op_type == "QuantizeLinear" and node.input[0] in constants for node in graph.node):
        return False
    return all(
        np.abs(numpy_helper.to_array(tensor).astype(np.int16)).max(initial=0) <= _LARGEST
        for tensor in constants.values()
        if tensor.data_type == TensorProto.INT8
    )
