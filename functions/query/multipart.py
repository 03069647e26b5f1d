"""The photo in a multipart/form-data body (RFC 7578, in the syntax of RFC 2046).

The standard library's mail parser reads a body line by line and every parameter of every header: four megabytes of newlines
take it four seconds, and as many parameters would take an hour. This parser searches the body for its boundary, and limits
everything else.
"""

import re
from collections.abc import Iterator

FIELD = b"image"
_MAX_PARTS = 100
_MAX_HEADER_BYTES = 8 * 1024
_MAX_BOUNDARY_BYTES = 200  # RFC 2046 allows 70
_PARAMETER = re.compile(rb""";\s*([^\s=;"]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))""", re.DOTALL)


def photo_field(content_type: str, body: bytes) -> bytes | None:
    """The bytes of the form's ``image`` field; None where the form has no such field or is no form at all."""
    boundary = _parameters(content_type.encode("latin-1", "replace")).get(b"boundary", b"")
    if not 0 < len(boundary) <= _MAX_BOUNDARY_BYTES:
        return None
    return next((content for header, content in _parts(b"\r\n" + body, boundary) if _name(header) == FIELD), None)


def _parts(body: bytes, boundary: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The header and the content of each part. A last part without an end, as in a cut body, goes to the body's end."""
    # A boundary has a line of its own, and the line break before it belongs to it.
    line = re.compile(rb"\r\n--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r\n|\Z)")
    start = line.search(body)
    for _ in range(_MAX_PARTS):
        if start is None or start[1]:
            return
        end = line.search(body, start.end())
        end_at = end.start() if end else len(body)
        blank_at = body.find(b"\r\n\r\n", start.end(), min(end_at, start.end() + _MAX_HEADER_BYTES))
        if blank_at >= 0:
            yield body[start.end() : blank_at], body[blank_at + 4 : end_at]
        start = end


def _name(header: bytes) -> bytes | None:
    """The name of a part's field."""
    for line in header.split(b"\r\n"):
        field, _, value = line.partition(b":")
        if field.strip().lower() == b"content-disposition":
            return _parameters(value).get(b"name")
    return None


def _parameters(value: bytes) -> dict[bytes, bytes]:
    """The parameters of a header's value: names in lower case, values without quotes."""
    return {
        name.lower(): re.sub(rb"\\(.)", rb"\1", quoted, flags=re.DOTALL) if quoted else plain
        for name, quoted, plain in _PARAMETER.findall(value)
    }
