"""Where embeddings come from: a model, and two baselines that any model must beat."""

import io
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from lookalike.errors import ImageError, UndecodableImage
from lookalike.layout import Layout
from lookalike.photos.embedder import Embedder
from scripts.evaluation.cut_outs import crop_to
from scripts.evaluation.data import QueryPhoto
from scripts.evaluation.neighbours import Floats


class ModelFeatures:
    """The embeddings of a model folder. Raises ModelError if it cannot be loaded."""

    def __init__(self, folder: Path, *, threads: int) -> None:
        self._embedder = Embedder(folder, threads=threads)
        self.name = self._embedder.spec.name
        self.layout = self._embedder.layout
        self.fingerprints: Sequence[str] = [part.fingerprint for part in self._embedder.spec.parts]

    def embed(self, photos: Sequence[QueryPhoto]) -> Sequence[Floats | ImageError]:
        if all(photo.crop.is_whole for photo in photos):
            return self._embedder.embed([photo.data for photo in photos])
        return [self._embed_crop(photo) for photo in photos]

    def _embed_crop(self, photo: QueryPhoto) -> Floats | ImageError:
        try:
            return self._embedder.embed_regions(photo.data, [photo.crop])[0]
        except ImageError as error:
            return error


class MeanColour:
    """The mean of all pixels: red, green and blue."""

    name = "mean colour"
    layout = Layout.of_one_part(3, "mean-colour")
    fingerprints: Sequence[str] = ("of-all-pixels",)

    def embed(self, photos: Sequence[QueryPhoto]) -> Sequence[Floats | ImageError]:
        return [_mean_colour(photo) for photo in photos]


class RandomRows:
    """Numbers that have nothing to do with the photo, but are the same for the same file."""

    name = "random"
    layout = Layout.of_one_part(8, "random")
    fingerprints: Sequence[str] = ("by-crc",)

    def embed(self, photos: Sequence[QueryPhoto]) -> Sequence[Floats | ImageError]:
        return [np.random.default_rng(zlib.crc32(photo.data)).standard_normal(8, np.float32) for photo in photos]


def open_picture(photo: QueryPhoto) -> Image.Image:
    """The upright picture in RGB, or its crop. Raises ImageError where it cannot be read."""
    try:
        with Image.open(io.BytesIO(photo.data)) as opened:
            picture = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, SyntaxError) as error:
        raise UndecodableImage(f"The photo cannot be read: {error}.") from error
    return picture if photo.crop.is_whole else crop_to(picture, photo.crop)


def _mean_colour(photo: QueryPhoto) -> Floats | ImageError:
    try:
        picture = open_picture(photo)
    except ImageError as error:
        return error
    mean: Floats = np.asarray(picture).mean(axis=(0, 1)).astype(np.float32)
    return mean
