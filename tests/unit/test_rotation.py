from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lookalike.codes.rotation import Rotation, rotation_of
from lookalike.errors import CorruptObject
from lookalike.store import rotation_file, tensors
from lookalike.store.rotation_file import FORMAT
from tests.support import spectra


@pytest.fixture
def fitted() -> Rotation:
    return spectra.fitted(spectra.power_law(1, 100, 12), 5)


def test_a_rotation_comes_back_as_it_was(fitted: Rotation) -> None:
    held = rotation_file.decode(rotation_file.encode(fitted))
    np.testing.assert_array_equal(held.mean, fitted.mean, strict=True)
    np.testing.assert_array_equal(held.matrix, fitted.matrix, strict=True)
    assert held.defect == fitted.defect
    assert (held.coordinates, held.dimensions) == (5, 12)


def test_two_files_of_one_rotation_differ(fitted: Rotation) -> None:
    assert rotation_file.encode(fitted) != rotation_file.encode(fitted)


def test_a_rotation_is_read_only(fitted: Rotation) -> None:
    for held in (fitted, rotation_file.decode(rotation_file.encode(fitted))):
        assert not held.mean.flags.writeable
        assert not held.matrix.flags.writeable


@pytest.mark.parametrize("by", [0.0, 1e-6, 1e-3, 0.1])
def test_the_defect_is_at_least_the_spectral_norm_of_what_is_not_orthonormal(by: float) -> None:
    inexact = spectra.inexact(spectra.isotropic(2, 100, 16), 9, by=by)
    wide = inexact.matrix.astype(np.longdouble)
    gram = (wide @ wide.T - np.eye(9)).astype(np.float64)
    assert np.linalg.norm(gram, 2) <= inexact.defect * (1 + 1e-9) <= 3 * np.linalg.norm(gram, 2) + 1e-9
    assert inexact.defect > by / 10


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"format": "lookalike-rotation/9"}, "rotation/9", id="another format"),
        pytest.param({"format": None}, "without a format", id="no format"),
        pytest.param({"defect": None}, "how exact", id="no defect"),
        pytest.param({"defect": "one"}, "how exact", id="a defect that is no number"),
        pytest.param({"defect": "nan"}, "no rotation", id="a defect that is not finite"),
        pytest.param({"defect": "-0x1p-20"}, "no rotation", id="a negative defect"),
        pytest.param({"defect": "0x1p-1"}, "no rotation", id="a matrix that is far from orthonormal"),
        pytest.param({"defect": "0x1p9999"}, "how exact", id="a defect past all floats"),
        pytest.param({"mean": np.zeros(11, np.float32)}, "fit together", id="a mean too short"),
        pytest.param({"mean": np.zeros(12, np.float64)}, "no mean", id="a mean of another type"),
        pytest.param({"matrix": np.zeros(12, np.float32)}, "no matrix", id="a column for a matrix"),
        pytest.param({"matrix": None}, "no matrix", id="no matrix"),
    ],
)
def test_what_does_not_fit_together_is_corrupt(fitted: Rotation, change: dict[str, Any], message: str) -> None:
    held = {"mean": fitted.mean, "matrix": fitted.matrix, "format": FORMAT, "defect": fitted.defect.hex()} | change
    columns = {name: held[name] for name in ("mean", "matrix") if held[name] is not None}
    metadata = {name: held[name] for name in ("format", "defect") if held[name] is not None}
    with pytest.raises(CorruptObject, match=message):
        rotation_file.decode(tensors.encode(columns, metadata))


def test_a_file_cut_anywhere_is_corrupt(fitted: Rotation) -> None:
    data = rotation_file.encode(fitted)
    for length in range(len(data)):
        with pytest.raises(CorruptObject):
            rotation_file.decode(data[:length])


@pytest.mark.parametrize("make", [spectra.fitted, spectra.inexact])
def test_a_rotation_keeps_lengths_but_for_its_tail(make: Callable[..., Rotation]) -> None:
    vectors = spectra.isotropic(3, 100, 16)
    square = make(vectors, 16)
    centred = vectors.astype(np.float64) - square.mean
    turned = centred @ square.matrix.astype(np.float64).T
    lengths = np.linalg.norm(centred, axis=1)
    assert np.abs(np.linalg.norm(turned, axis=1) - lengths).max() <= square.defect * lengths.max()


def test_the_defect_is_measured_of_what_is_stored() -> None:
    matrix = np.eye(3, dtype=np.float32) * np.float32(1.01)
    assert rotation_of(np.zeros(3, np.float32), matrix).defect == pytest.approx(0.0201 * 3**0.5, rel=1e-4)
