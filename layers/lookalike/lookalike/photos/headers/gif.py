"""GIF: the blocks up to the first frame."""

import struct

from lookalike.photos.headers.header import Header, check_parts, check_size, damaged


def read(data: bytes, max_pixels: float) -> Header:
    """Read the header. Raises ``TooManyPixels``, ``TooMuchWork`` or ``UndecodableImage``. Comments are left out."""
    try:
        width, height, flags = struct.unpack_from("<HHB", data, 6)
        position = 13 + _palette_bytes(flags)
        kept = [data[:position]]
        count = 0
        while data[position] == 0x21:  # an extension
            start, position = position, position + 2
            while length := data[position]:
                position += 1 + length
                count += 1
                check_parts(count, "blocks")
            position += 1
            if data[start + 1] == 0xF9:  # with the transparent colour
                kept.append(data[start:position])
            count += 1
            check_parts(count, "blocks")
        if data[position] != 0x2C:
            raise damaged()
        left, top, across, down = struct.unpack_from("<HHHH", data, position + 1)
    except (IndexError, struct.error) as error:
        raise damaged() from error
    check_size(max(width, left + across), max(height, top + down), max_pixels)
    frame = (left, top, left + across, top + down)
    return Header(
        "GIF",
        width,
        height,
        b"".join([*kept[:1], *kept[-1:] * (len(kept) > 1), data[position:]]),
        frame=None if frame == (0, 0, width, height) else frame,
    )


def _palette_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0
