"""The live data files: of each key the newest, among those of a manifest and those in the log on top of them.

The table of all live files is expensive where they are many or large, and most of the time there is a table already that lacks only
files that sort after all of its own. It and those files give the same table.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lookalike.store.products.data_file import FileState
from lookalike.store.products.product_manifest import FileRef, ProductManifest
from lookalike.store.records import Op
from lookalike.tables.merge import merge
from lookalike.tables.table import Table

_MERGED_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Waiting:
    """The data file of a log segment that is not folded. ``name`` and ``stored_bytes``: of the segment."""

    name: str
    stored_bytes: int
    state: FileState

    @property
    def key(self) -> str:
        return self.state.key

    @property
    def order(self) -> bytes:
        return self.state.order

    @property
    def op(self) -> Op:
        return self.state.op


Live = FileRef | Waiting


def live_files(manifest: ProductManifest, waiting: Iterable[Waiting]) -> list[Live]:
    """The newest file of each key, tombstones included, ascending by key. Of files equal in key and order, the manifest's counts."""
    newest: dict[str, Live] = {ref.key: ref for ref in manifest.files}
    for file in sorted(waiting, key=lambda file: file.name):
        known = newest.get(file.key)
        if known is None or file.order > known.order:
            newest[file.key] = file
    return [newest[key] for key in sorted(newest)]


Files = Mapping[str, bytes]
"""The orders of the files that have a table, by key."""


def with_tables(live: Iterable[Live]) -> Files:
    """The files that have a table, among these."""
    return {file.key: file.order for file in live if file.op is Op.PUT}


def added_after(base: Files, files: Files) -> list[str] | None:
    """The keys of the files that ``files`` has beyond ``base``, ascending.

    None unless ``files`` has all of ``base`` and the others sort after them: a merge of the tables of ``base`` is no help then.
    """
    if any(files.get(key) != order for key, order in base.items()):
        return None
    added = sorted(files.keys() - base.keys())
    return None if base and added and added[0] < max(base) else added


def merged(tables: Sequence[Table]) -> Table:
    """The tables of files, ascending by key, as one. Thousands of small ones are not all beside a large one again and again."""
    while len(tables) > _MERGED_AT_ONCE:
        tables = [merge(tables[start : start + _MERGED_AT_ONCE]) for start in range(0, len(tables), _MERGED_AT_ONCE)]
    return merge(tables)
