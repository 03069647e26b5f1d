"""Decode the bytes of a photo into the square of RGB pixels that a model takes. The only module that imports Pillow.

Merchants and shoppers send everything: a phone's rotated 12-megapixel JPEG, a PNG with transparency, a CMYK scan, a 16-bit
greyscale, a text file named ``.jpg``, a decompression bomb. ``decode`` returns pixels or raises an ``ImageError``, whatever the
bytes are. Its two other errors are no fault of the photo: a ``MemoryError``, after which a retry may succeed, and a bug here.

A photo that is not square is trimmed to 3:2 if it is longer, then stretched to the square; docs/decisions/0003 has the
measurements. Embeddings of two recipes are not comparable: whoever changes the pixels that ``decode`` returns for some bytes
must rename ``model.RECIPE``.
"""

import re
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from lookalike.errors import NotAnImage, TooManyPixels, UndecodableImage

MAX_PIXELS: Final = 64_000_000
"""The default pixel limit: above a phone's 50 megapixels, below a function's memory."""

# The import of a plugin registers its format. Pillow looks for no other plugins if all of these are registered.
_PLUGINS: Final = {
    "JPEG": JpegImagePlugin,
    "PNG": PngImagePlugin,
    "WEBP": WebPImagePlugin,
    "AVIF": AvifImagePlugin,
    "GIF": GifImagePlugin,
    "BMP": BmpImagePlugin,
    "TIFF": TiffImagePlugin,
}
FORMATS: Final = tuple(_PLUGINS)
"""Pillow's names of the formats that are read. No other decoder sees the bytes."""

# Pillow warns of damaged metadata, which sound photos often have, and of pixel counts, which this module checks itself.
for _category in (UserWarning, Image.DecompressionBombWarning):
    warnings.filterwarnings("ignore", category=_category, module=r"PIL\.")

# What Pillow raises for damaged files. Fuzzing met OSError, SyntaxError, ValueError, RuntimeError and warnings turned into
# errors; the others are within reach of the same code, which unpacks, indexes and decompresses. MemoryError is none of them:
# the same file may be decoded once memory is free again.
_PILLOW_ERRORS: Final = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    RuntimeError,
    Warning,
    struct.error,
    zlib.error,
)

# EXIF orientation to the transposition that undoes it; 1 is upright.
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Cameras take photos of up to 3:2. Longer ones, mostly a video's 16:9, would be distorted too much.
_LONGEST: Final = 1.5

# An AVIF of 12 bits, 4:4:4, translucent and with film grain takes 26 bytes a pixel while it is decoded; of the other formats
# none takes more than 16.
AVIF_SHARE: Final = 0.6
"""The share of the pixel limit that an AVIF may have."""

# Photos of more pixels are decoded one at a time: two at once could take more memory than the function has.
_LARGE_PIXELS: Final = 16_000_000
_one_large_photo = threading.Lock()

_TILE: Final = 2048  # pixels on each side

# A progressive JPEG can repeat a scan of a hundred bytes any number of times, and each costs a pass over all pixels: 200 scans
# of 62 megapixels took 9 s. Encoders write about ten.
_MAX_SCANS: Final = 100
_JPEG_MARKER: Final = re.compile(rb"\xff+([\x02-\xcf\xd8-\xfe])")  # a marker before a length, or the end

_DAMAGED: Final = "The photo is damaged or incomplete. Send the original file."


def decode(data: bytes, *, size: int, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """Decode a photo into a uint8 array (``size``, ``size``, 3) of RGB pixels.

    It applies the EXIF orientation, lays transparency on white, takes the first frame of an animation, trims the photo to
    3:2 if it is longer and resamples it to the square. Several threads may call it.

    Raises ``NotAnImage`` for bytes of no known format, ``UndecodableImage`` for a photo that is truncated or damaged, and
    ``TooManyPixels`` before anything is decoded, if the header announces more than ``max_pixels``, more than ``AVIF_SHARE`` of
    them in an AVIF, or more than Pillow's own limit of 179 megapixels. Raises ``MemoryError`` where memory runs out.
    """
    with _file_errors(data):
        image = Image.open(BytesIO(data), formats=FORMATS)
    with image:
        _check_size(image, max_pixels)
        if image.info.get("progressive") and _jpeg_scans(data) > _MAX_SCANS:
            raise UndecodableImage("The photo is stored in too many passes. Save it as a plain JPEG.")
        with _one_large_photo if image.width * image.height > _LARGE_PIXELS else nullcontext():
            with _file_errors(data):
                # JPEGs are decoded at 1/2, 1/4 or 1/8 where that leaves at least twice the pixels that the model takes.
                image.draft(None, (2 * size, 2 * size))
                image.load()
            return _square(image, size)


@contextmanager
def _file_errors(data: bytes) -> Iterator[None]:
    """Turn Pillow's errors into ``ImageError``. For Pillow's code alone: an error in our own code is not the photo's fault."""
    try:
        yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooManyPixels("The photo has more pixels than can be read. Send a smaller one.") from error
    except UnidentifiedImageError as error:
        if _has_signature(data):
            raise UndecodableImage(_DAMAGED) from error
        raise NotAnImage(
            "The file is not a photo in a format that is read here: JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF."
        ) from error
    except _PILLOW_ERRORS as error:
        if "out of memory" in str(error).lower():  # the words of Pillow's C decoders and of libavif
            raise MemoryError("There is not enough memory to decode the photo.") from error
        raise UndecodableImage(_DAMAGED) from error


def _check_size(image: Image.Image, max_pixels: int) -> None:
    """Raise ``TooManyPixels`` where the header announces more pixels than the limit of its format."""
    width, height = image.size
    is_avif = image.format == "AVIF"
    limit = max_pixels * AVIF_SHARE if is_avif else max_pixels
    if width * height > limit:
        raise TooManyPixels(
            f"The photo has {width:,} x {height:,} pixels, and at most {limit / 1e6:g} "
            f"megapixels {'of AVIF ' if is_avif else ''}are read. Send a smaller one."
        )


def _square(image: Image.Image, size: int) -> NDArray[np.uint8]:
    """Shrink a loaded photo, turn it and lay it on white, in the order that costs least."""
    square = (size, size)
    turn = _TURNS.get(_orientation(image))
    shrunk = _resizable(image).resize(square, Image.Resampling.BICUBIC, _trimmed(*image.size), reducing_gap=2.0)
    upright = shrunk if turn is None else shrunk.transpose(turn)
    canvas = Image.new("RGB", square, "white")
    canvas.paste(upright, None, upright if upright.mode == "RGBA" else None)
    return np.array(canvas)


def _trimmed(width: int, height: int) -> tuple[float, float, float, float]:
    """The middle of a photo, at most ``_LONGEST`` times as long as wide: (left, upper, right, lower)."""
    left = max(0.0, (width - height * _LONGEST) / 2)
    upper = max(0.0, (height - width * _LONGEST) / 2)
    return left, upper, width - left, height - upper


def _resizable(image: Image.Image) -> Image.Image:
    """The same picture with 8 bits a channel and no palette; RGBA if it may have transparent pixels."""
    if image.mode.startswith(("I", "F")):
        return _eight_bits(image)
    if image.mode == "La":  # premultiplied alpha: Pillow converts it to LA only
        image = image.convert("LA")
    # These modes are resampled without a conversion, which would double the memory of a large photo.
    as_it_is, wanted = (("RGBA",), "RGBA") if image.has_transparency_data else (("RGB", "L", "CMYK"), "RGB")
    return image if image.mode in as_it_is else image.convert(wanted)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scale a greyscale of 16 or 32 bits to 8 bits. Pillow's own conversion clips at 255."""
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    # Tile by tile: arrays of all samples would take five times the memory of the photo.
    width, height = image.size
    tiles = [
        (left, upper, min(left + _TILE, width), min(upper + _TILE, height))
        for upper in range(0, height, _TILE)
        for left in range(0, width, _TILE)
    ]
    # 32-bit integers and floats have no agreed white. The brightest sample stands for it.
    brightest = max(1e-12, *(float(_finite(image.crop(tile)).max()) for tile in tiles))
    scaled = Image.new("L", image.size)
    for tile in tiles:
        samples = np.clip(_finite(image.crop(tile)) / brightest, 0.0, 1.0) * 255.0
        scaled.paste(Image.fromarray(samples.astype(np.uint8)), tile)
    return scaled


def _finite(image: Image.Image) -> NDArray[np.float32]:
    samples: NDArray[np.float32] = np.nan_to_num(np.asarray(image).astype(np.float32), posinf=0.0, neginf=0.0)
    return samples


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation; 1 if EXIF is absent or damaged, as the picture itself may be sound."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except _PILLOW_ERRORS:
        return 1


def _jpeg_scans(data: bytes) -> int:
    """Count the scans of a JPEG. Walks its segments up to the end of the picture.

    A second picture or a phone's video clip may follow; neither counts.
    """
    scans, position = 0, 2
    while (marker := _JPEG_MARKER.search(data, position)) and marker[1] != b"\xd9":
        scans += marker[1] == b"\xda"
        if scans > _MAX_SCANS:
            break
        length = int.from_bytes(data[marker.end() : marker.end() + 2])
        position = marker.end() + max(length, 2)
    return scans


def _has_signature(data: bytes) -> bool:
    """Whether the first bytes are those of a format that is read here."""
    return (
        data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*"))
        or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")
        or (data[4:8] == b"ftyp" and b"avi" in data[8:32])
        or (data[:2] == b"BM" and data[6:10] == bytes(4))
    )
