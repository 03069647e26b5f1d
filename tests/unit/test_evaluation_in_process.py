"""The engine in this process: parts and baselines side by side, and windows of photos that find weak matches only."""

from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np
import pytest

from lookalike.errors import ImageError, NotAnImage
from lookalike.layout import Layout, Part
from lookalike.photos.regions import WHOLE, Region
from scripts.common.catalogue import Photo
from scripts.common.labels import InputError
from scripts.common.photos import SourceFile
from scripts.common.places import Place
from scripts.evaluation.data import LabelledCatalogue, PhotoSet, QueryPhoto
from scripts.evaluation.in_process import InProcess
from scripts.evaluation.queries import WINDOWS

LAYOUT = Layout((Part("shape", 2), Part("colour", 1, 0.5)))
PRODUCTS = 40
RIGHT_LOWER = 0.3  # where the product of "hidden" is


class Numbered:
    """Photo "n" lies at (n, 0, n % 2). "hidden n" is far from everything, but for its right lower window, which is photo n."""

    name = "numbered"
    layout = LAYOUT
    fingerprints: Sequence[str] = ("s", "c")

    def __init__(self) -> None:
        self.windows = 0

    def embed(self, photos: Sequence[QueryPhoto]) -> list[np.ndarray | ImageError]:
        self.windows += sum(not photo.crop.is_whole for photo in photos)
        return [self._row(photo) for photo in photos]

    def _row(self, photo: QueryPhoto) -> np.ndarray | ImageError:
        kind, _, number = photo.data.decode().rpartition(" ")
        if kind == "refused":
            return NotAnImage("no")
        far = kind == "hidden" and not (photo.crop.x > RIGHT_LOWER and photo.crop.y > RIGHT_LOWER)
        return np.array([-900, 0, 0] if far else [int(number), 0, int(number) % 2], np.float32)


def catalogue(refused: Sequence[int] = ()) -> LabelledCatalogue:
    def photo(number: int) -> Photo:
        data = f"{'refused' if number in refused else 'plain'} {number}".encode()
        return Photo(SourceFile(PurePosixPath(f"{number:02}.jpg"), lambda: data), Place(-1, f"{number:02}"), {})

    return LabelledCatalogue(photo(number) for number in range(PRODUCTS))


def photos(*texts: str, crop: Region = WHOLE) -> PhotoSet:
    loads = [lambda text=text: QueryPhoto(text.encode(), crop) for text in texts]
    return PhotoSet("queries", "-".join(texts), loads, has_crops=not crop.is_whole)


def test_every_part_and_baseline_answers():
    engine = InProcess(catalogue(), Numbered(), {}, None)
    answers = engine.similar(np.array([10, 11]), k=2)
    assert list(answers) == ["Lookalike", "shape alone", "colour alone", "mean colour", "random"]
    assert sorted(answers["shape alone"].products[0].tolist()) == [9, 11]
    assert answers["shape alone"].distances[0].tolist() == [1, 1]
    assert answers["Lookalike"].distances[0].tolist() == pytest.approx([np.sqrt(1 + 0.25)] * 2)
    assert answers["colour alone"].products[0].tolist() == [0, 2]
    assert not (answers["random"].products == [[10], [11]]).any()


def test_factors_change_the_weights():
    answers = InProcess(catalogue(), Numbered(), {"shape": 0, "colour": 2}, None).similar(np.array([10]), k=3)
    assert answers["Lookalike"].products.tolist() == answers["colour alone"].products.tolist()


def test_a_photo_that_finds_weak_matches_only_is_searched_by_its_windows():
    model = Numbered()
    engine = InProcess(catalogue(), model, {}, None)
    answers = engine.search(photos("plain 7", "hidden 20", "hidden 30"), k=1)
    assert answers["Lookalike"].products[:, 0].tolist() == [7, 20, 30]
    assert answers["Lookalike"].distances[:, 0].tolist() == [0, 0, 0]
    assert answers["shape alone"].products[:, 0].tolist() == [7, 0, 0]
    assert model.windows == 2 * len(WINDOWS)


def test_a_photo_with_a_crop_is_searched_by_it_alone():
    model = Numbered()
    engine = InProcess(catalogue(), model, {}, None)
    answers = engine.search(photos("hidden 20", crop=Region(0, 0, 0.5, 0.5)), k=1)
    assert answers["Lookalike"].products.tolist() == [[0]]
    assert model.windows == 1


def test_an_excluded_product_is_no_answer_of_its_windows_either():
    engine = InProcess(catalogue(), Numbered(), {}, None)
    answers = engine.search(photos("hidden 20", "plain 7"), k=1, excluded=np.array([20, -1]))
    assert answers["Lookalike"].products[:, 0].tolist() in ([19, 7], [21, 7])


def test_refused_photos_are_left_out_and_have_no_answers():
    engine = InProcess(catalogue(refused=[3]), Numbered(), {}, None)
    assert engine.refused == 1
    assert len(engine.catalogue.products) == PRODUCTS - 1
    answers = engine.search(photos("refused 1", "plain 4"), k=1)["Lookalike"]
    assert answers.products[0].tolist() == [-1]
    assert engine.catalogue.products[answers.products[1, 0]] == "04"


def test_a_catalogue_of_refused_photos_is_an_error():
    with pytest.raises(InputError, match="refuse"):
        InProcess(catalogue(refused=range(PRODUCTS)), Numbered(), {}, None)
