"""User metadata of the catalogue's objects, as S3 hands them over."""

from email.errors import HeaderParseError
from email.header import decode_header, make_header


def decoded_metadata(metadata: dict[str, str]) -> dict[str, str]:
    """User metadata with RFC 2047 words decoded: S3's own way of carrying text that is not ASCII."""
    decoded = {}
    for name, value in metadata.items():
        text = value
        if "=?" in value:
            try:
                text = str(make_header(decode_header(value)))
                text.encode()  # UTF-7, among others, decodes to halves of surrogate pairs, which no row can contain
            except (HeaderParseError, LookupError, ValueError):
                text = value  # it only looked encoded
        decoded[name.lower()] = text
    return decoded
