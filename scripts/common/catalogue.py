"""A merchant's catalogue: the photos of a folder or zip with their keys, products and labels, and a report about them.

`make demo` and the upload command read it here: they take and leave the same files, and say the same about them. The labels
go to the bucket as a file of product data, with the ids that the photos have.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import Final

from lookalike.photos.catalogue import IMAGES_PREFIX
from scripts.common.bucket import Bucket, StoredObject
from scripts.common.data_files import DataToSend
from scripts.common.labels import InputError, LabelTable, number, parse_labels, some, with_ids
from scripts.common.photos import CONTENT_TYPES, Source, SourceFile, kind_of, open_source
from scripts.common.places import Place, Places, find_places, parts_of, usual_parts
from scripts.common.uploads import Step

_USUAL_FOLDERS: Final = frozenset({"images", "image", "photos", "pictures"})


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo to send: its file, the part of its path that names the product, and the product's labels."""

    file: SourceFile
    place: Place
    labels: Mapping[str, str]

    @property
    def key(self) -> str:
        """The key in the catalogue bucket."""
        return f"{IMAGES_PREFIX}{self.place.key(self.file.path)}"

    @property
    def product_id(self) -> str:
        return self.place.product_id

    @property
    def content_type(self) -> str:
        return CONTENT_TYPES[self.file.path.suffix.lower()]

    @property
    def origin(self) -> str:
        return str(self.file.path)

    def read(self) -> bytes:
        """The bytes. Raises InputError."""
        return self.file.read()

    def send(self, bucket: Bucket, there: StoredObject | None, *, dry_run: bool) -> Step:
        """Bring the photo into the bucket: a file as it is read, an object of another bucket by a copy within S3."""
        stored = self.file.stored
        if stored is not None:
            if there and (stored.etag == there.etag or _is_older_copy(there, stored)):
                return Step.SAME
            if not dry_run:
                bucket.copy(stored, self.key, self.content_type)
        else:
            data = self.read()
            if there and bucket.holds(there, len(data), [data]):
                return Step.SAME
            if not dry_run:
                bucket.put(self.key, data, self.content_type)
        return Step.CHANGED if there else Step.NEW


def _is_older_copy(there: StoredObject, stored: StoredObject) -> bool:
    """Whether an object is a copy of another that has not changed since. The ETag of an object in parts is no copy's."""
    return there.size == stored.size and there.modified_ms > stored.modified_ms


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Photos in the order of their keys, and the labels as a file of product data.

    ``report``: lines about them: how many, what was left out and why, what has no labels.
    """

    photos: list[Photo]
    data: DataToSend | None
    report: str


@dataclass(frozen=True, slots=True)
class _Labels:
    """A CSV about the products: its path, for people, its bytes and its rows."""

    path: PurePosixPath
    data: bytes
    table: LabelTable


@contextmanager
def open_catalogue(path: Path, labels: Path | None = None, id_column: str | None = None) -> Iterator[Catalogue]:
    """The photos of a folder, a zip file or a photo file, with the labels of a CSV. Raises InputError: see ``catalogue_of``."""
    with open_source(path) as source:
        yield catalogue_of(source, path, labels, id_column)


def catalogue_of(source: Source, path: Path, labels: Path | None, id_column: str | None) -> Catalogue:
    """The photos of a source, with the labels of a CSV. Raises InputError.

    ``path``: of the source, for people. ``labels``: a file, or the path of one among the photos. The part of a photo's path that is
    an id of theirs names the product. Without ``labels``, a CSV among the photos is taken for them if it has most of them; else the
    first part of the path is the product, below the folders around all photos that have a usual name (images, photos) or the
    name of the zip. ``id_column``: see ``parse_labels``.
    """
    given = _given(path, source, labels, id_column) if labels else None
    if not source.photos:
        instead = f", but {some(source.others)}" if source.others else ""
        raise InputError(f"{path} contains no photos ({', '.join(sorted(CONTENT_TYPES))}){instead}.")
    found = given or _beside(source, id_column)
    places = find_places(list(source.photos), found.table.texts.keys()) if found else _first_parts(path, source.photos)
    photos = _photos(source, places, found.table.texts if found else {})
    if found:
        source.others.pop(found.path, None)
    report = _report(source, photos, found, is_given=given is not None)
    data = _data_file(found, places, id_column) if found else None
    return Catalogue(sorted(photos, key=lambda photo: photo.key), data, "\n".join(report))


def _given(path: Path, source: Source, labels: Path, id_column: str | None) -> _Labels:
    """The labels of a file, or of one among the photos."""
    inside = PurePosixPath(os.path.relpath(labels, path) if labels.is_file() else labels)
    file = SourceFile(inside, labels.read_bytes) if labels.is_file() else source.others.get(inside)
    if file is None:
        raise InputError(f"{labels} does not exist, nor is it among the photos. Name a CSV file with a column id.")
    data = file.read()
    return _Labels(inside, data, parse_labels(data, labels.name, id_column))


def _beside(source: Source, id_column: str | None) -> _Labels | None:
    """The one CSV among the photos that has labels of most of them."""
    copies: dict[bytes, PurePosixPath] = {}
    for path in sorted(source.others, key=lambda path: len(path.parts)):
        if path.suffix.lower() in (".csv", ".tsv"):
            copies.setdefault(source.others[path].read(), path)
    fitting = []
    for data, path in copies.items():
        with suppress(InputError):
            table = parse_labels(data, path.name, id_column)
            places = find_places(list(source.photos), table.texts.keys())
            if 2 * sum(bool(place.label_id) for place in places.values()) >= len(places):
                fitting.append(_Labels(path, data, table))
    return fitting[0] if len(fitting) == 1 else None


def _data_file(labels: _Labels, places: Places, id_column: str | None) -> DataToSend:
    """The labels as product data, with the ids that the photos have where the two write them in different forms."""
    ids = {place.label_id: place.product_id for place in places.values() if place.label_id}
    name = labels.path.name
    return DataToSend.of_bytes(name, with_ids(labels.data, name, id_column, ids), id_column)


def _first_parts(source: Path, photos: Iterable[PurePosixPath]) -> Places:
    """The first part of each path as its product, below the folders that ``open_catalogue`` leaves off."""
    parents = [photo.parent.parts for photo in photos]
    shared = takewhile(lambda names: len(set(names)) == 1, zip(*parents, strict=False))
    usual = (name.lower() in _USUAL_FOLDERS or name == source.stem for name, *_ in shared)
    depth = sum(1 for _ in takewhile(bool, usual))
    return {photo: parts_of(photo)[depth] for photo in photos}


def _photos(source: Source, places: Places, texts: Mapping[str, Mapping[str, str]]) -> list[Photo]:
    """The photos without second copies. Raises InputError if different photos of labelled products have one key."""
    photos: dict[str, Photo] = {}
    for path in sorted(source.photos, key=lambda path: (len(path.parts), path.parts)):
        file, place = source.photos[path], places[path]
        photo = Photo(file, place, texts.get(place.label_id, {}))
        if photo.key in photos and not _is_copy(file, photos[photo.key].file) and place.label_id not in texts:
            photo = Photo(file, Place(-len(path.parts), path.parts[0]), {})  # its whole path
        first = photos.setdefault(photo.key, photo)
        if first is photo:
            continue
        if not _is_copy(file, first.file):
            raise InputError(
                f"By the labels, {first.file.path} and {path} are both {photo.key}. Put the photos of a product into a folder with "
                "the name of its id."
            )
        source.left_out["second copies of photos"].append(path)
    return list(photos.values())


def _is_copy(file: SourceFile, first: SourceFile) -> bool:
    """Whether a file has the other's path below another root, or its bytes."""
    return file.path.parts[-len(first.path.parts) :] == first.path.parts or file.read() == first.read()


def _report(source: Source, photos: Sequence[Photo], labels: _Labels | None, *, is_given: bool) -> Iterator[str]:
    """Lines about the photos, the files that are left out, and the labels, which were named or found beside the photos."""
    table = labels.table if labels else None
    products = {photo.product_id: photo.place.label_id for photo in photos}
    labelled = sum(map(bool, products.values()))
    counts = f"{number(len(photos), 'photo')} of {number(len(products), 'product')}"
    yield f"{counts}, {labelled:,} of them labelled." if table else f"{counts}."
    for path in source.others:
        source.left_out[kind_of(path)].append(path)
    groups: dict[str, Sequence[object]] = {f"Left out, {kind}": paths for kind, paths in source.left_out.items()}
    if table:
        yield table.remark
        groups |= _matches(photos, products, table.texts)
    yield from (f"{group}: {len(names):,}, such as {some(names)}." for group, names in groups.items() if names)
    if table and 2 * labelled < len(products):
        yield "Warning: fewer than half of the products are labelled. Compare the ids with the names of the photos."
    if labels and not is_given:
        yield f"{some([labels.path])} among the photos has the ids of {labelled:,} of the products: it names them, and is sent along."
    elif not table and (usual := _USUAL_FOLDERS & products.keys()):
        yield f"Warning: the folder {min(usual)} is taken for a product. With labels, the ids of a CSV decide."


def _matches(
    photos: Sequence[Photo], products: Mapping[str, str], texts: Mapping[str, Mapping[str, str]]
) -> dict[str, Sequence[str]]:
    """Where photos and labels may not match as the merchant thinks. ``products``: the label's id of each, or ""."""
    labelled = {product: label_id for product, label_id in products.items() if label_id}
    usual = usual_parts({photo.file.path: photo.place for photo in photos})
    odd: dict[bool, list[str]] = {True: [], False: []}
    for photo in photos:
        path, place = photo.file.path, photo.place
        if place.label_id and (place.is_beginning(path) or place.part != usual[len(path.parts)]):
            odd[place.is_beginning(path)].append(f"{path} ({place.product_id})")
    unmatched = texts.keys() - labelled.values()
    return {
        "Photos whose name is more than the id": odd[True],
        "Photos whose product is another part of the path than most": odd[False],
        "Ids that the labels have in another form": [
            f"{label_id} ({product})" for product, label_id in labelled.items() if label_id != product
        ],
        "Products without labels": [product for product in products if product not in labelled],
        "Labels without a photo": [label_id for label_id in texts if label_id in unmatched],
    }
