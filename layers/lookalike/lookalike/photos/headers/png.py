"""PNG: the chunks that make the picture, with their checksums; text, animation and everything else is left out."""

import struct
import zlib
from typing import Final

from lookalike.photos.headers.header import MAX_PROFILE_BYTES, Header, check_parts, check_size, damaged, not_read
from lookalike.photos.profiles import SRGB_CHROMATICITIES, rgb_profile

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_END: Final = b"\0\0\0\0IEND\xaeB`\x82"

_DEPTHS: Final = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
"""The bits a sample that each colour type may have."""

# Coding-independent code points of cICP: the primaries (white, red, green, blue as x and y) and the transfer functions.
_PRIMARIES: Final = {
    1: SRGB_CHROMATICITIES,
    9: (0.3127, 0.3290, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    12: (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
}
_SRGB_TRANSFER: Final = 13


def read(data: bytes, max_pixels: float) -> Header:
    """Read the header. Raises ``NotAnImage``, ``TooManyPixels``, ``TooMuchWork`` or ``UndecodableImage``."""
    if data[12:16] != b"IHDR" or len(data) < 33:
        raise damaged()
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    check_size(width, height, max_pixels)
    if depth not in _DEPTHS.get(colour, ()) or data[26:28] != b"\0\0" or data[28] > 1:
        raise damaged()
    kept = [_SIGNATURE]
    colours: dict[bytes, bytes] = {}
    has_picture = has_palette = False
    position = 8
    count = 0
    while position + 8 <= len(data):
        length, kind = int.from_bytes(data[position : position + 4]), data[position + 4 : position + 8]
        end = position + 12 + length
        count += 1
        check_parts(count, "chunks")
        if kind == b"IEND":
            break
        if kind in (b"IHDR", b"PLTE", b"IDAT"):
            _check_sum(data, position, end)
            has_picture |= kind == b"IDAT"
            has_palette |= kind == b"PLTE" and length >= 3
            kept.append(data[position:end])
        elif kind == b"tRNS":
            _check_sum(data, position, end)
            kept.append(_transparency(data[position + 8 : end - 4], depth, colour))
        elif kind == b"eXIf" and length < 65_536:
            kept.append(data[position:end])
        elif kind in (b"iCCP", b"gAMA", b"cHRM", b"sRGB", b"cICP") and end <= len(data):
            colours.setdefault(kind, data[position + 8 : end - 4])
        position = end
    if not has_picture or (colour == 3 and not has_palette):
        raise damaged()
    return Header("PNG", width, height, b"".join([*kept, _END]), profile=_profile(colours))


def _check_sum(data: bytes, start: int, end: int) -> None:
    """Raise ``UndecodableImage`` where a whole chunk has another checksum. One that the file cuts off is the decoder's affair."""
    if end <= len(data) and zlib.crc32(memoryview(data)[start + 4 : end - 4]) != int.from_bytes(data[end - 4 : end]):
        raise damaged()


def _transparency(body: bytes, depth: int, colour: int) -> bytes:
    """The tRNS chunk. Pillow scales greys of 2 and 4 bits to 8, but not their transparent level."""
    if colour in (0, 2) and depth == 16:
        raise not_read("A PNG of 16 bits with one transparent colour", "PNG with an alpha channel")
    if colour == 0 and depth in (2, 4) and len(body) >= 2:
        level = int.from_bytes(body[:2]) & ((1 << depth) - 1)
        body = (level * 255 // ((1 << depth) - 1)).to_bytes(2)
    kind_and_body = b"tRNS" + body
    return len(body).to_bytes(4) + kind_and_body + zlib.crc32(kind_and_body).to_bytes(4)


def _profile(chunks: dict[bytes, bytes]) -> bytes | None:
    """The ICC profile of the picture's colours; None for sRGB. The order of precedence is that of the PNG specification."""
    if len(cicp := chunks.get(b"cICP", b"")) == 4:
        primaries, transfer = cicp[:2]
        if transfer in (16, 18):
            raise not_read("A PNG with a high dynamic range (HDR)", "PNG in sRGB")
        if primaries in _PRIMARIES and transfer == _SRGB_TRANSFER:
            return None if primaries == 1 else rgb_profile(_PRIMARIES[primaries], gamma=None)
    if iccp := chunks.get(b"iCCP"):
        rest = iccp.partition(b"\0")[2]
        try:
            return zlib.decompressobj().decompress(rest[1:], MAX_PROFILE_BYTES)
        except zlib.error:
            return None
    if b"sRGB" in chunks or len(gamma := chunks.get(b"gAMA", b"")) != 4:
        return None
    exponent = int.from_bytes(gamma) / 100_000
    chromaticities = SRGB_CHROMATICITIES
    if len(raw := chunks.get(b"cHRM", b"")) == 32:
        chromaticities = tuple(value / 100_000 for value in struct.unpack(">8I", raw))
    is_srgb_gamma = abs(exponent * 2.2 - 1) < 0.05 and chromaticities == SRGB_CHROMATICITIES
    if is_srgb_gamma or not 0.1 <= exponent <= 10:
        return None
    return rgb_profile(chromaticities, gamma=1 / exponent)
