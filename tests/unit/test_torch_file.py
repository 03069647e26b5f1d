"""Weights of PyTorch are read without PyTorch, and nothing that a file asks for is run."""

import os
from pathlib import Path

import numpy as np
import pytest

from lookalike.errors import ModelError
from scripts.models.torch_file import read_tensors
from tests.support.torch_files import write_torch_file

TENSORS = {
    "weight": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "bias": np.float32([0.5, -1.5]),
    "batches": np.array(7, np.int64),
    "turned": np.arange(6, dtype=np.float32).reshape(2, 3).T,
}


class Command:
    """Runs a command where it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


def test_tensors_come_back_by_name(tmp_path: Path) -> None:
    tensors = read_tensors(write_torch_file(tmp_path / "w.pth", TENSORS))
    assert tensors.keys() == TENSORS.keys()
    for name, expected in TENSORS.items():
        np.testing.assert_array_equal(tensors[name], expected)
        assert tensors[name].dtype == expected.dtype


def test_a_file_that_wants_more_than_tensors_is_refused_and_does_nothing(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    file = write_torch_file(tmp_path / "w.pth", TENSORS, also=Command(f"touch {trace}"))
    with pytest.raises(ModelError, match=r"it asks for posix\.system"):
        read_tensors(file)
    assert not trace.exists()


@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.99])
def test_a_file_that_ends_early_is_refused(tmp_path: Path, kept: float) -> None:
    file = write_torch_file(tmp_path / "w.pth", TENSORS)
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(ModelError, match=r"w\.pth cannot be read"):
        read_tensors(file)


def test_a_tensor_does_not_reach_beyond_its_storage(tmp_path: Path) -> None:
    file = write_torch_file(tmp_path / "w.pth", {"bias": TENSORS["bias"]})
    # The shape (2,) becomes (200,).
    file.write_bytes(file.read_bytes().replace(b"K\x00K\x02\x85", b"K\x00K\xc8\x85", 1))
    with pytest.raises(ModelError, match="exceeds its storage"):
        read_tensors(file)


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"no pickle")
    other = write_torch_file(tmp_path / "w.pth", TENSORS, magic=3)
    for file in (tmp_path / "nowhere", tmp_path / "text", other):
        with pytest.raises(ModelError, match="cannot be read"):
            read_tensors(file)
