"""A merchant's catalogue: the photos of a folder or zip with their keys, products and labels, and a report about them.

`make demo` and the upload command read it here: they take and leave the same files, and say the same about them.
"""

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import Final

from lookalike.photos.catalogue import IMAGES_PREFIX
from scripts.common.labels import MAX_METADATA_BYTES, InputError, LabelTable, number, parse_labels, s3_metadata, some
from scripts.common.photos import CONTENT_TYPES, Source, SourceFile, kind_of, open_source
from scripts.common.places import Place, Places, find_places, parts_of, usual_parts

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

    def read(self) -> bytes:
        """The bytes. Raises InputError."""
        return self.file.read()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Photos in the order of their keys, and lines about them: how many, what was left out and why, what has no labels."""

    photos: list[Photo]
    report: str


@contextmanager
def open_catalogue(path: Path, labels: Path | None = None, id_column: str | None = None) -> Iterator[Catalogue]:
    """The photos of a folder, a zip file or a photo file, with the labels of a CSV. Raises InputError.

    ``labels``: a file, or the path of one among the photos. The part of a photo's path that is an id of theirs names the
    product. Without labels, the ids of a CSV among the photos decide if it has most of them; else the first part of the path
    is the product, below the folders around all photos that have a usual name (images, photos) or the name of the zip.
    ``id_column``: see ``parse_labels``.
    """
    with open_source(path) as source:
        table = _table(path, source, labels, id_column) if labels else None
        if not source.photos:
            instead = f", but {some(source.others)}" if source.others else ""
            raise InputError(f"{path} contains no photos ({', '.join(sorted(CONTENT_TYPES))}){instead}.")
        beside = None if table else _beside(source, id_column)
        if table:
            places = find_places(list(source.photos), table.texts.keys())
        else:
            places = beside[1] if beside else _first_parts(path, source.photos)
        photos = _photos(source, places, table.texts if table else {})
        report = _report(source, photos, table, beside[0] if beside else None)
        yield Catalogue(sorted(photos, key=lambda photo: photo.key), "\n".join(report))


def _table(path: Path, source: Source, labels: Path, id_column: str | None) -> LabelTable:
    """The labels of a file, or of one among the photos, which is then not left out."""
    inside = PurePosixPath(os.path.relpath(labels, path) if labels.is_file() else labels)
    file = source.others.pop(inside, None)
    if labels.is_file():
        file = SourceFile(inside, labels.read_bytes)
    if file is None:
        raise InputError(f"{labels} does not exist, nor is it among the photos. Name a CSV file with a column id.")
    return parse_labels(file.read(), labels.name, id_column)


def _beside(source: Source, id_column: str | None) -> tuple[PurePosixPath, Places] | None:
    """The one CSV among the photos that has labels of most of them, and the places by its ids."""
    copies: dict[bytes, PurePosixPath] = {}
    for path in sorted(source.others, key=lambda path: len(path.parts)):
        if path.suffix.lower() in (".csv", ".tsv"):
            copies.setdefault(source.others[path].read(), path)
    fitting = []
    for data, path in copies.items():
        with suppress(InputError):
            places = find_places(list(source.photos), parse_labels(data, path.name, id_column).texts.keys())
            if 2 * sum(bool(place.label_id) for place in places.values()) >= len(places):
                fitting.append((path, places))
    return fitting[0] if len(fitting) == 1 else None


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


def _report(
    source: Source, photos: Sequence[Photo], table: LabelTable | None, beside: PurePosixPath | None
) -> Iterator[str]:
    """Lines about the photos, the files that are left out, and the labels. ``beside``: a CSV whose texts are not sent."""
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
    if beside:
        labels = shlex.quote(str(beside))
        yield (
            f"{some([beside])} among the photos has the ids of {labelled:,} of the products and names them. Its texts are not sent: "
            f"--labels {labels} (make demo: LABELS={labels}) sends them along."
        )
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
        f"Labels with more than S3's {MAX_METADATA_BYTES:,} bytes, of which values are left out": [
            f"{product} ({', '.join(sorted(left_out))})"
            for product, label_id in labelled.items()
            if (left_out := texts[label_id].keys() - s3_metadata(texts[label_id]).keys())
        ],
    }
