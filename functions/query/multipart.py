"""The photo in a multipart/form-data body (RFC 7578, in the syntax of RFC 2046).

The standard library's mail parser reads a body line by line and every parameter of every header: four megabytes of newlines
take it four seconds, and as many parameters would take an hour. This parser searches the body for its boundary, and limits
everything else. It is strict, and a form that it cannot read is refused with the cause: a guess would search with a photo that
is not the one that was sent.
"""

import re
from collections.abc import Iterator, Sequence

from problems import BadForm

FIELD = b"image"
_MAX_PARTS = 100
_MAX_HEADER_BYTES = 8 * 1024
_MAX_BOUNDARY_BYTES = 200  # RFC 2046 allows 70
_SHOWN_FIELDS = 5
_SHOWN_BYTES = 40
_NO_ENCODING = (b"binary", b"8bit", b"7bit")
_PARAMETER = re.compile(rb""";\s*([^\s=;"]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))""", re.DOTALL)


def photo_field(content_type: str, body: bytes) -> bytes:
    """The bytes of the form's ``image`` field. Raises BadForm, which names the cause."""
    boundary = _parameters(content_type.encode("latin-1", "replace")).get(b"boundary", b"")
    if not boundary:
        raise BadForm(
            "The Content-Type of the form has no boundary. Do not set this header of a form: the HTTP client does, with "
            "the boundary."
        )
    if len(boundary) > _MAX_BOUNDARY_BYTES:
        raise BadForm(
            f"The boundary of the form has {len(boundary):,} characters; at most {_MAX_BOUNDARY_BYTES} are read."
        )
    others = []
    for header, content in _parts(b"\r\n" + body, boundary):
        fields = _fields(header)
        name = _parameters(fields.get(b"content-disposition", b"")).get(b"name")
        if name == FIELD:
            encoding = fields.get(b"content-transfer-encoding", b"binary")
            if encoding.lower() not in _NO_ENCODING:
                raise BadForm(
                    f"The field image is encoded, as its Content-Transfer-Encoding {_shown(encoding)} says. Send the bytes "
                    "of the photo as they are."
                )
            return content
        if name is not None:
            others.append(name)
    raise BadForm(_cause(body, boundary, others))


def _cause(body: bytes, boundary: bytes, others: Sequence[bytes]) -> str:
    """Why a form has no photo. ``others``: the names of its fields."""
    if others:
        more = f" and {len(others) - _SHOWN_FIELDS} more" if len(others) > _SHOWN_FIELDS else ""
        return (
            f"The form has no field that is named image. It has {', '.join(map(_shown, others[:_SHOWN_FIELDS]))}{more}."
        )
    if b"--" + boundary not in body:
        return "The body does not contain the boundary that the Content-Type of the form names."
    if re.search(rb"--" + re.escape(boundary) + rb"[ \t]*\n", body):
        return "The lines of the form end with LF. They must end with CR and LF."
    return "The form has no field that is named image."


def _shown(name: bytes) -> str:
    """Text of the client's for a message: short and printable."""
    return repr(name[:_SHOWN_BYTES].decode(errors="replace"))


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


def _fields(header: bytes) -> dict[bytes, bytes]:
    """The header's fields: names in lower case, of each name the first value."""
    fields: dict[bytes, bytes] = {}
    for line in header.split(b"\r\n"):
        name, _, value = line.partition(b":")
        fields.setdefault(name.strip().lower(), value.strip())
    return fields


def _parameters(value: bytes) -> dict[bytes, bytes]:
    """The parameters of a header's value: names in lower case, values without quotes."""
    return {
        name.lower(): re.sub(rb"\\(.)", rb"\1", quoted, flags=re.DOTALL) if quoted else plain
        for name, quoted, plain in _PARAMETER.findall(value)
    }
