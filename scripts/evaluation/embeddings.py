"""Embeddings of photos, kept in a folder so that a stopped run goes on, and that photos are embedded once.

A file holds one part of one set of photos: float32 (photos, dimensions), named for the part's fingerprint and the digest of
the photos. A row that is not a number is still to be embedded; an infinite one belongs to a photo that was refused.
"""

from collections.abc import Sequence
from itertools import batched
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
from numpy.lib.format import open_memmap

from lookalike.errors import ImageError
from lookalike.layout import Layout
from scripts.common.labels import InputError
from scripts.common.progress import Progress
from scripts.evaluation.data import Numbers, PhotoSet, QueryPhoto
from scripts.evaluation.neighbours import Floats

_BATCH: Final = 64


class Features(Protocol):
    """Turns photos into rows. ``fingerprints``: of each part; rows of equal fingerprints can be compared."""

    name: str
    layout: Layout
    fingerprints: Sequence[str]

    def embed(self, photos: Sequence[QueryPhoto]) -> Sequence[Floats | ImageError]:
        """A row, float32 (dimensions,), for each photo, or the error that refuses it."""
        ...


def embed(features: Features, photos: PhotoSet, cache: Path | None, some: Numbers | None = None) -> Floats:
    """The embeddings of a set of photos, or of some of it, float32 (photos, dimensions); those of refused photos are infinite.

    Raises InputError if the cache cannot be used.
    """
    files = [
        _file(cache, photos, f"{part.name}-{fingerprint[:20]}", part.dimensions)
        for part, fingerprint in zip(features.layout.parts, features.fingerprints, strict=True)
    ]
    wanted = np.arange(len(photos)) if some is None else some
    missing = wanted[np.any([np.isnan(file[wanted, 0]) for file in files], axis=0)]
    with Progress(len(missing), f"{features.name}: {photos.name}") as progress:
        for batch in batched(missing.tolist(), _BATCH):
            answers = features.embed([photos.loads[number]() for number in batch])
            for number, answer in zip(batch, answers, strict=True):
                for file, columns in zip(files, features.layout.slices, strict=True):
                    file[number] = np.inf if isinstance(answer, ImageError) else answer[columns]
            progress.step(len(batch))
    return np.concatenate([file[wanted] for file in files], axis=1, dtype=np.float32)


def _file(cache: Path | None, photos: PhotoSet, part: str, dimensions: int) -> npt.NDArray[np.float32]:
    """Rows in memory, or in a file of the cache that keeps what is written to them."""
    shape = (len(photos), dimensions)
    if cache is None:
        return np.full(shape, np.nan, np.float32)
    path = cache / f"{part}-{photos.digest[:20]}.npy"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            # Renamed once it is whole: a file of a run that was stopped here would lack rows.
            fresh = path.with_suffix(".new")
            rows = open_memmap(fresh, "w+", np.float32, shape)
            rows[:] = np.nan
            rows.flush()
            fresh.replace(path)
        file = open_memmap(path, "r+")
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be used ({error}). Remove it, or name another folder with --cache.") from error
    if file.shape != shape or file.dtype != np.float32:
        raise InputError(f"{path} holds {file.dtype} of {file.shape}, not float32 of {shape}. Remove it.")
    return file
