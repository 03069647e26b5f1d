"""Turn photos into embeddings: each photo is decoded once, and every part of the model describes the same pixels.

The embedder works with any model: ``model.json`` describes its parts.
"""

import logging
import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import ImageError, ModelError, UndecodableImage
from lookalike.photos.decoder import DecoderPool, Pixels
from lookalike.photos.headers.header import MAX_PIXELS
from lookalike.photos.model import ModelSpec
from lookalike.photos.model_parts import ColourPart
from lookalike.photos.network import Network
from lookalike.photos.regions import Region

Embedding = NDArray[np.float32]

Describe = Callable[[Pixels], NDArray[np.float32]]
"""What a part does: uint8 (n, size, size, 3) to float32 (n, dimensions)."""

DRIFT_TOLERANCE: Final = 0.1
"""``drift`` warns above this Euclidean distance between a part of the probe's embedding and the recorded one."""

_log = logging.getLogger(__name__)


class Embedder:
    """A loaded model. One instance serves any number of threads.

    ``folder`` has model.json and the ONNX files of its parts. ONNX Runtime computes with ``threads`` threads, and as many processes
    decode photos.
    ``batch_size`` is the largest number of photos in one run of the model. Raises ``ModelError`` if the folder is incomplete
    or its files disagree.
    """

    def __init__(self, folder: Path, *, threads: int, batch_size: int = 16, max_pixels: int = MAX_PIXELS) -> None:
        if threads < 1 or batch_size < 1:
            raise ValueError("threads and batch_size must be at least 1")
        self.spec = ModelSpec.load(folder)
        self.fingerprint = self.spec.fingerprint
        self.layout = self.spec.layout
        # Before the model is loaded: the decoder's process starts meanwhile.
        self._decoder = DecoderPool(size=self.spec.size, max_pixels=max_pixels, processes=threads)
        self._decoders = ThreadPoolExecutor(threads, thread_name_prefix="decode")
        self._workers = ThreadPoolExecutor(len(self.spec.parts), thread_name_prefix="part")
        self._is_parallel = threads > 1
        networks = dict(
            self._of_each(self.spec.networks, lambda part: (part.name, Network(folder, part, threads=threads)))
        )
        self._parts: list[Describe] = [
            _colour(part) if isinstance(part, ColourPart) else networks[part.name].describe for part in self.spec.parts
        ]
        self._batch_size = batch_size

    @property
    def dimensions(self) -> int:
        """Of a whole row."""
        return self.layout.dimensions

    def embed(self, images: Sequence[bytes]) -> list[Embedding | ImageError]:
        """Embed photos. Returns for each, in order, float32 (``dimensions``,) or the error that refuses it.

        Embeddings are finite and not zero, and each part is of unit length if the model says so. A part that finds nothing in a photo
        is zero, where another part is not. The next batch is decoded while the model works on this one. Raises ``ModelError`` if
        the model fails, and ``DecoderUnavailable`` if the decoder does not answer.
        """
        batches = [images[at : at + self._batch_size] for at in range(0, len(images), self._batch_size)]
        results: list[Embedding | ImageError] = []
        decoding = [self._decoders.submit(self._try_decode, image) for image in batches[0]] if batches else []
        for following in [*batches[1:], ()]:
            decoded = [future.result() for future in decoding]
            decoding = [self._decoders.submit(self._try_decode, image) for image in following]
            results += self._embed_decoded(decoded)
        return results

    def embed_regions(self, photo: bytes, regions: Sequence[Region]) -> list[Embedding | ImageError]:
        """Embed regions of one photo, which is decoded once, each as a photo of its own would be.

        Returns for each, in order, what ``embed`` returns. Raises the ``ImageError`` that refuses the photo, and what ``embed``
        raises.
        """
        pixels = self._decoder.decode_regions(photo, regions)
        starts = range(0, len(pixels), self._batch_size)
        return [_usable(row) for at in starts for row in self.embed_pixels(pixels[at : at + self._batch_size])]

    def embed_pixels(self, pixels: Pixels) -> Embedding:
        """Embed uint8 RGB pixels (n, size, size, 3) in one run of each part: float32 (n, dimensions)."""
        parts = self._of_each(self._parts, lambda describe: describe(pixels))
        return np.concatenate([*parts], axis=1)

    def probe(self) -> Embedding:
        """The embedding of the built-in probe image, float32 (dimensions,)."""
        embedding: Embedding = self.embed_pixels(probe_pixels(self.spec.size)[np.newaxis])[0]
        return embedding

    def drift(self) -> float:
        """The largest Euclidean distance between a part of the probe's embedding on this processor and the recorded one.

        8-bit kernels differ between processors, and embeddings of different kernels meet in one store, so a drift above
        ``DRIFT_TOLERANCE`` is logged as a warning, which names the part. The drift of an embedding that is not finite is the largest
        float32, because metrics take finite numbers only. Costs one run of the model. Raises ``ModelError`` if model.json records
        no probe.
        """
        if self.spec.probe is None:
            raise ModelError("model.json records no probe embedding. Run `make model` again.")
        moved = self.probe().astype(np.float64) - np.frombuffer(self.spec.probe, "<f4")
        distances = [_finite(float(np.linalg.norm(moved[columns]))) for columns in self.layout.slices]
        for part, distance in zip(self.layout.names, distances, strict=True):
            if distance > DRIFT_TOLERANCE:
                _log.warning(
                    "The part %s of the model %s embeds the probe image %.4g away from the recorded embedding (tolerance %.2f): "
                    "this processor computes differently, or the part's file is not the one that model.json describes.",
                    part,
                    self.spec.name,
                    distance,
                    DRIFT_TOLERANCE,
                )
        return max(distances)

    def _of_each[T, R](self, items: Sequence[T], work: Callable[[T], R]) -> Iterable[R]:
        """``work`` on each item, at the same time where there are cores for it."""
        if self._is_parallel and len(items) > 1:
            return self._workers.map(work, items)
        return map(work, items)

    def _try_decode(self, data: bytes) -> Pixels | ImageError:
        try:
            return self._decoder.decode(data)
        except ImageError as error:
            return error

    def _embed_decoded(self, decoded: list[Pixels | ImageError]) -> list[Embedding | ImageError]:
        pixels = [item for item in decoded if not isinstance(item, ImageError)]
        embeddings = iter(self.embed_pixels(np.stack(pixels)) if pixels else ())
        return [item if isinstance(item, ImageError) else _usable(next(embeddings)) for item in decoded]


def probe_pixels(size: int) -> Pixels:
    """The built-in probe image, uint8 (size, size, 3): ramps, stripes and a disc, computed with integers only."""
    y, x = np.mgrid[0:size, 0:size].astype(np.int64)
    stripes = (x * 56 // size + y * 32 // size) % 2 * 160 + 40
    picture = np.stack([x * 255 // size, y * 255 // size, stripes], axis=-1)
    disc = (2 * x - size) ** 2 + (2 * y - size) ** 2 < size**2 // 3
    picture[disc] = 255 - picture[disc][:, ::-1] // 2
    return picture.astype(np.uint8)


def _colour(part: ColourPart) -> Describe:
    """The built-in descriptor, which must be the one that model.json names."""
    from lookalike.photos import colour_descriptor  # noqa: PLC0415 - a model without colour does without it

    if (part.descriptor, part.dimensions) != (colour_descriptor.DESCRIPTOR, colour_descriptor.DIMENSIONS):
        raise ModelError(
            f"model.json names the colour descriptor {part.descriptor} of {part.dimensions} dimensions, and this version has "
            f"{colour_descriptor.DESCRIPTOR} of {colour_descriptor.DIMENSIONS}. Run `make model` again."
        )
    return colour_descriptor.describe


def _finite(distance: float) -> float:
    return distance if math.isfinite(distance) else float(np.finfo(np.float32).max)


def _usable(embedding: Embedding) -> Embedding | ImageError:
    if np.isfinite(embedding).all() and embedding.any():
        return embedding
    # Nothing can be compared with such a vector. It must not fail the other photos of its batch. A part of zeros beside others is
    # no such vector: it is equally far from every other photo, so it ranks nothing, and the other parts do.
    return UndecodableImage("The model finds nothing in the photo to compare. Send another photo.")
