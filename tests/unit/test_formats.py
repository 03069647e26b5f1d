"""Every kind of photo is read as an independent decoder reads it, or refused by name.

The samples are written by code of our own or by imagecodecs and tifffile, and read back by these: none of them has code in common
with Pillow beyond the C libraries of WebP, AVIF and JPEG. No kind may be read wrongly or be called damaged.
"""

import io
import itertools
from collections import Counter
from collections.abc import Iterator
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from lookalike.errors import NotAnImage
from lookalike.photos.images import decode
from tests.support.photo_files import (
    SIDE,
    bmp,
    bmp_of_pixels,
    from_cmyk,
    gradients,
    on_white,
    packed,
    png,
    quantised,
    tiff,
)

# In levels of 255. Samples of 16 bits are cut and not rounded, and premultiplied ones are divided by their alpha.
LOSSLESS = 3
# libjpeg, libwebp and libavif convert and interpolate colours at the precision that their caller asks for.
LOSSY = 6


def outcome(data: bytes, expected: np.ndarray, tolerance: float) -> str:
    try:
        pixels = np.asarray(decode(data, size=SIDE)).astype(float)
    except NotAnImage as error:
        return "refused" if "is not read here. Save the photo as" in str(error) else f"called no photo: {error}"
    assert np.abs(pixels - expected).max() <= tolerance
    return "read"


# --- TIFF ------------------------------------------------------------------------------------------------------------

TIFF_COLOURS = {"minisblack": 1, "miniswhite": 1, "rgb": 3, "separated": 4}
TIFF_SAMPLES = ("u1", "u2", "u4", "u8", "u12", "u16", "u32", "i8", "i16", "i32", "f16", "f32", "f64")
TIFF_COMPRESSIONS = (None, "lzw", "adobe_deflate", "packbits", "zstd", "lzma", "webp", "jpeg")

# What may not be refused: cameras, scanners and picture editors write these.
TIFF_READ = {
    ("minisblack", None, "u8"),
    ("minisblack", None, "u16"),
    ("minisblack", "unassalpha", "u8"),
    ("miniswhite", None, "u1"),
    ("miniswhite", None, "u8"),
    ("miniswhite", None, "u16"),
    ("rgb", None, "u8"),
    ("rgb", None, "u16"),
    ("rgb", "unassalpha", "u8"),
    ("rgb", "unassalpha", "u16"),
    ("rgb", "assocalpha", "u8"),
    ("separated", None, "u8"),
    ("separated", None, "u16"),
}


def tiff_samples(count: int, kind: str, alpha: str | None) -> np.ndarray:
    values = gradients(count)
    if alpha == "assocalpha":
        values[..., :-1] *= values[..., -1:]
    if kind[0] == "u":
        return quantised(values, int(kind[1:]))
    if kind[0] == "i":
        bits = int(kind[1:])
        return ((values - 0.5) * (2**bits - 1)).round().astype(f"i{bits // 8}")
    return values.astype(f"f{int(kind[1:]) // 8}")


def tiff_expected(samples: np.ndarray, photometric: str, kind: str, alpha: str | None) -> np.ndarray:
    values = samples.astype(float) / (2 ** int(kind[1:]) - 1)
    count = TIFF_COLOURS[photometric]
    colours = values[..., :count]
    if photometric == "miniswhite":
        colours = 1 - colours
    elif photometric == "separated":
        colours = from_cmyk(colours)
    has_alpha = alpha in ("assocalpha", "unassalpha")
    return on_white(colours, values[..., count : count + 1] if has_alpha else 1.0, premultiplied=alpha == "assocalpha")


def tiffs(photometric: str, alpha: str | None, kind: str) -> Iterator[tuple[bytes, np.ndarray]]:
    """TIFFs of each layout, predictor, compression, byte order and tiling that tifffile writes, and their samples."""
    count = TIFF_COLOURS[photometric] + (alpha is not None)
    samples = tiff_samples(count, kind, alpha)
    for planar, predictor, compression, order, tile in itertools.product(
        ("contig", "separate"), (1, 2, 3), TIFF_COMPRESSIONS, "<>", (None, (16, 16))
    ):
        if (planar == "separate" and count == 1) or (predictor == 3 and kind[0] != "f"):
            continue
        array = samples[..., 0] if count == 1 else samples if planar == "contig" else np.moveaxis(samples, -1, 0)
        stream = io.BytesIO()
        try:
            tifffile.imwrite(
                stream,
                np.ascontiguousarray(array),
                photometric=photometric,
                planarconfig=planar if count > 1 else None,
                extrasamples=[alpha] if alpha else None,
                bitspersample=int(kind[1:]) if kind in ("u1", "u2", "u4", "u12") else None,
                predictor=predictor if predictor > 1 else None,
                compression=compression,
                byteorder=order,
                tile=tile,
                metadata=None,
            )
            back = tifffile.imread(io.BytesIO(stream.getvalue()))
        except (ValueError, TypeError, NotImplementedError, RuntimeError, KeyError):
            continue  # tifffile and its codecs do not write this combination
        if count > 1 and planar == "separate":
            back = np.moveaxis(back, 0, -1)
        yield stream.getvalue(), back.reshape(SIDE, SIDE, count)


@pytest.mark.parametrize("kind", TIFF_SAMPLES)
@pytest.mark.parametrize("alpha", [None, "unspecified", "assocalpha", "unassalpha"])
@pytest.mark.parametrize("photometric", TIFF_COLOURS)
@pytest.mark.filterwarnings("ignore")
def test_tiffs_are_read_as_tifffile_reads_them(photometric: str, alpha: str | None, kind: str) -> None:
    outcomes = Counter(
        outcome(data, tiff_expected(samples, photometric, kind, alpha), LOSSY if b"\xff\xd8\xff" in data else LOSSLESS)
        for data, samples in tiffs(photometric, alpha, kind)
    )
    print(photometric, alpha, kind, dict(outcomes))
    assert set(outcomes) <= {"read", "refused"}
    if (photometric, alpha, kind) in TIFF_READ:
        assert outcomes["read"]


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.filterwarnings("ignore")
def test_palette_tiffs_are_read_as_tifffile_reads_them(bits: int, order: str) -> None:
    indices = quantised(gradients(1)[..., 0], bits)
    palette = np.random.default_rng(bits).integers(0, 65_536, (3, 2**bits), dtype=np.uint16)
    tags = {
        256: SIDE,
        257: SIDE,
        258: bits,
        259: 1,
        262: 3,
        277: 1,
        278: SIDE,
        320: tuple(palette.reshape(-1).tolist()),
    }
    data = tiff([b"".join(packed(indices, bits))], tags, order)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[0]
        colours = np.moveaxis(page.colormap[:, page.asarray().astype(int)], 0, -1) / 65_535
    assert outcome(data, on_white(colours), LOSSLESS) == "read"


@pytest.mark.parametrize("subsampling", [(1, 1), (2, 1), (2, 2)])
@pytest.mark.filterwarnings("ignore")
def test_ycbcr_tiffs_are_read_as_tifffile_reads_them(subsampling: tuple[int, int]) -> None:
    stream = io.BytesIO()
    tifffile.imwrite(
        stream,
        quantised(gradients(3), 8),
        photometric="ycbcr",
        compression="jpeg",
        compressionargs={"level": 95},
        subsampling=subsampling,
    )
    back = tifffile.imread(io.BytesIO(stream.getvalue()))
    assert outcome(stream.getvalue(), on_white(back / 255), LOSSY) == "read"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({266: 2}, "reversed bits"),
        ({259: 4}, "compression 4"),
        ({259: 6}, "compression 6"),
        ({262: 8, 277: 3, 258: (8, 8, 8)}, "CIELab"),
        ({262: 6, 277: 3, 258: (8, 8, 8)}, "YCbCr"),
        ({262: 32803}, "photometric"),
        ({254: 1}, "preview"),
        ({277: 5, 258: (8,) * 5, 262: 5, 338: 2}, "5 samples"),
        ({277: 6, 258: (8,) * 6, 262: 2, 338: (2, 0, 0)}, "6 samples"),
    ],
)
def test_other_tiffs_are_refused_by_name(change: dict[int, Any], named: str) -> None:
    tags = {256: SIDE, 257: SIDE, 258: 8, 259: 1, 262: 1, 277: 1, 278: SIDE} | change
    with pytest.raises(NotAnImage, match=named):
        decode(tiff([bytes(SIDE * SIDE * 6)], tags), size=SIDE)


@pytest.mark.parametrize("alpha", [0, 255])
def test_a_fourth_sample_of_zeros_that_no_tag_explains_is_no_alpha(alpha: int) -> None:
    """Scanners write zeros there. Where the samples differ, they are an alpha channel."""
    samples = quantised(gradients(4), 8)
    samples[..., 3] = alpha
    tags = {256: SIDE, 257: SIDE, 258: (8,) * 4, 259: 1, 262: 2, 277: 4, 278: SIDE}
    assert outcome(tiff([samples.tobytes()], tags), on_white(samples[..., :3] / 255), LOSSLESS) == "read"


# --- PNG -------------------------------------------------------------------------------------------------------------

PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
PNG_KINDS = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8)]
PNG_KINDS += [(4, 8), (4, 16), (6, 8), (6, 16)]


def png_expected(data: bytes, colour: int, bits: int) -> np.ndarray:
    back = imagecodecs.png_decode(data)
    back = back.reshape(SIDE, SIDE, -1) / np.iinfo(back.dtype).max
    if back.shape[-1] in (2, 4):
        return on_white(back[..., :-1], back[..., -1:])
    return on_white(back)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("filter_type", range(5))
@pytest.mark.parametrize(("colour", "bits"), PNG_KINDS)
def test_pngs_are_read_as_libpng_reads_them(colour: int, bits: int, filter_type: int, interlaced: bool) -> None:
    chunks = []
    if colour == 3:
        chunks = [(b"PLTE", np.random.default_rng(1).integers(0, 256, 3 * 2**bits, dtype=np.uint8).tobytes())]
    samples = quantised(gradients(PNG_CHANNELS[colour]), bits)
    data = png(samples, colour, bits, interlaced=interlaced, filter_type=filter_type, chunks=chunks)
    assert outcome(data, png_expected(data, colour, bits), LOSSLESS) == "read"


@pytest.mark.parametrize(("colour", "bits"), [kind for kind in PNG_KINDS if kind[0] in (0, 2, 3)])
def test_pngs_with_transparent_colours_are_read_as_libpng_reads_them(colour: int, bits: int) -> None:
    samples = quantised(gradients(PNG_CHANNELS[colour]), bits)
    samples[4:9, 3:7] = samples[2, 2]
    body = b"".join(int(value).to_bytes(2) for value in samples[2, 2])
    chunks = [(b"tRNS", body)]
    if colour == 3:
        palette = np.random.default_rng(1).integers(0, 256, 3 * 2**bits, dtype=np.uint8).tobytes()
        alphas = np.random.default_rng(2).integers(0, 256, 2**bits - 1, dtype=np.uint8).tobytes()
        chunks = [(b"PLTE", palette), (b"tRNS", alphas)]
    data = png(samples, colour, bits, chunks=chunks)
    expected = png_expected(data, colour, bits)
    if colour != 3 and imagecodecs.png_decode(data).shape[-1] not in (2, 4):  # libpng's binding leaves it out
        values = samples / (2**bits - 1)
        expected = on_white(values, 1.0 - (samples == samples[2, 2]).all(-1, keepdims=True))
    assert outcome(data, expected, LOSSLESS) == ("refused" if bits == 16 else "read")


# --- BMP -------------------------------------------------------------------------------------------------------------

BMP_MASKS = {
    "565": (16, (0xF800, 0x7E0, 0x1F, 0)),
    "555": (16, (0x7C00, 0x3E0, 0x1F, 0)),
    "1555": (16, (0x7C00, 0x3E0, 0x1F, 0x8000)),
    "BGRX": (32, (0xFF0000, 0xFF00, 0xFF, 0)),
    "BGRA": (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)),
    "RGBA": (32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)),
    "RGBX": (32, (0xFF, 0xFF00, 0xFF0000, 0)),
    "ABGR": (32, (0xFF000000, 0xFF0000, 0xFF00, 0xFF)),
    "10 bits": (32, (0x3FF00000, 0xFFC00, 0x3FF, 0)),
}
BMP_READ = {"565", "555", "BGRX", "BGRA"}


def bmp_expected(data: bytes) -> np.ndarray:
    back = imagecodecs.bmp_decode(data, asrgb=True) / 255
    return on_white(back[..., :3], back[..., 3:] if back.shape[-1] == 4 and back[..., 3].any() else 1.0)


@pytest.mark.parametrize("top_down", [False, True])
@pytest.mark.parametrize("header_bytes", [12, 40, 52, 56, 108, 124])
@pytest.mark.parametrize("bits", [1, 4, 8, 16, 24, 32])
def test_bmps_are_read_as_imagecodecs_reads_them(bits: int, header_bytes: int, top_down: bool) -> None:
    if header_bytes == 12 and (top_down or bits in (16, 32)):
        pytest.skip("this header has neither")
    palette = None
    if bits <= 8:
        palette = np.random.default_rng(bits).integers(0, 256, (2**bits, 3))
        rows = packed(quantised(gradients(1)[..., 0], bits), bits)
    elif bits == 16:
        red, green, blue = np.moveaxis(quantised(gradients(3), 5).astype(int), -1, 0)
        rows = packed((red << 10 | green << 5 | blue), 16, big_endian=False)
    else:
        rows = packed(quantised(gradients(bits // 8), 8).reshape(SIDE, -1), 8)
    data = bmp(rows, SIDE, bits, header_bytes=header_bytes, palette=palette, top_down=top_down)
    # imagecodecs does not read the oldest header.
    newer = bmp(rows, SIDE, bits, header_bytes=max(40, header_bytes), palette=palette, top_down=top_down)
    assert outcome(data, bmp_expected(newer), LOSSLESS) == "read"


@pytest.mark.parametrize("header_bytes", [40, 56, 108, 124])
@pytest.mark.parametrize("name", BMP_MASKS)
def test_bmps_of_bit_fields_are_read_as_they_say(name: str, header_bytes: int) -> None:
    bits, masks = BMP_MASKS[name]
    if header_bytes == 40:
        masks = (*masks[:3], 0)
    values = gradients(4)
    words = np.zeros((SIDE, SIDE), np.int64)
    channels = []
    for channel, mask in enumerate(masks):
        if mask:
            shift, width = (mask & -mask).bit_length() - 1, mask.bit_count()
            samples = np.round(values[..., channel] * (2**width - 1)).astype(np.int64)
            words |= samples << shift
            channels.append(samples / (2**width - 1))
    expected = on_white(np.stack(channels[:3], -1), channels[3][..., None] if len(channels) == 4 else 1.0)
    data = bmp(packed(words, bits, big_endian=False), SIDE, bits, header_bytes=header_bytes, compression=3, masks=masks)
    assert (outcome(data, expected, LOSSLESS) == "read") >= (name in BMP_READ)


@pytest.mark.parametrize("header_bytes", [56, 108, 124])
def test_an_alpha_of_zero_everywhere_in_a_bmp_is_no_alpha(header_bytes: int) -> None:
    samples = quantised(gradients(4), 8)
    samples[..., 3] = 0
    rows = packed(samples.reshape(SIDE, -1), 8)
    data = bmp(rows, SIDE, 32, header_bytes=header_bytes, compression=3, masks=BMP_MASKS["BGRA"][1])
    assert outcome(data, on_white(samples[..., 2::-1] / 255), LOSSLESS) == "read"


@pytest.mark.parametrize("bits", [4, 8])
def test_run_length_bmps_are_read_as_imagecodecs_reads_them(bits: int) -> None:
    palette = np.random.default_rng(bits).integers(0, 256, (2**bits, 3))
    lines = []
    for row in range(SIDE):
        # A run, pixels as they are, and a run up to the end of the line.
        literal = bytes(range(row, row + 6)) if bits == 8 else bytes([0x12, 0x34, 0x56, 0])
        lines.append(bytes([10, row & 15 | row << 4 & 0xF0, 0, 6]) + literal + bytes([SIDE - 16, 0x31, 0, 0]))
    pixels = b"".join(lines) + b"\0\1"
    data = bmp_of_pixels(pixels, SIDE, SIDE, bits, compression=1 if bits == 8 else 2, palette=palette)
    assert outcome(data, bmp_expected(data), LOSSLESS) == "read"


# --- JPEG, WebP, AVIF, GIF -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("subsampling", [None, "444", "422", "420", "411", "440"])
@pytest.mark.parametrize("colours", ["GRAYSCALE", "RGB", "YCBCR", "CMYK", "YCCK"])
def test_jpegs_are_read_as_libjpeg_reads_them(colours: str, subsampling: str | None) -> None:
    count = {"GRAYSCALE": 1, "CMYK": 4, "YCCK": 4}.get(colours, 3)
    samples = quantised(gradients(count), 8)
    samples = samples[..., 0] if count == 1 else samples
    source = {1: "GRAYSCALE", 3: "RGB", 4: "CMYK"}[count]
    data = imagecodecs.jpeg8_encode(samples, 95, colorspace=source, outcolorspace=colours, subsampling=subsampling)
    back = imagecodecs.jpeg8_decode(data).reshape(SIDE, SIDE, -1) / 255
    # Adobe's marker, which libjpeg writes for four components, means inverted inks.
    assert outcome(data, on_white(from_cmyk(1 - back) if count == 4 else back), LOSSY) == "read"


def test_progressive_jpegs_are_read_as_libjpeg_reads_them() -> None:
    for mode in ("L", "RGB", "CMYK"):
        stream = io.BytesIO()
        samples = quantised(gradients(len(mode)), 8)
        picture = Image.frombytes(mode, (SIDE, SIDE), samples.tobytes())
        picture.save(stream, "JPEG", progressive=True)
        back = imagecodecs.jpeg8_decode(stream.getvalue()).reshape(SIDE, SIDE, -1) / 255
        expected = on_white(from_cmyk(1 - back) if back.shape[-1] == 4 else back)
        assert outcome(stream.getvalue(), expected, LOSSY) == "read"


@pytest.mark.parametrize(("bits", "named"), [(12, "12 bits"), (8, "lossless")])
def test_unusual_jpegs_are_refused_by_name(bits: int, named: str) -> None:
    samples = quantised(gradients(1)[..., 0], bits)
    data = imagecodecs.jpeg8_encode(samples, bitspersample=bits, lossless=named == "lossless")
    with pytest.raises(NotAnImage, match=named):
        decode(data, size=SIDE)


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("channels", [3, 4])
def test_webps_are_read_as_libwebp_reads_them(channels: int, lossless: bool) -> None:
    data = imagecodecs.webp_encode(quantised(gradients(channels), 8), level=90, lossless=lossless)
    back = imagecodecs.webp_decode(data) / 255
    expected = on_white(back[..., :3], back[..., 3:] if channels == 4 else 1.0)
    assert outcome(data, expected, LOSSLESS if lossless else LOSSY) == "read"


@pytest.mark.parametrize("bits", [8, 10, 12])
@pytest.mark.parametrize("layout", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [3, 4])
def test_avifs_are_read_as_libavif_reads_them(channels: int, layout: int, bits: int) -> None:
    samples = quantised(gradients(channels), bits)
    data = imagecodecs.avif_encode(samples, level=95, bitspersample=bits, pixelformat=layout, speed=8)
    back = imagecodecs.avif_decode(data).reshape(SIDE, SIDE, -1) / (2**bits - 1)
    has_alpha = back.shape[-1] in (2, 4)
    expected = on_white(back[..., :-1], back[..., -1:]) if has_alpha else on_white(back)
    assert outcome(data, expected, 2 * LOSSY) == "read"  # 12 bits are reduced before the colours are converted


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("transparent", [None, 7])
def test_gifs_are_read_as_giflib_reads_them(transparent: int | None, interlaced: bool) -> None:
    indices = quantised(gradients(1)[..., 0], 6)
    palette = np.random.default_rng(3).integers(0, 256, (64, 3), dtype=np.uint8)
    picture = Image.fromarray(indices, "P")
    picture.putpalette(palette.tobytes())
    stream = io.BytesIO()
    options = {} if transparent is None else {"transparency": transparent}
    picture.save(stream, "GIF", interlace=int(interlaced), optimize=False, **options)
    back = imagecodecs.gif_decode(stream.getvalue(), index=0, asrgb=True).reshape(SIDE, SIDE, -1) / 255
    opaque = np.ones((SIDE, SIDE, 1)) if transparent is None else (indices != transparent)[..., None]
    assert outcome(stream.getvalue(), on_white(back[..., :3], opaque.astype(float)), LOSSLESS) == "read"
