"""Query photos made of catalogue photos, and pictures of other things."""

import hashlib
import io
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from scripts.common.catalogue import Photo
from scripts.evaluation import backdrops, cut_outs, pictures, transformations
from scripts.evaluation.cut_outs import crop_to
from scripts.evaluation.data import PhotoSet
from scripts.evaluation.features import open_picture
from scripts.evaluation.transformations import TRANSFORMATIONS, Transformation, cluttered

CROPPED_CLUTTER: Final = "on clutter, cropped to the product"


def transformed(photos: Sequence[Photo], base: PhotoSet, seed: int) -> dict[str, PhotoSet]:
    """The photos after each transformation, and on clutter cropped to the product. ``base``: the set of the same photos."""
    made: dict[str, Transformation] = {**TRANSFORMATIONS, CROPPED_CLUTTER: _cropped_clutter}
    return {
        name: PhotoSet(
            name,
            _digest(base.digest, name, seed),
            [partial(_query, photo, name, transformation, seed) for photo in photos],
        )
        for name, transformation in made.items()
    }


def other_things(count: int, seed: int) -> PhotoSet:
    """Pictures that show no product: ``count`` of each kind that is drawn, and of each photograph."""
    loads = [
        partial(_drawn, draw, np.random.SeedSequence([seed, number, kind]))
        for kind, draw in enumerate(pictures.KINDS.values())
        for number in range(count)
    ]
    return PhotoSet("pictures of other things", _digest("other things", str(count), seed), loads)


def encoded(picture: Image.Image) -> bytes:
    """A JPEG of quality 92, which shows no loss."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=92)
    return file.getvalue()


def _query(photo: Photo, name: str, transformation: Transformation, seed: int) -> bytes:
    # The scene on clutter is the same whether it is cropped or not.
    drawn_as = "on clutter" if name == CROPPED_CLUTTER else name
    rng = np.random.default_rng([seed, zlib.crc32(drawn_as.encode()), zlib.crc32(photo.key.encode())])
    return encoded(transformation(open_picture(photo.read()), rng))


def _cropped_clutter(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    return crop_to(*cluttered(photo, rng))


def _drawn(draw: Callable[[np.random.Generator], Image.Image], seed: np.random.SeedSequence) -> bytes:
    return encoded(draw(np.random.default_rng(seed)))


def _digest(*parts: object) -> str:
    """Of what decides the bytes of made pictures: their source, their name, the seed, and the code that makes them."""
    digest = hashlib.sha256(repr(parts).encode())
    for module in (backdrops, cut_outs, pictures, transformations):
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()
