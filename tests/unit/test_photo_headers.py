"""A file is named, measured and refused by its headers, before anything is decoded."""

import contextlib
import io
import struct
import time
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from lookalike.errors import ImageError, NotAnImage, TooManyPixels, TooMuchWork, UndecodableImage
from lookalike.photos.headers.photo import read_header
from lookalike.photos.images import decode
from tests.support.photo_files import SIDE, bmp_of_pixels, gradients, jpeg_segment, png, png_chunk, quantised, tiff

MEGAPIXELS_64 = 64_000_000


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def picture(side: int = 64) -> Image.Image:
    return Image.fromarray(quantised(gradients(3, side), 8))


def pixels(data: bytes, size: int = 32) -> np.ndarray:
    return np.asarray(decode(data, size=size)).astype(int)


JPEG = encoded(picture(), "JPEG")
PROGRESSIVE = encoded(picture(), "JPEG", progressive=True)
PNG = encoded(picture(), "PNG")


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"", "empty"),
        (b"\xff", "JPEG, PNG, WebP"),
        (b"just a text in a file named .jpg", "JPEG, PNG, WebP"),
        (bytes(500), "JPEG, PNG, WebP"),
        (b"%PDF-1.7\n", "PDF"),
        (b"<svg xmlns='x'/>", "SVG"),
        (b"<?xml version='1.0'?>\n<!-- drawn by hand -->\n<svg/>", "SVG"),
        (b"\xef\xbb\xbf<!DOCTYPE html><html>", "web page"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC"),
        (b"\xff\x0a\xfa\x7f", "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "raw"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "video"),
        (b"\x1aE\xdf\xa3\1\0\0\0", "video"),
        (b"8BPS\0\1", "Photoshop"),
        (b"PK\3\4\x14\0", "archive"),
        (b"II+\0\x08\0\0\0" + bytes(8), "BigTIFF"),
    ],
)
def test_what_is_no_photo_is_named(data: bytes, named: str) -> None:
    with pytest.raises(NotAnImage, match=named):
        read_header(data, max_pixels=MEGAPIXELS_64)


# --- sound, though unusual --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [JPEG, PROGRESSIVE, encoded(picture().convert("CMYK"), "JPEG")])
@pytest.mark.parametrize("missing", [1, 2])
def test_a_jpeg_that_lacks_only_its_end_marker_is_read(data: bytes, missing: int) -> None:
    assert (pixels(data[:-missing]) == pixels(data)).all()


@pytest.mark.parametrize("data", [JPEG, PROGRESSIVE, encoded(picture(200), "JPEG", restart_marker_blocks=4)])
def test_a_jpeg_that_lacks_pixels_is_not_taken_for_one_that_lacks_its_end_marker(data: bytes) -> None:
    for share in (0.5, 0.7, 0.9, 0.97):
        with pytest.raises(UndecodableImage):
            decode(data[: int(len(data) * share)], size=32)


def test_a_progressive_jpeg_that_ends_between_two_scans_is_damaged() -> None:
    with pytest.raises(UndecodableImage):
        decode(PROGRESSIVE[: PROGRESSIVE.rindex(b"\xff\xda")], size=32)


@pytest.mark.parametrize(
    "chunks",
    [
        [(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(2_000_000)))],
        [(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b"x" * 3_000_000))],
        [(b"tEXt", b"Comment\0" + b"y" * 1_000)] * 5_000,
        [(b"prVt", bytes(100_000))],
        [(b"iCCP", b"broken\0\0" + b"no deflate stream")],
        [(b"eXIf", b"no EXIF at all")],
    ],
)
def test_metadata_of_a_png_is_passed_over(chunks: list[tuple[bytes, bytes]]) -> None:
    samples = quantised(gradients(3), 8)
    assert (pixels(png(samples, 2, 8, chunks=chunks), SIDE) == samples).all()


def test_metadata_behind_the_picture_of_a_png_is_passed_over() -> None:
    text = png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(2_000_000)))
    assert (pixels(PNG[:-12] + text + PNG[-12:]) == pixels(PNG)).all()
    assert (pixels(PNG[:-12]) == pixels(PNG)).all()


def test_metadata_of_a_jpeg_is_passed_over() -> None:
    segments = [jpeg_segment(0xFE, b"a comment"), jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + bytes(60_000))]
    segments += [jpeg_segment(0xE1, b"Exif\0\0" + bytes(60_000))] * 300
    begin = time.process_time()
    assert (pixels(JPEG[:2] + b"".join(segments) + JPEG[2:]) == pixels(JPEG)).all()
    assert time.process_time() - begin < 1


def test_a_phone_s_photo_with_a_second_picture_behind_it_is_read() -> None:
    both = encoded(picture(), "MPO", save_all=True, append_images=[Image.new("RGB", (64, 64), "red")])
    assert (pixels(both) == pixels(JPEG)).all()


def test_comments_of_a_gif_are_passed_over() -> None:
    data = encoded(picture().quantize(), "GIF")
    palette = 13 + 3 * 256
    comment = b"!\xfe" + b"\xff" + bytes(255) + b"\0"
    assert (pixels(data[:palette] + comment * 100 + data[palette:]) == pixels(data)).all()


def test_a_damaged_chunk_of_a_png_is_found_out() -> None:
    place = PNG.index(b"IDAT") + 30
    with pytest.raises(UndecodableImage):
        decode(PNG[:place] + bytes([PNG[place] ^ 1]) + PNG[place + 1 :], size=32)


# --- hostile ----------------------------------------------------------------------------------------------------------


def jpeg_of_scans(scans: int, side: int = 5_000, kind: int = 0xC0) -> bytes:
    """A JPEG whose scans hold nothing, and repeat."""
    plain = encoded(Image.new("RGB", (16, 16)), "JPEG", progressive=kind == 0xC2)
    frame = plain.index(bytes([0xFF, kind]))
    resized = plain[: frame + 5] + struct.pack(">HH", side, side) + plain[frame + 9 :]
    scan = jpeg_segment(0xDA, b"\1\1\0\0\x3f\0" if kind == 0xC0 else b"\1\1\0\0\0\0")
    return resized[: resized.index(b"\xff\xda")] + scan * scans + b"\xff\xd9"


def tall_tiff(width: int, height: int) -> bytes:
    return tiff([bytes(100)], {256: width, 257: height, 258: 8, 259: 1, 262: 1, 277: 1, 278: height})


def many_strips(count: int) -> bytes:
    strips = [b""] * count
    return tiff(strips, {256: 8, 257: count, 258: 8, 259: 1, 262: 1, 277: 1, 278: 1})


LONG: dict[str, Callable[[], bytes]] = {
    "fill bytes in a JPEG": lambda: b"\xff\xd8" + b"\xff" * 20_000_000,
    "starts of pictures in a JPEG": lambda: b"\xff\xd8\xff" + b"\xff\xd8" * 10_000_000,
    "restarts in a JPEG": lambda: PROGRESSIVE[:-2] + b"\xff\xd0" * 10_000_000,
    "stuffed bytes in a JPEG": lambda: PROGRESSIVE[:-2] + b"\xff\0" * 10_000_000,
    "items of an AVIF": lambda: b"\0\0\0\x1cftypavif" + b"infe" * 5_000_000,
    "sizes in an AVIF": lambda: b"\0\0\0\x1cftypavif" + b"ispe\0\0\0\0\0\0\0\1\0\0\0\1" * 1_200_000,
    "an XML without an end": lambda: b"<?xml >" + b"<sv" * 6_000_000,
    "spaces": lambda: b" " * 20_000_000,
    "brands": lambda: b"\0\0\0\0ftyp" + b"a" * 20_000_000,
    "entries of a TIFF": lambda: b"II*\0\x08\0\0\0\xff\xff" + bytes(20_000_000),
}


@pytest.mark.parametrize("name", LONG)
def test_headers_are_read_in_time_proportional_to_the_bytes(name: str) -> None:
    data = LONG[name]()
    begin = time.process_time()
    with contextlib.suppress(ImageError):
        read_header(data, max_pixels=MEGAPIXELS_64)
    assert time.process_time() - begin < 2


@pytest.mark.parametrize(
    "data",
    [
        png(quantised(gradients(1), 8), 3, 8),
        tiff([bytes(SIDE * SIDE)], {256: SIDE, 257: SIDE, 258: 8, 259: 1, 262: 3, 277: 1, 278: SIDE}),
    ],
)
def test_a_palette_picture_without_its_palette_is_damaged(data: bytes) -> None:
    with pytest.raises(UndecodableImage):
        decode(data, size=SIDE)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "sequential JPEG of many scans": lambda: jpeg_of_scans(8_000),
    "progressive JPEG of many scans": lambda: jpeg_of_scans(8_000, kind=0xC2),
    "JPEG with arithmetic coding": lambda: JPEG.replace(b"\xff\xc0", b"\xff\xc9", 1),
    "JPEG of many segments": lambda: JPEG[:2] + jpeg_segment(0xFE, b"") * 3_000_000 + JPEG[2:],
    "JPEG of many segments behind its first scan": lambda: (
        jpeg_of_scans(1, side=8, kind=0xC2)[:-2] + jpeg_segment(0xFE, b"") * 3_000_000
    ),
    "PNG of many chunks": lambda: PNG[:33] + png_chunk(b"prVt", b"") * 1_000_000 + PNG[33:],
    "PNG of empty picture chunks": lambda: PNG[:33] + png_chunk(b"IDAT", b"") * 1_000_000 + PNG[33:],
    "GIF of many comments": lambda: encoded(picture(), "GIF")[:13] + b"!\xfe\1a\0" * 3_000_000,
    "GIF of one comment in many blocks": lambda: encoded(picture(), "GIF")[:13] + b"!\xfe" + b"\1a" * 9_000_000,
    "BMP of runs": lambda: bmp_of_pixels(b"\1\0" * 1_000, 8_000, 8_000, 8, compression=1, palette=np.zeros((256, 3))),
    "TIFF of many strips": lambda: many_strips(100_000),
    "TIFF of huge tiles": lambda: tiff(
        [bytes(10)], {256: 8, 257: 8, 258: 8, 259: 8, 262: 1, 277: 1, 322: 40_000, 323: 40_000, 324: 8, 325: 10}
    ),
    "TIFF of one column": lambda: tall_tiff(1, MEGAPIXELS_64),
    "TIFF of one row": lambda: tall_tiff(MEGAPIXELS_64, 1),
    "BMP of one column": lambda: bmp_of_pixels(bytes(100), 1, MEGAPIXELS_64, 24),
    "GIF of a frame beyond its screen": lambda: (
        b"GIF89a"
        + struct.pack("<HHBBB", 1, 1, 0, 0, 0)
        + b","
        + struct.pack("<HHHHB", 0, 0, 65_535, 65_535, 0)
        + b"\2\0;"
    ),
    "WebP of a huge canvas": lambda: b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0" + bytes(4) + b"\xff\xff\xff" * 2 + bytes(8),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_would_cost_too_much_is_refused_at_once(name: str) -> None:
    data = HOSTILE[name]()
    begin = time.process_time()
    with pytest.raises(ImageError):
        read_header(data, max_pixels=MEGAPIXELS_64)
    assert time.process_time() - begin < 0.5


@pytest.mark.parametrize("scans", [100, 1_000])
def test_scans_count_by_the_pixels_that_each_passes_over(scans: int) -> None:
    """A thousand passes over a small photo cost less than a hundred over a large one."""
    assert read_header(jpeg_of_scans(scans, side=1_000, kind=0xC2), max_pixels=MEGAPIXELS_64).width == 1_000
    with pytest.raises(TooMuchWork, match="too many passes"):
        read_header(jpeg_of_scans(scans, side=8_000, kind=0xC2), max_pixels=MEGAPIXELS_64)


@pytest.mark.parametrize("sides", [(65_536, 1), (1, 65_536)])
def test_a_side_longer_than_a_jpeg_can_have_is_refused(sides: tuple[int, int]) -> None:
    with pytest.raises(TooManyPixels, match="65,535 on each side"):
        read_header(tall_tiff(*sides), max_pixels=MEGAPIXELS_64)
