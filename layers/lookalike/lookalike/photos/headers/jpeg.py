"""JPEG: the segments before the picture, the scans of the picture and their cost."""

import re
from collections.abc import Iterator
from typing import Final

from lookalike.errors import TooMuchWork
from lookalike.photos.headers.header import Header, check_parts, check_size, damaged, not_read

# A marker before a length, or the start or end of a picture. Any number of \xff may come before it: \xff+ would take a time
# that is quadratic in their number.
_MARKER: Final = re.compile(rb"\xff([\x02-\xcf\xd8-\xfe])")
_END: Final = b"\xd9"
_SCAN: Final = b"\xda"
_TABLES: Final = (b"\xc4", b"\xdb", b"\xdd")  # Huffman, quantisation, restart interval

# Start-of-frame markers. Those that are missing here are tables, or lossless, hierarchical or arithmetic.
_SEQUENTIAL: Final = (b"\xc0", b"\xc1")
_PROGRESSIVE: Final = b"\xc2"
_OTHER_FRAMES: Final = {
    **dict.fromkeys((b"\xc9", b"\xca", b"\xcb", b"\xcd", b"\xce", b"\xcf"), "A JPEG with arithmetic coding"),
    **dict.fromkeys((b"\xc3", b"\xc5", b"\xc6", b"\xc7", b"\xde"), "A lossless or hierarchical JPEG"),
}

# A JPEG can repeat a scan of ten bytes any number of times, and each costs a pass over all samples of its components: half a
# nanosecond a sample. Encoders write about ten scans, which pass over a photo of 64 megapixels up to 1.8 thousand million times.
_MAX_SCANNED_SAMPLES: Final = 2_000_000_000


def read(data: bytes, max_pixels: float) -> Header:
    """Read the header. Raises ``NotAnImage``, ``TooManyPixels``, ``TooMuchWork`` or ``UndecodableImage``."""
    kept = [b"\xff\xd8"]
    frame: _Frame | None = None
    exif_seen = False
    for count, (marker, start, end) in enumerate(_segments(data, 2)):
        check_parts(count, "segments")
        body = data[start + 4 : min(end, start + 40)]
        if marker in _OTHER_FRAMES:
            raise not_read(_OTHER_FRAMES[marker], "an ordinary JPEG")
        if marker in _SEQUENTIAL or marker == _PROGRESSIVE:
            frame = _Frame(body, is_progressive=marker == _PROGRESSIVE)
        elif marker == _SCAN:
            if frame is None:
                raise damaged()
            has_end = _check_scans(data, start, end, frame)
            check_size(frame.width, frame.height, max_pixels)
            return Header("JPEG", frame.width, frame.height, b"".join([*kept, data[start:]]), has_end=has_end)
        elif marker == _END:
            break
        is_exif = marker == b"\xe1" and body.startswith(b"Exif\0") and not exif_seen
        exif_seen |= is_exif
        if is_exif or marker in _TABLES or _is_needed(marker, body):
            kept.append(data[start:end])
    raise damaged()


def _is_needed(marker: bytes, body: bytes) -> bool:
    """Whether a segment is the frame's, or says how its colours are stored."""
    return (
        marker in _SEQUENTIAL
        or marker == _PROGRESSIVE
        or (marker == b"\xe0" and body.startswith(b"JFIF"))
        or (marker == b"\xe2" and body.startswith(b"ICC_PROFILE\0"))
        or (marker == b"\xee" and body.startswith(b"Adobe"))
    )


class _Frame:
    """The size and the components of the picture, and the bits of each coefficient that have not been seen yet."""

    def __init__(self, body: bytes, *, is_progressive: bool) -> None:
        if len(body) < 6 or len(body) < 6 + 3 * body[5]:
            raise damaged()
        bits, self.height, self.width, count = body[0], int.from_bytes(body[1:3]), int.from_bytes(body[3:5]), body[5]
        if bits != 8:
            raise not_read(f"A JPEG of {bits} bits a sample", "a JPEG of 8 bits")
        if count not in (1, 3, 4):
            raise not_read(f"A JPEG of {count} components", "an RGB JPEG")
        self.is_progressive = is_progressive
        factors = {body[at]: (body[at + 1] >> 4, body[at + 1] & 15) for at in range(6, 6 + 3 * count, 3)}
        if len(factors) < count or min(min(pair) for pair in factors.values()) < 1:
            raise damaged()
        widest, tallest = (max(pair[axis] for pair in factors.values()) for axis in (0, 1))
        self.samples = {
            name: (self.width * across // widest + 8) * (self.height * down // tallest + 8)
            for name, (across, down) in factors.items()
        }
        # The lowest bit that the scans have brought of each coefficient, 0 being the last one.
        self._lowest_bits = {name: [99] * 64 for name in factors}

    def scan(self, body: bytes) -> int:
        """Take a scan's header; how many samples it passes over."""
        count = body[0] if body else 0
        if not 1 <= count <= 4 or len(body) < 4 + 2 * count:
            raise damaged()
        first, last, bits = body[1 + 2 * count], body[2 + 2 * count], body[3 + 2 * count] & 15
        samples = 0
        for name in body[1 : 1 + 2 * count : 2]:
            if name not in self.samples:
                raise damaged()
            samples += self.samples[name]
            if self.is_progressive:
                self._lowest_bits[name][first : last + 1] = [bits] * max(0, min(last, 63) + 1 - first)
            else:
                self._lowest_bits[name] = [0] * 64
        return samples

    def is_complete(self) -> bool:
        """Whether the scans have brought every bit of every coefficient."""
        return not any(any(bits) for bits in self._lowest_bits.values())


def _segments(data: bytes, position: int) -> Iterator[tuple[bytes, int, int]]:
    """The marker of each segment, where it begins and where it ends. Bytes between segments are passed over."""
    while found := _MARKER.search(data, position):
        marker, start = found[1], found.end() - 2
        if marker in (b"\xd8", _END):
            position = found.end()
        else:
            position = found.end() + max(2, int.from_bytes(data[found.end() : found.end() + 2]))
            if position > len(data):
                raise damaged()
        yield marker, start, position


def _check_scans(data: bytes, start: int, end: int, frame: _Frame) -> bool:
    """Whether the picture has its end marker. Raises ``TooMuchWork`` where its scans cost too much.

    A second picture or a phone's video clip may follow the end; neither counts.
    """
    samples = frame.scan(data[start + 4 : start + 20])
    if not frame.is_progressive and frame.is_complete():  # libjpeg takes the first scan and looks at no other
        return data.rfind(b"\xff" + _END) >= end
    for count, (marker, at, after) in enumerate(_segments(data, end)):
        check_parts(count, "segments")
        if marker == _END:
            return True
        if marker == _SCAN:
            samples += frame.scan(data[at + 4 : min(after, at + 20)])
        if samples > _MAX_SCANNED_SAMPLES:
            raise TooMuchWork("The photo is stored in too many passes. Save it as a plain JPEG.")
    if not frame.is_complete():
        raise damaged()
    return False
