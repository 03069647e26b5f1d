"""A labelled catalogue, its halves, and photos to embed or to search with."""

import hashlib
import random
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import groupby
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from lookalike.photos.regions import WHOLE, Region
from scripts.common.catalogue import Photo
from scripts.common.labels import InputError, some

Half = Literal["all", "choose", "report"]
Numbers = npt.NDArray[np.intp]

_MOST_OF_ONE_VALUE: Final = 0.95
_LEAST_SHARED: Final = 0.5


@dataclass(frozen=True, slots=True)
class QueryPhoto:
    """A photo and the part of it that is searched with."""

    data: bytes
    crop: Region = WHOLE


@dataclass(frozen=True, slots=True)
class PhotoSet:
    """Photos to embed, in order. ``digest``: of all that decides them. ``loads``: each gives a photo; with a crop if ``has_crops``."""

    name: str
    digest: str
    loads: Sequence[Callable[[], QueryPhoto]]
    has_crops: bool = False

    def __len__(self) -> int:
        return len(self.loads)


class LabelledCatalogue:
    """The photos of a catalogue, product by product, and the labels of its products.

    ``products``: the ids. ``product_of``: the number of each photo's product, ascending. ``labels``: the texts of each
    product by column.
    """

    def __init__(self, photos: Iterable[Photo]) -> None:
        self.photos = sorted(photos, key=lambda photo: (photo.product_id, photo.key))
        groups = [list(group) for _, group in groupby(self.photos, key=lambda photo: photo.product_id)]
        self.products = [group[0].product_id for group in groups]
        self.first_photos = [group[0] for group in groups]
        self.product_of: Numbers = np.repeat(np.arange(len(groups)), [len(group) for group in groups])

    def only(self, photos: npt.NDArray[np.bool_]) -> "LabelledCatalogue":
        """The catalogue of some of the photos."""
        return LabelledCatalogue(photo for photo, kept in zip(self.photos, photos.tolist(), strict=True) if kept)

    @cached_property
    def columns(self) -> list[str]:
        """The columns of the labels, in their order."""
        return list(dict.fromkeys(name for photo in self.first_photos for name in photo.labels))

    def values(self, attribute: str) -> Numbers:
        """A number for each product's value of a column, or of several joined by +; -1 where one is missing.

        Raises InputError if there is no such column.
        """
        columns = [self.column(name) for name in attribute.split("+")]
        known: dict[tuple[str, ...], int] = {}
        values = []
        for photo in self.first_photos:
            texts = tuple(photo.labels.get(column, "") for column in columns)
            values.append(known.setdefault(texts, len(known)) if all(texts) else -1)
        return np.array(values, np.intp)

    def useful_attributes(self) -> list[str]:
        """The columns whose values products share, and that tell products apart.

        At least half of all products share their value with another, and no value is that of nearly all.
        """
        return [column for column in self.columns if _is_useful(self.values(column))]

    def in_half(self, half: Half) -> Numbers:
        """The products of a half. Which half a product is in depends on its id alone."""
        if half == "all":
            return np.arange(len(self.products))
        wanted = {"choose": 0, "report": 1}[half]
        return np.array([number for number, name in enumerate(self.products) if half_of(name) == wanted], np.intp)

    def column(self, name: str) -> str:
        """A column's name as the labels have it. Raises InputError if there is none."""
        wanted = re.sub(r"[^a-z0-9_.-]+", "-", name.strip().lower()).strip("-")
        if wanted not in self.columns:
            raise InputError(f"The labels have no column {name}. Their columns: {', '.join(self.columns) or 'none'}.")
        return wanted


def half_of(product_id: str) -> int:
    """0: choices are made on the product, 1: they are reported on it."""
    return zlib.crc32(b"half:" + product_id.encode()) % 2


def photo_set(name: str, photos: Sequence[Photo]) -> PhotoSet:
    """Photos as they are. Reads all of them once. Raises InputError."""
    digest = hashlib.sha256()
    for photo in photos:
        digest.update(hashlib.sha256(photo.read()).digest())
    return PhotoSet(name, digest.hexdigest(), [partial(_whole, photo) for photo in photos])


def sample(candidates: Numbers, size: int, seed: int) -> Numbers:
    """So many of the candidates, or all where there are fewer, in their order."""
    chosen = random.Random(seed).sample(candidates.tolist(), min(size, len(candidates)))
    return np.array(sorted(chosen), np.intp)


def by_product(photos: Iterable[Photo], products: Sequence[str]) -> list[tuple[int, Photo]]:
    """Other photos of the catalogue's products, each with its product's number. Raises InputError where there is none."""
    numbers: Mapping[str, int] = {name: number for number, name in enumerate(products)}
    every = list(photos)
    known = [(numbers[photo.product_id], photo) for photo in every if photo.product_id in numbers]
    if not known:
        names = some(photo.product_id for photo in every)
        raise InputError(f"None of the other photos is of a product in the catalogue: {names}. Name them PRODUCT.jpg.")
    return known


def _whole(photo: Photo) -> QueryPhoto:
    return QueryPhoto(photo.read())


def _is_useful(values: Numbers) -> bool:
    counts = Counter(values[values >= 0].tolist())
    shared = sum(count for count in counts.values() if count > 1)
    return shared >= _LEAST_SHARED * len(values) and max(counts.values()) <= _MOST_OF_ONE_VALUE * counts.total()
