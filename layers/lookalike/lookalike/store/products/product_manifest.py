"""Manifests of product data: the live data files at one version, and the table that they make together.

The segments of files lie in packs, one after the other, so that thousands of small files are a few objects. Files that were deleted
stay as tombstones, which have no place in a pack.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lookalike.store import names, versions
from lookalike.store.records import ORDER_BYTES, Op
from lookalike.store.versions import StoreKind, Version, listed, natural, text

FORMAT = "lookalike-product-manifest/1"


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """An object of a version, by name, and its size."""

    name: str
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class FileRef:
    """A data file: its key, order and state, and where its segment is.

    ``pack``: the name of the pack, empty for a tombstone; bytes ``start`` to ``end`` (exclusive) of it; ``check``: of those bytes.
    """

    key: str
    order: bytes
    op: Op
    pack: str = ""
    start: int = 0
    end: int = 0
    check: int = 0

    @property
    def stored_bytes(self) -> int:
        """The size of the segment, 0 for a tombstone."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class ProductManifest(Version):
    """One version of the store. ``files``: ascending by key; ``merged``: None where no file is live."""

    files: tuple[FileRef, ...] = ()
    packs: tuple[ObjectRef, ...] = ()
    merged: ObjectRef | None = None

    @property
    def objects(self) -> frozenset[str]:
        """The names of all objects of this version."""
        return frozenset(ref.name for ref in (*self.packs, *((self.merged,) if self.merged else ())))


def encode(manifest: ProductManifest) -> bytes:
    """The manifest as JSON."""
    numbers = {pack.name: number for number, pack in enumerate(manifest.packs)}
    return versions.encode(
        {
            "format": FORMAT,
            **versions.shared_fields(manifest),
            "packs": [[pack.name, pack.stored_bytes] for pack in manifest.packs],
            "merged": [manifest.merged.name, manifest.merged.stored_bytes] if manifest.merged else None,
            "files": [
                [ref.key, ref.order.hex(), int(ref.op)]
                + ([numbers[ref.pack], ref.start, ref.end, ref.check] if ref.pack else [])
                for ref in manifest.files
            ],
            **versions.times(manifest),
        }
    )


def decode(data: bytes) -> ProductManifest:
    """The manifest in these bytes. Raises CorruptObject."""
    return versions.decode(data, FORMAT, _manifest)


PRODUCT_STORE = StoreKind(ProductManifest(id=""), encode, decode, names.TABLES)
"""The store of product data."""


def _manifest(fields: Mapping[str, Any]) -> ProductManifest:
    packs = tuple(map(_object, fields["packs"]))
    return ProductManifest(
        **versions.shared(fields),
        packs=packs,
        merged=None if fields["merged"] is None else _object(fields["merged"]),
        files=tuple(_file(ref, packs) for ref in fields["files"]),
    )


def _object(fields: object) -> ObjectRef:
    name, stored_bytes = listed(fields)
    return ObjectRef(text(name), natural(stored_bytes))


def _file(fields: object, packs: Sequence[ObjectRef]) -> FileRef:
    key, order, op, *place = listed(fields)
    ref = FileRef(text(key), bytes.fromhex(order), Op(op))
    if len(ref.order) != ORDER_BYTES:
        raise ValueError(f"an order has {ORDER_BYTES} bytes, not {len(ref.order)}")
    if not place:
        return ref
    number, start, end, check = map(natural, place)
    return FileRef(ref.key, ref.order, ref.op, packs[number].name, start, end, check)
