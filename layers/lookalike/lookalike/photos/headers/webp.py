"""WebP: the size of the canvas."""

from lookalike.photos.headers.header import Header, check_size, damaged, not_read


def read(data: bytes, max_pixels: float) -> Header:
    """Read the header. Raises ``NotAnImage``, ``TooManyPixels`` or ``UndecodableImage``."""
    kind, head = data[12:16], data[20:30]
    if len(data) < 30:
        raise damaged()
    if kind == b"VP8X":
        width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (4, 7))
    elif kind == b"VP8L":
        sizes = int.from_bytes(head[1:5], "little")
        width, height = (sizes & 0x3FFF) + 1, (sizes >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 ":
        width, height = (int.from_bytes(head[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    else:
        raise not_read("An unknown kind of WebP", "JPEG")
    check_size(width, height, max_pixels)
    return Header("WEBP", width, height, data)
