"""Labels: the texts that a CSV has about each product, and the S3 metadata that carries them."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from email.header import Header
from itertools import islice
from pathlib import Path
from typing import Final

MAX_METADATA_BYTES: Final = 2048
"""S3's limit for the names and values of one object's user metadata."""
_EXAMPLES: Final = 3

Labels = Mapping[str, Mapping[str, str]]
"""Product id -> name in lower case -> text; the names in the order of the CSV's columns, ``name`` first."""


class InputError(Exception):
    """The photos or the labels cannot be used. The message is a sentence that says what to change."""


def read_labels(path: Path) -> dict[str, dict[str, str]]:
    """The labels of each product; if several rows have one id, the last counts. Raises InputError."""
    labels: dict[str, dict[str, str]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            id_column = next((name for name in rows.fieldnames or () if name.strip().lower() == "id"), None)
            if id_column is None:
                columns = ", ".join(rows.fieldnames or ()) or "none"
                raise InputError(f"{path} has no column named id, which names the product. Its columns: {columns}.")
            for row in rows:
                product_id = (row.pop(id_column) or "").strip()
                row.pop(None, None)  # values beyond the header
                if product_id:
                    labels[product_id] = _texts(row)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist. Name a CSV file with a column id.") from error
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise InputError(f"{path} cannot be read as CSV in UTF-8: {error}.") from error
    if not labels:
        raise InputError(f"{path} has no row with an id.")
    return labels


def _texts(row: Mapping[str, str | None]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for column, value in row.items():
        # The name of an HTTP header: letters, digits and a few signs. Its value: one line.
        name = re.sub(r"[^a-z0-9_.-]+", "-", column.strip().lower()).strip("-")
        text = " ".join((value or "").split())
        if name and text:
            texts.setdefault("name" if name == "productdisplayname" else name, text)
    return dict(sorted(texts.items(), key=lambda item: item[0] != "name"))


def s3_metadata(texts: Mapping[str, str]) -> dict[str, str]:
    """The labels of one product as S3 metadata. A value for which S3 has no more room is left out."""
    metadata: dict[str, str] = {}
    left_bytes = MAX_METADATA_BYTES
    for name, text in texts.items():
        value = _header_value(text)
        if len(name) + len(value) <= left_bytes:
            metadata[name] = value
            left_bytes -= len(name) + len(value)
    return metadata


def _header_value(text: str) -> str:
    """Text as S3 metadata carries it: RFC 2047 words if it is not ASCII or looks like such words."""
    if text.isascii() and text.isprintable() and "=?" not in text:
        return text
    return Header(text, "utf-8").encode(linesep="").replace("\n", "")


def report(product_ids: Iterable[str], labels: Labels) -> str:
    """The number of photos, products and labelled products, and every mismatch, with examples.

    ``product_ids``: one for each photo.
    """
    photos = Counter(product_ids)
    labelled = [product for product in photos if product in labels]
    counts = f"{number(photos.total(), 'photo')} of {number(len(photos), 'product')}"
    if not labels:
        return f"{counts}."
    lines = [f"{counts}, {len(labelled):,} of them labelled."]
    too_long = []
    for product in labelled:
        left_out = labels[product].keys() - s3_metadata(labels[product]).keys()
        too_long += [f"{product} ({', '.join(sorted(left_out))})"] if left_out else []
    for mismatch, examples in (
        ("Products without labels", [product for product in photos if product not in labels]),
        ("Labels without a photo", [product for product in labels if product not in photos]),
        (f"Labels with more than S3's {MAX_METADATA_BYTES:,} bytes, of which values are left out", too_long),
    ):
        if examples:
            lines.append(f"{mismatch}: {len(examples):,}, such as {some(examples)}.")
    return "\n".join(lines)


def some(ids: Iterable[str]) -> str:
    """The first three different ids."""
    return ", ".join(islice(dict.fromkeys(ids), _EXAMPLES))


def number(count: int, noun: str) -> str:
    """A number of things: ``1 photo``, ``2,000 photos``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
