"""Embeddings that are kept: photos are embedded once, whatever stops a run."""

from collections.abc import Sequence

import numpy as np
import pytest

from lookalike.errors import ImageError, NotAnImage
from lookalike.layout import Layout, Part
from scripts.common.labels import InputError
from scripts.evaluation import embeddings
from scripts.evaluation.data import PhotoSet, QueryPhoto
from scripts.evaluation.embeddings import embed


class Counting:
    """Rows of a photo's first byte. It fails at ``fails_at``, and refuses empty photos."""

    name = "counting"
    layout = Layout((Part("shape", 2), Part("colour", 1)))

    def __init__(self, shape: str = "s1", colour: str = "c1", fails_at: int = -1) -> None:
        self.fingerprints: Sequence[str] = (shape, colour)
        self.embedded: list[bytes] = []
        self._fails_at = fails_at

    def embed(self, photos: Sequence[QueryPhoto]) -> list[np.ndarray | ImageError]:
        if len(self.embedded) >= self._fails_at >= 0:
            raise KeyboardInterrupt
        self.embedded += [photo.data for photo in photos]
        return [np.full(3, photo.data[0], np.float32) if photo.data else NotAnImage("no") for photo in photos]


PHOTOS = PhotoSet("ten", "digest-1", [lambda number=number: QueryPhoto(bytes([number])) for number in range(1, 11)])
ROWS = np.repeat(np.arange(1, 11, dtype=np.float32)[:, np.newaxis], 3, axis=1)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(embeddings, "_BATCH", 4)


@pytest.mark.parametrize("kept", [True, False])
def test_rows_are_those_of_the_features(tmp_path, kept):
    np.testing.assert_array_equal(embed(Counting(), PHOTOS, tmp_path / "cache" if kept else None), ROWS)


def test_kept_photos_are_not_embedded_again(tmp_path):
    embed(Counting(), PHOTOS, tmp_path)
    again = Counting()
    np.testing.assert_array_equal(embed(again, PHOTOS, tmp_path), ROWS)
    assert again.embedded == []


def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        embed(Counting(fails_at=8), PHOTOS, tmp_path)
    rest = Counting()
    np.testing.assert_array_equal(embed(rest, PHOTOS, tmp_path), ROWS)
    assert rest.embedded == [bytes([9]), bytes([10])]


@pytest.mark.parametrize(
    ("features", "photos"),
    [
        (Counting(shape="s2"), PHOTOS),
        (Counting(colour="c2"), PHOTOS),
        (Counting(), PhotoSet("ten", "digest-2", PHOTOS.loads)),
    ],
)
def test_another_part_or_other_photos_are_embedded(tmp_path, features, photos):
    embed(Counting(), PHOTOS, tmp_path)
    features.embedded.clear()
    np.testing.assert_array_equal(embed(features, photos, tmp_path), ROWS)
    assert len(features.embedded) == 10


def test_a_part_that_changes_leaves_the_rows_of_the_others(tmp_path):
    embed(Counting(), PHOTOS, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    embed(Counting(colour="c2"), PHOTOS, tmp_path)
    assert len(list(tmp_path.iterdir())) == 3
    assert all(path.read_bytes() == data for path, data in before.items())


def test_refused_photos_are_infinite_and_not_tried_again(tmp_path):
    photos = PhotoSet("two", "digest-3", [lambda: QueryPhoto(b"\1"), lambda: QueryPhoto(b"")])
    for _ in range(2):
        features = Counting()
        rows = embed(features, photos, tmp_path)
        assert np.isinf(rows).all(axis=1).tolist() == [False, True]
    assert features.embedded == []


@pytest.mark.parametrize("content", [b"", b"no array", None])
def test_a_file_of_another_kind_is_named(tmp_path, content):
    embed(Counting(), PHOTOS, tmp_path)
    path = next(tmp_path.glob("shape-*"))
    if content is None:
        np.save(path, np.zeros((3, 3), np.float32))
    else:
        path.write_bytes(content)
    with pytest.raises(InputError, match=path.name):
        embed(Counting(), PHOTOS, tmp_path)


def test_some_photos_are_embedded_and_others_later(tmp_path):
    features = Counting()
    some = np.array([7, 2])
    np.testing.assert_array_equal(embed(features, PHOTOS, tmp_path, some), ROWS[some])
    assert sorted(features.embedded) == [bytes([3]), bytes([8])]
    np.testing.assert_array_equal(embed(features, PHOTOS, tmp_path), ROWS)
    assert len(features.embedded) == 10
