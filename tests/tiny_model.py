"""Embedding models of a few nodes, made on the spot: the mean colour of a photo through a fully connected layer."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WEIGHTS = np.array([[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 1, 0]], np.float32)
"""What a mean colour (red, green, blue) is multiplied with: 4 dimensions."""


DESCRIBED = {"licence": "Apache-2.0", "source": "made by the tests", "probe": None}


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
    folder.mkdir(parents=True, exist_ok=True)
    _write_network(folder / "model.onnx", WEIGHTS, layout, dtype, size, batch, activation)
    network = tiny_network(folder / "model.onnx", layout=layout, dtype=dtype, size=size or 8)
    document = {"name": "mean-colour", **DESCRIBED} | network | entries
    for part in ("input", "output"):
        document[part] = network[part] | entries.get(part, {})
    (folder / "model.json").write_text(json.dumps(document))
    return folder


def write_tiny_parts(
    folder: Path,
    *,
    weights: Mapping[str, np.ndarray] | None = None,
    activations: Mapping[str, str] | None = None,
    part_weights: Mapping[str, float] | None = None,
    has_colour: bool = False,
) -> Path:
    """Write a model of several parts: the mean colour through each matrix of ``weights``, and the built-in colour descriptor."""
    folder.mkdir(parents=True, exist_ok=True)
    parts: list[dict[str, Any]] = []
    for name, matrix in (weights or {"shape": WEIGHTS, "category": WEIGHTS[::-1, :3]}).items():
        path = folder / f"{name}.onnx"
        _write_network(path, matrix, "NHWC", "uint8", 8, "batch", (activations or {}).get(name, "Identity"))
        network = tiny_network(path, layout="NHWC", dtype="uint8", size=8)
        network["output"] |= {"dimensions": matrix.shape[1], "l2_normalise": True}
        parts.append({"name": name, "kind": "onnx", "file": path.name, **network})
    if has_colour:
        from lookalike.photos import colour_descriptor

        descriptor, dimensions = colour_descriptor.DESCRIPTOR, colour_descriptor.DIMENSIONS
        parts.append({"name": "colour", "kind": "colour", "descriptor": descriptor, "dimensions": dimensions})
    for part in parts:
        part["weight"] = (part_weights or {}).get(part["name"], 1.0)
    (folder / "model.json").write_text(json.dumps({"name": "tiny-parts", **DESCRIBED, "parts": parts}))
    return folder


def tiny_network(path: Path, *, layout: str, dtype: str, size: int) -> dict[str, Any]:
    """What model.json says of a network."""
    return {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "input": {"name": "image", "layout": layout, "dtype": dtype, "size": size, "normalisation": None},
        "output": {"name": "embedding", "dimensions": WEIGHTS.shape[1], "l2_normalise": False},
    }


def _write_network(
    path: Path, weights: np.ndarray, layout: str, dtype: str, size: int | None, batch: int | str, activation: str
) -> None:
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
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [batch, weights.shape[1]])],
        [numpy_helper.from_array(np.ascontiguousarray(weights), "weights")],
    )
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
