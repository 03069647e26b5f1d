"""Photos in files of every kind, written from samples without Pillow."""

import io
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

SIDE = 24


def gradients(channels: int, side: int = SIDE) -> np.ndarray:
    """Float64 (side, side, channels) from 0 to 1, no channel like another."""
    y, x = np.mgrid[0:side, 0:side] / (side - 1)
    return np.stack([x, y, (x + y) / 2, 1 - x, x * y][:channels], -1)


def quantised(values: np.ndarray, bits: int) -> np.ndarray:
    """Values of 0 to 1 as unsigned integers of ``bits`` bits."""
    return (values * (2**bits - 1)).round().astype(np.uint8 if bits <= 8 else np.uint16 if bits <= 16 else np.uint32)


def packed(samples: np.ndarray, bits: int, big_endian: bool = True) -> list[bytes]:
    """Rows of samples (rows, samples), packed from the highest bit on."""
    if bits >= 8:
        dtype = np.dtype(f"u{bits // 8}").newbyteorder(">" if big_endian else "<")
        return [row.astype(dtype).tobytes() for row in samples]
    digits = (samples[..., None] >> np.arange(bits - 1, -1, -1)) & 1
    return [np.packbits(row.reshape(-1).astype(np.uint8)).tobytes() for row in digits]


# --- PNG -------------------------------------------------------------------------------------------------------------

ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    samples: np.ndarray,
    colour: int,
    bits: int,
    *,
    interlaced: bool = False,
    filter_type: int = 0,
    chunks: Iterable[tuple[bytes, bytes]] = (),
) -> bytes:
    """A PNG of samples (rows, columns, channels). ``chunks`` go before the picture."""
    height, width, channels = samples.shape
    passes = [samples[top::down, left::across] for left, top, across, down in ADAM7] if interlaced else [samples]
    raw = b""
    for part in passes:
        if part.size:
            rows = packed(part.reshape(len(part), -1), bits)
            raw += b"".join(_filtered(rows, filter_type, max(1, channels * bits // 8)))
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced)
    body = [png_chunk(b"IHDR", header), *(png_chunk(*chunk) for chunk in chunks)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body) + png_chunk(b"IDAT", zlib.compress(raw)) + png_chunk(b"IEND", b"")


def _filtered(rows: list[bytes], kind: int, pixel: int) -> Iterator[bytes]:
    above = bytes(len(rows[0]))
    for row in rows:
        left, corner = bytes(pixel) + row, bytes(pixel) + above
        pairs = zip(row, left, above, corner, strict=False)
        yield bytes([kind]) + bytes((value - _predicted(kind, *around)) & 255 for value, *around in pairs)
        above = row


def _predicted(kind: int, left: int, above: int, corner: int) -> int:
    near = min((left, above, corner), key=lambda value: abs(left + above - corner - value))
    return (0, left, above, (left + above) // 2, near)[kind]


# --- BMP -------------------------------------------------------------------------------------------------------------


def bmp(
    rows: list[bytes],
    width: int,
    bits: int,
    *,
    header_bytes: int = 40,
    compression: int = 0,
    masks: tuple[int, ...] = (),
    palette: np.ndarray | None = None,
    top_down: bool = False,
    profile: bytes = b"",
) -> bytes:
    """A BMP of rows from the top. Run-length coded pictures give all of their bytes as one row, and ``rows`` their number."""
    height = len(rows)
    lines = rows if top_down else rows[::-1]
    pixels = b"".join(line + bytes(-len(line) % 4) for line in lines)
    return bmp_of_pixels(
        pixels, width, -height if top_down else height, bits, header_bytes, compression, masks, palette, profile
    )


def bmp_of_pixels(
    pixels: bytes,
    width: int,
    height: int,
    bits: int,
    header_bytes: int = 40,
    compression: int = 0,
    masks: tuple[int, ...] = (),
    palette: np.ndarray | None = None,
    profile: bytes = b"",
) -> bytes:
    if header_bytes == 12:
        header = struct.pack("<IHHHH", 12, width, height, 1, bits)
        table = b"" if palette is None else palette[:, ::-1].astype(np.uint8).tobytes()
    else:
        header = struct.pack("<IiiHHIIiiII", header_bytes, width, height, 1, bits, compression, len(pixels), 0, 0, 0, 0)
        if header_bytes > 40:
            header += struct.pack(f"<{len(masks)}I", *masks)
        header = header.ljust(header_bytes, b"\0")
        if header_bytes == 40 and compression == 3:
            header += struct.pack("<3I", *masks[:3])
        table = b""
        if palette is not None:
            table = np.pad(palette[:, ::-1], ((0, 0), (0, 1))).astype(np.uint8).tobytes()
    start = 14 + len(header) + len(table)
    if profile:
        placed = struct.pack("<II", len(header) + len(table) + len(pixels), len(profile))
        header = header[:56] + b"DEBM" + header[60:112] + placed + header[120:]
    file = header + table + pixels + profile
    return struct.pack("<2sIHHI", b"BM", 14 + len(file), 0, 0, start) + file


# --- TIFF ------------------------------------------------------------------------------------------------------------


def tiff(strips: list[bytes], tags: Mapping[int, int | tuple[int, ...]], order: str = "<") -> bytes:
    """A TIFF of ready strips; all values are written as LONG but those that fit a SHORT."""
    entries = {tag: value if isinstance(value, tuple) else (value,) for tag, value in tags.items()}
    start = 8
    offsets = []
    for strip in strips:
        offsets.append(start)
        start += len(strip) + len(strip) % 2
    entries |= {273: tuple(offsets), 279: tuple(len(strip) for strip in strips)}
    directory, beside = struct.pack(order + "H", len(entries)), b""
    beside_at = start + 2 + 12 * len(entries) + 4
    for tag, values in sorted(entries.items()):
        kind, code = (3, "H") if max(values) < 65_536 else (4, "I")
        body = struct.pack(f"{order}{len(values)}{code}", *values)
        if len(body) > 4:
            body, beside = struct.pack(order + "I", beside_at + len(beside)), beside + body + bytes(len(body) % 2)
        directory += struct.pack(order + "HHI", tag, kind, len(values)) + body.ljust(4, b"\0")
    out = io.BytesIO()
    out.write((b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", start))
    for strip in strips:
        out.write(strip + bytes(len(strip) % 2))
    out.write(directory + bytes(4) + beside)
    return out.getvalue()


def jpeg_segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def on_white(colours: np.ndarray, alpha: np.ndarray | float = 1.0, *, premultiplied: bool = False) -> np.ndarray:
    """RGB of 0 to 255, from colours and alpha of 0 to 1."""
    three = np.repeat(colours, 3, -1) if colours.shape[-1] == 1 else colours
    mixed: Any = three + (1 - alpha) if premultiplied else three * alpha + 1 - alpha
    return np.clip(mixed, 0, 1) * 255


def from_cmyk(inks: np.ndarray) -> np.ndarray:
    """RGB of 0 to 1 from CMYK of 0 to 1, as without a profile."""
    return (1 - inks[..., :3]) * (1 - inks[..., 3:])
