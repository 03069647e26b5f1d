"""The names of a store's objects.

    log/<time>-<id>-<check>.safetensors            time: 13 digits, milliseconds since 1970; id: 32 hexadecimal digits
    segments/<id>.safetensors
    segments/<id>-<check>.rotation.safetensors
    segments/<id>-<check>.map.safetensors          a place for each product: see ``map_file``
    tables/<id>-<check>.pack                       of product data: data files, one after the other
    tables/<id>-<check>.safetensors                of product data: the table of all files
    manifests/<20 digits>.json                     newer versions sort first
    attempts/<hash>-<receives>                     a photo that is read alone: see ``attempts``
    index/<index>/recall/<20 digits>.json          how good an index is: see ``recall``; newer ones sort first
    index/<index>/cursors/<20 digits>.safetensors  newer ones sort first: see ``index_cursor``

Objects of other names, such as the folder markers that a file manager leaves, belong to somebody else: readers, compaction,
collection and backfill leave them alone, and fsck reports them. ``check`` is the CRC-32 of the object's bytes.
"""

import re
import time
import uuid
from enum import Enum

from lookalike.errors import CorruptObject
from lookalike.store.damage import check_of

LOG = "log/"
SEGMENTS = "segments/"
TABLES = "tables/"
MANIFESTS = "manifests/"
ATTEMPTS = "attempts/"
INDEX = "index/"
_MAX_VERSION = 10**20 - 1
_INDEX_NAME = "[a-z0-9][a-z0-9.-]*"


class Kind(Enum):
    """The kinds of objects. The values are patterns of their names."""

    LOG_SEGMENT = rf"{LOG}[0-9]{{13}}-[0-9a-f]{{32}}-(?P<check>[0-9a-f]{{8}})\.safetensors"
    SEGMENT = rf"{SEGMENTS}[0-9a-f]{{32}}\.safetensors"
    ROTATION = rf"{SEGMENTS}[0-9a-f]{{32}}-(?P<check>[0-9a-f]{{8}})\.rotation\.safetensors"
    MAP = rf"{SEGMENTS}[0-9a-f]{{32}}-(?P<check>[0-9a-f]{{8}})\.map\.safetensors"
    PACK = rf"{TABLES}[0-9a-f]{{32}}-(?P<check>[0-9a-f]{{8}})\.pack"
    TABLE = rf"{TABLES}[0-9a-f]{{32}}-(?P<check>[0-9a-f]{{8}})\.safetensors"
    MANIFEST = rf"{MANIFESTS}[0-9]{{20}}\.json"
    ATTEMPT = rf"{ATTEMPTS}[0-9a-f]{{32}}-[0-9]+"
    RECALL = rf"{INDEX}{_INDEX_NAME}/recall/[0-9]{{20}}\.json"
    CURSOR = rf"{INDEX}{_INDEX_NAME}/cursors/[0-9]{{20}}\.safetensors"


_PATTERNS = {kind: re.compile(kind.value) for kind in Kind}


def kind_of(name: str) -> Kind | None:
    """The kind of the object of that name; None where the object is not the store's."""
    return next((kind for kind, pattern in _PATTERNS.items() if pattern.fullmatch(name)), None)


def new_log_segment(data: bytes) -> str:
    """A name for a log segment of these bytes that no other object has."""
    # The time is for people who list the bucket, and for ``appended_ms``; no snapshot depends on it.
    return f"{LOG}{int(time.time() * 1000):013}-{uuid.uuid4().hex}-{check_of(data):08x}.safetensors"


def new_segment() -> str:
    """A name for a segment that no other object has."""
    return f"{SEGMENTS}{uuid.uuid4().hex}.safetensors"


def new_rotation(data: bytes) -> str:
    """A name for a rotation of these bytes that no other object has."""
    return f"{SEGMENTS}{uuid.uuid4().hex}-{check_of(data):08x}.rotation.safetensors"


def new_map(data: bytes) -> str:
    """A name for a map of these bytes that no other object has."""
    return f"{SEGMENTS}{uuid.uuid4().hex}-{check_of(data):08x}.map.safetensors"


def new_pack(data: bytes) -> str:
    """A name for a pack of these bytes that no other object has."""
    return f"{TABLES}{uuid.uuid4().hex}-{check_of(data):08x}.pack"


def new_table(data: bytes) -> str:
    """A name for the table of all data files, of these bytes, that no other object has."""
    return f"{TABLES}{uuid.uuid4().hex}-{check_of(data):08x}.safetensors"


def manifest_name(version: int) -> str:
    """The name of the manifest of a version. Versions count up and names count down."""
    return f"{MANIFESTS}{_counted_down(version)}.json"


def recalls(index: str) -> str:
    """Where the measured recalls of an index are. Raises ValueError where an index cannot have this name."""
    return f"{_of_index(index)}recall/"


def recall_name(index: str, number: int) -> str:
    """The name of an index's measured recall. Numbers count up and names count down."""
    return f"{recalls(index)}{_counted_down(number)}.json"


def recall_number(name: str) -> int:
    """The number of a measured recall of that name."""
    return _MAX_VERSION - int(name.rpartition("/")[2].removesuffix(".json"))


def cursors(index: str) -> str:
    """Where the cursors of an index are. Raises ValueError where an index cannot have this name."""
    return f"{_of_index(index)}cursors/"


def cursor_name(index: str, number: int) -> str:
    """The name of a cursor. Numbers count up and names count down."""
    return f"{cursors(index)}{_counted_down(number)}.safetensors"


def _counted_down(number: int) -> str:
    """A number in a name, so that greater ones sort first."""
    return f"{_MAX_VERSION - number:020}"


def _of_index(index: str) -> str:
    if not re.fullmatch(_INDEX_NAME, index):
        raise ValueError(f"{index!r} is no name of an index: small letters, digits, dots and hyphens")
    return f"{INDEX}{index}/"


def verified(name: str, data: bytes) -> bytes:
    """The bytes of an object whose name has their check. Raises CorruptObject unless they have it."""
    kind = kind_of(name)
    match = _PATTERNS[kind].fullmatch(name) if kind else None
    if match is None or match.groupdict().get("check") != f"{check_of(data):08x}":
        raise CorruptObject("the bytes are not those that were written")
    return data
