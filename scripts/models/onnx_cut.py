"""Cut a classifier into an embedder: drop its last fully connected layer and return the input of that layer."""

from pathlib import Path
from typing import Final

import onnx
from google.protobuf.message import DecodeError
from onnx.utils import Extractor

from lookalike.errors import ModelError

_IR_VERSION: Final = 8  # from 4 on, weights need not be listed among the graph's inputs


def cut_before_last_gemm(source: Path, destination: Path) -> tuple[str, str]:
    """Write to ``destination`` the part of the model that computes the input of its last Gemm.

    The output is float32 (batch, width): a Gemm reads matrices, so pooling and flattening lie before the
    cut. The same model gives the same bytes, since their checksum is part of the fingerprint. Returns the
    names of the input and of the output. Raises ``ModelError`` if the file is not such a model.
    """
    try:
        model = onnx.load(source)
    except (OSError, ValueError, DecodeError) as error:
        raise ModelError(f"{source} cannot be read as an ONNX model ({error}).") from error
    weights = {item.name for item in model.graph.initializer}
    images = [item.name for item in model.graph.input if item.name not in weights]
    # A graph lists its nodes in topological order, so the last listed is the last computed.
    gemms = [node for node in model.graph.node if node.op_type == "Gemm"]
    if len(images) != 1 or not gemms:
        raise ModelError(f"{source} is no classifier with one input and a fully connected layer (Gemm).")
    features = gemms[-1].input[0]
    # The extractor takes only tensors whose type is declared; ONNX Runtime works out the shape by itself.
    model.graph.output.append(onnx.helper.make_tensor_value_info(features, onnx.TensorProto.FLOAT, None))
    model.ir_version = max(model.ir_version, _IR_VERSION)
    part = Extractor(model).extract_model(images, [features])
    destination.write_bytes(part.SerializeToString(deterministic=True))
    return images[0], features
