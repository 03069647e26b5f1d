"""The files of a folder or a zip, and which of them are photos."""

import re
import unicodedata
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from pathlib import Path, PurePosixPath
from typing import Final

from scripts.common.bucket import StoredObject
from scripts.common.labels import InputError

CONTENT_TYPES: Final = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), "image/jpeg"),
    ".png": "image/png",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".gif": "image/gif",
    ".bmp": "image/bmp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
}
_OTHER_FORMATS: Final = re.compile(r"\.(heic|heif|jxl|jp2|svg|psd|ai|eps|pdf|dng|cr2|cr3|nef|arw|raw)")
_PICTURES: Final = "pictures in formats that are not read (save them as JPEG)"
# A file or an entry of a zip that cannot be read raises one of these: RuntimeError if it is encrypted.
_UNREADABLE: Final = (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)

type Load = Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file in a folder or zip: its path there, in Unicode's NFC, and how to read it. ``stored``: where it is an object of S3."""

    path: PurePosixPath
    load: Load
    stored: StoredObject | None = None

    def read(self) -> bytes:
        """The bytes. Raises InputError."""
        try:
            return self.load()
        except _UNREADABLE as error:
            raise InputError(f"{self.path} cannot be read: {error}.") from error


@dataclass(frozen=True, slots=True)
class Source:
    """The files of a folder or zip: photos, others, and the paths of those that are left out, by what they are."""

    photos: dict[PurePosixPath, SourceFile] = field(default_factory=dict)
    others: dict[PurePosixPath, SourceFile] = field(default_factory=dict)
    left_out: defaultdict[str, list[PurePosixPath]] = field(default_factory=lambda: defaultdict(list))


def kind_of(path: PurePosixPath) -> str:
    """What a file is that is no photo."""
    return _PICTURES if _OTHER_FORMATS.fullmatch(path.suffix.lower()) else "files without the suffix of a photo"


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """The files of a folder or a zip file, or one photo. Raises InputError."""
    if path.is_dir():
        yield sorted_out(_below(path))
    elif path.suffix.lower() in CONTENT_TYPES and path.is_file():
        yield sorted_out([(path.name, path.read_bytes)])
    else:
        try:
            archive = zipfile.ZipFile(path)
        except FileNotFoundError as error:
            raise InputError(f"{path} does not exist. Name a folder or a zip file of photos, or a photo.") from error
        except (zipfile.BadZipFile, OSError) as error:
            raise InputError(f"{path} is neither a folder nor a zip file nor a photo ({error}).") from error
        with archive:
            entries = [item for item in archive.infolist() if not item.is_dir()]
            yield sorted_out((_name(item), partial(archive.read, item)) for item in entries)


def _below(folder: Path) -> Iterator[tuple[str, Load | None]]:
    """The files of a folder; no way to read a link to a folder, which may lead anywhere."""

    def fail(error: OSError) -> None:
        raise InputError(f"{error.filename} cannot be read: {error.strerror}.") from error

    for parent, _, names in folder.walk(on_error=fail):
        for path in (parent / name for name in names):
            yield str(path.relative_to(folder)), None if path.is_dir() else path.read_bytes


def _name(entry: zipfile.ZipInfo) -> str:
    """The name of an entry. Old Macs write UTF-8 and do not say so, and Python takes it for the letters of DOS."""
    try:
        return entry.filename if entry.flag_bits & 0x800 else entry.filename.encode("cp437").decode()
    except UnicodeError:
        return entry.filename


def sorted_out(files: Iterable[tuple[str, Load | None]], stored: Mapping[str, StoredObject] | None = None) -> Source:
    """The files with these names: photos, others and those that are left out. ``stored``: objects of S3 by name."""
    source = Source()
    for name, load in sorted(files, key=itemgetter(0)):
        # No name leaves the folder, nor later the prefix of the catalogue.
        parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
        path = PurePosixPath(unicodedata.normalize("NFC", "/".join(parts)))
        if load is None:
            source.left_out["links to folders"].append(path)
        elif any(part.startswith(".") or part == "__MACOSX" for part in path.parts):
            source.left_out["files of the system"].append(path)
        else:
            if path in source.photos:  # the last one counts, as in unpacking
                source.left_out["earlier files of a name that comes again"].append(path)
            kind = source.photos if path.suffix.lower() in CONTENT_TYPES else source.others
            kind[path] = SourceFile(path, load, stored.get(name) if stored else None)
    return source
