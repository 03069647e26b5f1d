"""Query photos made of catalogue photos, and pictures of other things."""

import hashlib
import io
import zlib
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from types import ModuleType
from typing import Final

import numpy as np
from PIL import Image

from lookalike.photos.regions import WHOLE, Region, with_windows
from scripts.common.catalogue import Photo
from scripts.evaluation import backdrops, cut_outs, pictures, transformations
from scripts.evaluation.data import PhotoSet, QueryPhoto
from scripts.evaluation.features import open_picture
from scripts.evaluation.transformations import CLUTTER, TRANSFORMATIONS, Transformation, cluttered

type Make = Callable[[Photo, int], QueryPhoto]

_CHANGES: Final = (backdrops, cut_outs, transformations)
_PICTURES: Final = (backdrops, pictures)

WINDOWS: Final = with_windows(WHOLE)[1:]
CROPPED_CLUTTER: Final = "on clutter, cropped to the product"


def transformed(photos: Sequence[Photo], base: PhotoSet, seed: int) -> dict[str, PhotoSet]:
    """The photos after each transformation, and on clutter with the product as the crop. ``base``: the set of the same photos."""
    made: dict[str, Make] = {name: partial(_query, name, transform) for name, transform in TRANSFORMATIONS.items()}
    made[CROPPED_CLUTTER] = _cropped_clutter
    return {
        name: PhotoSet(
            name,
            _digest(_CHANGES, base.digest, name, seed),
            [partial(make, photo, seed) for photo in photos],
            has_crops=name == CROPPED_CLUTTER,
        )
        for name, make in made.items()
    }


def other_things(count: int, seed: int) -> PhotoSet:
    """Pictures that show no product: ``count`` of each kind that is drawn, and of each photograph."""
    loads = [
        partial(_drawn, draw, np.random.SeedSequence([seed, number, kind]))
        for kind, draw in enumerate(pictures.KINDS.values())
        for number in range(count)
    ]
    return PhotoSet("pictures of other things", _digest(_PICTURES, count, seed), loads)


def windows_of(photos: PhotoSet) -> PhotoSet:
    """The windows of whole photos, photo by photo, as they are searched where the whole photo finds weak matches."""
    loads = [lru_cache(1)(load) for load in photos.loads]  # a changed photo is made once for all of its windows
    windows = [partial(_window, load, region) for load in loads for region in WINDOWS]
    return PhotoSet(f"windows, {photos.name}", _digest([], photos.digest, WINDOWS), windows)


def encoded(picture: Image.Image) -> bytes:
    """A JPEG of quality 92, which shows no loss."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=92)
    return file.getvalue()


def _query(name: str, transformation: Transformation, photo: Photo, seed: int) -> QueryPhoto:
    picture = open_picture(QueryPhoto(photo.read()))
    return QueryPhoto(encoded(transformation(picture, _rng(name, photo, seed))))


def _cropped_clutter(photo: Photo, seed: int) -> QueryPhoto:
    """The scene that is also searched as a whole."""
    scene, box = cluttered(open_picture(QueryPhoto(photo.read())), _rng(CLUTTER, photo, seed))
    return QueryPhoto(encoded(scene), box)


def _rng(name: str, photo: Photo, seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode()), zlib.crc32(photo.key.encode())])


def _window(load: Callable[[], QueryPhoto], region: Region) -> QueryPhoto:
    return QueryPhoto(load().data, region)


def _drawn(draw: Callable[[np.random.Generator], Image.Image], seed: np.random.SeedSequence) -> QueryPhoto:
    return QueryPhoto(encoded(draw(np.random.default_rng(seed))))


def _digest(modules: Iterable[ModuleType], *parts: object) -> str:
    """Of what decides the bytes of made pictures: the code that makes them, their source, their name, the seed."""
    digest = hashlib.sha256(repr(parts).encode())
    for module in modules:
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()
