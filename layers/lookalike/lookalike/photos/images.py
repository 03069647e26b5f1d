"""Photos as bytes to the square of RGB pixels that a model takes. The only module that imports Pillow.

Everything a merchant or a shopper may send is met here: a phone's rotated 12-megapixel JPEG, a PNG with
transparency, a CMYK scan, a 16-bit greyscale, a text file named ``.jpg``, a decompression bomb. Whatever
the bytes are, ``decode`` returns pixels or raises an ``ImageError``.

A photo that is not square is stretched to one, after its ends are trimmed where it is longer than 3:2;
docs/decisions/0003 has the measurements. A change of what ``decode`` gives for the same bytes must come with
a new ``model.RECIPE``, because embeddings of two recipes are not comparable.
"""

import re
import struct
import threading
import warnings
import zlib
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

from lookalike.errors import ImageError, NotAnImage, TooManyPixels, UndecodableImage

MAX_PIXELS: Final = 64_000_000
"""The pixel limit unless another is given: above a phone's 50 megapixels, below a function's memory."""

# Importing a plugin registers its format; with all of them there Pillow never goes looking for others.
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
"""The formats that are read, by Pillow's names; no other decoder ever sees the bytes."""

# Pillow warns of damaged metadata, which a photo may well have, and of pixel counts, which are checked here.
for _category in (UserWarning, Image.DecompressionBombWarning):
    warnings.filterwarnings("ignore", category=_category, module=r"PIL\.")

# What Pillow raises for damaged files. Fuzzing met OSError, SyntaxError, ValueError, RuntimeError and warnings
# turned into errors; the others are within reach of the same code: unpacking, indexing, allocating.
_BROKEN: Final = (
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
    MemoryError,
    Warning,
    struct.error,
    zlib.error,
)

# EXIF orientation to what undoes it; 1 is upright.
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Cameras take photos of up to 3:2. Stretching longer ones, a video's 16:9 above all, distorts too much.
_LONGEST: Final = 1.5

# An AVIF of 12 bits, 4:4:4, translucent and with film grain takes 26 bytes a pixel while it is decoded; of the other formats
# none takes more than 16.
AVIF_SHARE: Final = 0.6
"""How many of the pixels that are allowed an AVIF may have."""

# Larger photos are decoded one at a time: two at once could take more memory than the function has.
_LARGE_PIXELS: Final = 16_000_000
_one_large_photo = threading.Lock()

_TILE: Final = 2048  # pixels on each side

# A progressive JPEG can repeat a hundred-byte scan forever, each costing a pass over all pixels: 200 of them
# on 62 megapixels took 9 s. Encoders write about ten.
_MAX_SCANS: Final = 100
_JPEG_MARKER: Final = re.compile(rb"\xff+([\x02-\xcf\xd8-\xfe])")  # one that a length follows, or the end

_DAMAGED: Final = "The photo is damaged or incomplete. Send the original file."


def decode(data: bytes, *, size: int, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """Decode a photo into a uint8 array (``size``, ``size``, 3) of RGB pixels.

    The EXIF orientation is applied, transparency is laid on white, the first frame of an animation is
    taken, and the photo is trimmed to 3:2 where it is longer and resampled to the square. Safe to call from
    several threads.

    Raises ``NotAnImage`` for bytes of no known format, ``TooManyPixels`` when the header announces more
    than ``max_pixels``, of AVIF than ``AVIF_SHARE`` of them (nothing is decoded then) or more than Pillow's own limit of 179 megapixels, and
    ``UndecodableImage`` for a photo that is truncated or damaged.
    """
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            width, height = image.size
            is_avif = image.format == "AVIF"
            allowed = max_pixels * AVIF_SHARE if is_avif else max_pixels
            if width * height > allowed:
                raise TooManyPixels(
                    f"The photo has {width:,} x {height:,} pixels, and at most {allowed / 1e6:g} "
                    f"megapixels {'of AVIF ' if is_avif else ''}are read. Send a smaller one."
                )
            if image.info.get("progressive") and _jpeg_scans(data) > _MAX_SCANS:
                raise UndecodableImage("The photo is stored in too many passes. Save it as a plain JPEG.")
            if width * height > _LARGE_PIXELS:
                with _one_large_photo:
                    return _square(image, size)
            return _square(image, size)
    except ImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooManyPixels("The photo has more pixels than can be read. Send a smaller one.") from error
    except UnidentifiedImageError as error:
        if _has_signature(data):
            raise UndecodableImage(_DAMAGED) from error
        raise NotAnImage(
            "The file is not a photo in a format that is read here: JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF."
        ) from error
    except _BROKEN as error:
        raise UndecodableImage(_DAMAGED) from error


def _square(image: Image.Image, size: int) -> NDArray[np.uint8]:
    """Load, shrink, turn and lay on white, in the order that costs least."""
    square = (size, size)
    # JPEGs are decoded at 1/2, 1/4 or 1/8 where that leaves at least twice the pixels wanted.
    image.draft(None, (2 * size, 2 * size))
    image.load()
    turn = _TURNS.get(_orientation(image))
    shrunk = _resizable(image).resize(square, Image.Resampling.BICUBIC, _trimmed(*image.size), reducing_gap=2.0)
    upright = shrunk if turn is None else shrunk.transpose(turn)
    canvas = Image.new("RGB", square, "white")
    canvas.paste(upright, None, upright if upright.mode == "RGBA" else None)
    return np.array(canvas)


def _trimmed(width: int, height: int) -> tuple[float, float, float, float]:
    """The middle of a photo (left, upper, right, lower) that is at most ``_LONGEST`` times as long as wide."""
    left = max(0.0, (width - height * _LONGEST) / 2)
    upper = max(0.0, (height - width * _LONGEST) / 2)
    return left, upper, width - left, height - upper


def _resizable(image: Image.Image) -> Image.Image:
    """The same picture with 8 bits a channel and no palette; RGBA where some of it may be transparent."""
    if image.mode.startswith(("I", "F")):
        return _eight_bits(image)
    # Modes that can be resampled as they are: a conversion would double the memory of a large photo.
    as_it_is, wanted = (("RGBA",), "RGBA") if image.has_transparency_data else (("RGB", "L", "CMYK"), "RGB")
    return image if image.mode in as_it_is else image.convert(wanted)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Greyscale of 16 or 32 bits to 8: Pillow's own conversion clips at 255 instead of scaling."""
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    # By tiles: arrays of all samples would take five times the memory of the photo.
    width, height = image.size
    tiles = [
        (left, upper, min(left + _TILE, width), min(upper + _TILE, height))
        for upper in range(0, height, _TILE)
        for left in range(0, width, _TILE)
    ]
    # 32-bit integers and floats have no agreed white: the brightest sample is taken for it.
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
    """The EXIF orientation; 1 where EXIF is absent or damaged, since the picture itself may be fine."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except _BROKEN:
        return 1


def _jpeg_scans(data: bytes) -> int:
    """The number of scans in a JPEG, found by walking its segments up to the end of the picture.

    What may follow the picture (a second one, a phone's video clip) is not looked at.
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
    """Do the first bytes announce a format that is read here?"""
    return (
        data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*"))
        or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")
        or (data[4:8] == b"ftyp" and b"avi" in data[8:32])
        or (data[:2] == b"BM" and data[6:10] == bytes(4))
    )
