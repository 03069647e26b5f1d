"""Embedding models of a few nodes, made on the spot: the mean colour of a photo through a fully connected layer."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WEIGHTS = np.array([[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 1, 0]], np.float32)
"""What a mean colour (red, green, blue) is multiplied with: 4 dimensions."""


def write_tiny_model(
    folder: Path,
    *,
    layout: str = "NHWC",
    dtype: str = "uint8",
    size: int | None = 8,
    batch: int | str = "batch",
    activation: str = "Identity",
    **entries: Any,
) -> Path:
    """Write model.onnx and a model.json that fits it into ``folder``; ``entries`` replace some of the latter.

    ``size`` None leaves height and width open. Entries of ``input`` and ``output`` are merged with what fits.
    """
    sides = [size or "height", size or "width"]
    shape = [batch, *sides, 3] if layout == "NHWC" else [batch, 3, *sides]
    element = TensorProto.UINT8 if dtype == "uint8" else TensorProto.FLOAT
    nodes = [
        helper.make_node("Cast", ["image"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["floats"], ["planes"], perm=(0, 3, 1, 2))
        if layout == "NHWC"
        else helper.make_node("Identity", ["floats"], ["planes"]),
        helper.make_node("GlobalAveragePool", ["planes"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["colour"]),
        helper.make_node(activation, ["colour"], ["active"]),
        helper.make_node("Gemm", ["active", "weights"], ["embedding"]),
    ]
    graph = helper.make_graph(
        nodes,
        "mean colour",
        [helper.make_tensor_value_info("image", element, shape)],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [batch, WEIGHTS.shape[1]])],
        [numpy_helper.from_array(WEIGHTS, "weights")],
    )
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    onnx.checker.check_model(model)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    document = tiny_document(folder, layout=layout, dtype=dtype, size=size or 8) | {
        key: value for key, value in entries.items() if key not in ("input", "output")
    }
    for part in ("input", "output"):
        document[part] |= entries.get(part, {})
    (folder / "model.json").write_text(json.dumps(document))
    return folder


def tiny_document(folder: Path, *, layout: str, dtype: str, size: int) -> dict[str, Any]:
    return {
        "name": "mean-colour",
        "sha256": hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest(),
        "licence": "Apache-2.0",
        "source": "made by the tests",
        "input": {"name": "image", "layout": layout, "dtype": dtype, "size": size, "normalisation": None},
        "output": {"name": "embedding", "dimensions": WEIGHTS.shape[1], "l2_normalise": False},
        "probe": None,
    }
