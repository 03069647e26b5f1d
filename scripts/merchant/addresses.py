"""Pictures on the web that a file of product data links to, as a shop exports it."""

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from unicodedata import normalize
from urllib.parse import unquote, urlsplit

from lookalike.feeds.feed import Feed
from lookalike.feeds.layouts import layout_of
from lookalike.feeds.lines import Lines
from lookalike.feeds.product_rows import product_id_in
from lookalike.feeds.reports import BadRow, Report
from lookalike.feeds.vocabulary import Role
from lookalike.photos.catalogue import IMAGES_PREFIX, product_of
from lookalike.tables.table import Value
from scripts.common.bucket import Bucket, StoredObject
from scripts.common.labels import InputError, number
from scripts.common.uploads import Step
from scripts.merchant.downloads import Downloader

_FIRST: Final = Role.IMAGE_LINK.value
_FURTHER: Final = Role.ADDITIONAL_IMAGE_LINK.value
_ROLES: Final = frozenset((Role.IMAGE_LINK, Role.ADDITIONAL_IMAGE_LINK, Role.IMAGES))
_MAX_KEY_BYTES: Final = 1024
_MAX_NAME_BYTES: Final = 200


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture on the web: its key in the bucket, its product and its address."""

    key: str
    product_id: str
    url: str
    web: Downloader

    @property
    def origin(self) -> str:
        return self.url

    def send(self, bucket: Bucket, there: StoredObject | None, *, dry_run: bool) -> Step:
        """Bring the picture into the bucket unless the host says that it is there already, or it has the same bytes."""
        if there and self.web.has_same(self.url, there):
            return Step.SAME
        step = Step.CHANGED if there else Step.NEW
        if dry_run:
            return step
        data, content_type = self.web.photo(self.url)
        if there and bucket.holds(there, len(data), [data]):
            return Step.SAME
        bucket.put(self.key, data, content_type)
        return step


@dataclass(frozen=True, slots=True)
class Linked:
    """The pictures that a file links to, by key; rows that name none that can be used, as (place, reason); a line about both."""

    pictures: Sequence[Picture]
    bad: Sequence[tuple[str, str]]
    report: str


def linked(feed: Feed, path: Path, web: Downloader) -> Linked:
    """The pictures of a feed. Raises InputError if there are none."""
    pictures: dict[str, Picture] = {}
    unnamed: list[tuple[str, str]] = []
    for row, product_id in enumerate(feed.table.ids):
        for url in _urls(feed.table.values(row, (_FIRST, _FURTHER))):
            key = _key(product_id, url, pictures)
            if product_of(key) == product_id and len(key.encode()) <= _MAX_KEY_BYTES:
                pictures[key] = Picture(key, product_id, url, web)
            else:
                unnamed.append((f"{path.name}, product {product_id}", "no key of the bucket can name this product"))
                break
    if not pictures:
        raise InputError(
            f"{path.name} has no addresses of pictures (in a column such as image_link, Image Src or Images). "
            f"`data {path}` sends it as product data."
        )
    products = {picture.product_id for picture in pictures.values()}
    bad = [(f"{path.name}, line {bad.line}", bad.detail) for bad in feed.bad if _is_about_pictures(bad, feed)]
    return Linked(
        [pictures[key] for key in sorted(pictures)],
        [*bad, *unnamed],
        f"{number(len(pictures), 'picture')} of {number(len(products), 'product')}.",
    )


def _urls(values: Mapping[str, Value]) -> Iterator[str]:
    for value in (values.get(_FIRST, ()), values.get(_FURTHER, ())):
        yield from [value] if isinstance(value, str) else value if isinstance(value, tuple) else ()


def _is_about_pictures(bad: BadRow, feed: Feed) -> bool:
    """Whether a whole row was left out, or the address of a picture: the detail begins with the column of a bad value."""
    column = next((name for name in feed.fields if bad.detail.startswith(f"{name}: ")), None)
    return column is None or feed.fields[column] in (_FIRST, _FURTHER)


def _key(product_id: str, url: str, taken: Mapping[str, Picture]) -> str:
    """``images/1563/front.jpg`` of ``https://shop.example/a/front.jpg?v=7``.

    So a picture that changes under its address replaces the former one. Where the address has no name, or another picture of the
    product has it, a hash of the address takes its place.
    """
    path = normalize("NFC", unquote(urlsplit(url).path))
    name = re.sub(r"[^\w.()+ -]+", "_", path.rpartition("/")[2]).strip(". ")
    plain = f"{IMAGES_PREFIX}{product_id}/{name}"
    if name and len(name.encode()) <= _MAX_NAME_BYTES and (plain not in taken or taken[plain].url == url):
        return plain
    suffix = re.search(r"\.\w{1,5}$", name)
    digest = hashlib.sha256(url.encode()).hexdigest()[:12]
    return f"{IMAGES_PREFIX}{product_id}/{digest}{suffix[0] if suffix else ''}"


def lines_of(path: Path, id_column: str | None, pictures: Collection[Picture]) -> dict[str, int]:
    """The lines of a file that name these pictures, by their addresses; where an address is not found, the product's first line."""
    by_url: dict[str, int] = {}
    by_product: dict[str, int] = {}
    with path.open("rb") as file:
        for line, text, cells in layout_of(Lines(file, path.name), path.name, id_column, Report()).rows:
            by_product.setdefault(product_id_in(text), line)
            for column, cell in cells:
                if column.role in _ROLES:
                    for url in _written(cell):
                        by_url.setdefault(url, line)
    return {picture.url: by_url.get(picture.url) or by_product.get(picture.product_id, 0) for picture in pictures}


def _written(cell: str | Iterable[str]) -> Iterator[str]:
    texts = [cell, *re.split(r"[\s,|;]+", cell)] if isinstance(cell, str) else cell
    for text in texts:
        yield f"https:{text}" if text.startswith("//") else text.strip()
