"""Graphs of 8-bit numbers say whether a processor without wide sums could saturate them."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lookalike.errors import ModelError
from scripts.models.eight_bit import fits_16_bits


def write(path: Path, weights: np.ndarray, *, as_node: bool = False, operation: str = "DequantizeLinear") -> Path:
    tensor = numpy_helper.from_array(weights, "weights")
    nodes = [helper.make_node(operation, ["weights", "scale"], ["out"])]
    if as_node:
        nodes.insert(0, helper.make_node("Constant", [], ["weights"], value=tensor))
    kind = TensorProto.UINT8 if operation == "QuantizeLinear" else TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "weights",
        [],
        [helper.make_tensor_value_info("out", kind, weights.shape)],
        [numpy_helper.from_array(np.float32(0.5), "scale"), *([] if as_node else [tensor])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


@pytest.mark.parametrize("as_node", [False, True])
@pytest.mark.parametrize(("extreme", "fits"), [(64, True), (-64, True), (65, False), (-128, False)])
def test_a_sum_of_two_products_fits_as_far_as_weights_are_small(
    tmp_path: Path, extreme: int, fits: bool, as_node: bool
) -> None:
    weights = np.int8([[0, 3], [extreme, -5]])
    # By definition: 255 is the largest activation, and two neighbouring products are added in 16 bits.
    assert fits == (abs(255 * 2 * extreme) <= 32767)
    assert fits_16_bits(write(tmp_path / "m.onnx", weights, as_node=as_node)) is fits


def test_a_graph_without_8_bit_weights_has_nothing_to_saturate(tmp_path: Path) -> None:
    assert fits_16_bits(write(tmp_path / "m.onnx", np.uint8([200])))


def test_weights_that_are_quantised_when_loaded_are_not_judged(tmp_path: Path) -> None:
    assert not fits_16_bits(write(tmp_path / "m.onnx", np.float32([0.1]), operation="QuantizeLinear"))


def test_what_is_no_graph_is_a_model_error(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"no graph")
    for path in (tmp_path / "m.onnx", tmp_path / "nowhere"):
        with pytest.raises(ModelError, match="cannot be read"):
            fits_16_bits(path)
