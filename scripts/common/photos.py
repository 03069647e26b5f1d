"""The photos of a folder or a zip file, and the product that each path names."""

import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import Final

from lookalike.photos.catalogue import IMAGES_PREFIX, product_of
from scripts.common.labels import InputError, Labels, some

CONTENT_TYPES: Final = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".gif": "image/gif",
    ".bmp": "image/bmp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
}
# A file or an entry of a zip that cannot be read raises one of these: RuntimeError if it is encrypted.
_UNREADABLE: Final = (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
_USUAL_FOLDERS: Final = frozenset({"images", "image", "photos", "pictures"})


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A photo in a folder or zip: its path below the folders that are no part of the product, and how to read it."""

    path: PurePosixPath
    load: Callable[[], bytes]

    @property
    def key(self) -> str:
        """The key in the catalogue bucket."""
        return f"{IMAGES_PREFIX}{self.path}"

    @property
    def content_type(self) -> str:
        return CONTENT_TYPES[self.path.suffix.lower()]

    @property
    def product_id(self) -> str:
        return product_of(self.key) or ""

    def read(self) -> bytes:
        """The bytes. Raises InputError."""
        try:
            return self.load()
        except _UNREADABLE as error:
            raise InputError(f"{self.path} cannot be read: {error}.") from error

    def without_folders(self, depth: int) -> "PhotoFile":
        """The same photo without the first ``depth`` folders of its path, or without all if it has fewer."""
        return PhotoFile(PurePosixPath(*self.path.parts[min(depth, self.folders) :]), self.load)

    @property
    def folders(self) -> int:
        return len(self.path.parts) - 1


@contextmanager
def open_photos(source: Path, labels: Labels | None = None) -> Iterator[list[PhotoFile]]:
    """The photos of a folder or a zip file, in the order of their paths. Raises InputError.

    The first part of a path names the product. ``labels`` decide which part is the first: folders above the one with the
    most labelled photos are left off. Without labels, only a folder around all photos is left off, if its name is a usual
    one (images, photos) or the name of the zip.
    """
    if source.is_dir():
        files = [(file.relative_to(source).as_posix(), file.read_bytes) for file in source.rglob("*") if file.is_file()]
        yield _photos(source, files, labels or {})
        return
    try:
        archive = zipfile.ZipFile(source)
    except FileNotFoundError as error:
        raise InputError(f"{source} does not exist. Name a folder or a zip file of photos.") from error
    except (zipfile.BadZipFile, OSError) as error:
        raise InputError(f"{source} is neither a folder nor a zip file ({error}).") from error
    with archive:
        entries = [item for item in archive.infolist() if not item.is_dir()]
        yield _photos(source, [(item.filename, partial(archive.read, item)) for item in entries], labels or {})


def _photos(source: Path, files: Iterable[tuple[str, Callable[[], bytes]]], labels: Labels) -> list[PhotoFile]:
    by_path: dict[PurePosixPath, PhotoFile] = {}
    for name, load in files:
        path = PurePosixPath(*(part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")))
        # Skip the system's own files (.DS_Store, __MACOSX/._1563.jpg) and files that are no photos.
        hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
        if path.suffix.lower() in CONTENT_TYPES and not hidden:
            by_path[path] = PhotoFile(path, load)  # of a name that a zip has twice the last counts, as in unpacking
    photos = [by_path[path] for path in sorted(by_path)]
    if not photos:
        raise InputError(f"{source} contains no photos ({', '.join(sorted(CONTENT_TYPES))}).")
    depth = _labelled_depth(photos, labels) if labels else _wrapping_depth(photos, source)
    return sorted((photo.without_folders(depth) for photo in photos), key=lambda photo: photo.path)


def _wrapping_depth(photos: Sequence[PhotoFile], source: Path) -> int:
    """The number of folders around all photos that have a usual name or the name of the zip."""
    parents = [photo.path.parent.parts for photo in photos]
    shared = takewhile(lambda parts: len(set(parts)) == 1, zip(*parents, strict=False))
    usual = (name.lower() in _USUAL_FOLDERS or name == source.stem for name, *_ in shared)
    return sum(1 for _ in takewhile(bool, usual))


def _labelled_depth(photos: Sequence[PhotoFile], labels: Labels) -> int:
    """The number of folders without which most photos have labels; the smallest such number.

    Raises InputError if no photo has labels, or if it is not clear which part of a path is the product.
    """
    readings = [
        [photo.without_folders(depth) for photo in photos]
        for depth in range(max(photo.folders for photo in photos) + 1)
    ]
    labelled = [sum(photo.product_id in labels for photo in reading) for reading in readings]
    depth = labelled.index(max(labelled))
    if not labelled[depth]:
        raise InputError(
            f"The labels match no photo. The photos' products: {some(photo.product_id for photo in photos)}. The labels' "
            f"ids: {some(labels)}. A file 1563.jpg or a folder 1563/ is product 1563; correct the names or the column id."
        )
    for higher in readings[:depth]:
        for photo, other in zip(readings[depth], higher, strict=True):
            if other.product_id in labels and other.product_id != photo.product_id:
                raise InputError(
                    f"{other.path} could be a photo of product {other.product_id} or of product {photo.product_id}: the labels "
                    "do not tell. Give all photos the same form, PRODUCT.jpg or PRODUCT/VIEW.jpg, with or without folders "
                    "around it."
                )
    keys: dict[str, PhotoFile] = {}
    for photo, original in zip(readings[depth], photos, strict=True):
        if photo.key in keys:
            raise InputError(
                f"By the labels, {keys[photo.key].path} and {original.path} are both {photo.key}. Put the photos of a product "
                "into a folder with the name of its id."
            )
        keys[photo.key] = original
    return depth
