"""Decode the bytes of a photo into the square of RGB pixels that a model takes.

Merchants and shoppers send everything: a phone's rotated 12-megapixel JPEG, a PNG with transparency, a CMYK scan, a 16-bit
greyscale, a text file named ``.jpg``, a decompression bomb. ``decode`` returns pixels or raises an ``ImageError``, whatever the
bytes are. Its two other errors are no fault of the photo: a ``MemoryError``, after which a retry may succeed, and a bug here.

A photo that is not square is trimmed to 3:2 if it is longer, then stretched to the square; docs/decisions/0003 has the
measurements. Embeddings of two recipes are not comparable: whoever changes the pixels that ``decode`` returns for some bytes
must rename ``model.RECIPE``.
"""

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Final

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from lookalike.errors import TooManyPixels, UndecodableImage
from lookalike.photos.colours import profile_of, to_srgb
from lookalike.photos.headers.header import DAMAGED, MAX_PIXELS, Header, damaged
from lookalike.photos.headers.photo import read_header

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

# A BMP of 32 bits may have an alpha channel, or zeros in its place.
BmpImagePlugin.USE_RAW_ALPHA = False

# The functions have one processor, and each further thread takes memory.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1

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

# Two different continuations of a JPEG without its end marker, and that marker.
_CONTINUATIONS: Final = (bytes(64) + b"\xff\xd9", b"\xb6" * 64 + b"\xff\xd9")


def decode(data: bytes, *, size: int, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decode a photo into ``size`` x ``size`` RGB pixels in sRGB.

    It applies the EXIF orientation and the colour profile, lays transparency on white, takes the first frame of an animation,
    trims the photo to 3:2 if it is longer and resamples it to the square. Several threads may call it.

    Raises what ``read_header`` raises before anything is decoded, ``UndecodableImage`` for a photo that is truncated or
    damaged, and ``MemoryError`` where memory runs out.
    """
    header = read_header(data, max_pixels=max_pixels)
    if header.has_end:
        return _decode(header, header.data, size)
    # Where every pixel is there, it does not matter how the file goes on.
    start = header.data.rstrip(b"\xff")
    one, other = (_decode(header, start + continuation, size) for continuation in _CONTINUATIONS)
    if one != other:
        raise damaged()
    return one


def _decode(header: Header, data: bytes, size: int) -> Image.Image:
    with _file_errors():
        image = Image.open(BytesIO(data), formats=(header.format,))
    with image:
        with _file_errors():
            # JPEGs are decoded at 1/2, 1/4 or 1/8 where that leaves at least twice the pixels that the model takes.
            image.draft(None, (2 * size, 2 * size))
            image.load()
        return _square(image, header, size)


@contextmanager
def _file_errors() -> Iterator[None]:
    """Turn Pillow's errors into ``ImageError``. For Pillow's code alone: an error in our own code is not the photo's fault."""
    try:
        yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooManyPixels("The photo has more pixels than can be read. Send a smaller one.") from error
    except _PILLOW_ERRORS as error:
        if "out of memory" in str(error).lower():  # the words of Pillow's C decoders and of libavif
            raise MemoryError("There is not enough memory to decode the photo.") from error
        raise UndecodableImage(DAMAGED) from error


def _square(image: Image.Image, header: Header, size: int) -> Image.Image:
    """Shrink a loaded photo, turn it and lay it on white, in the order that costs least."""
    turn, profile = _metadata(image, header)
    pixels = _resizable(image, header)
    if header.frame:
        pixels = _framed(pixels, header.frame)
    shrunk = pixels.resize((size, size), Image.Resampling.BICUBIC, _trimmed(*pixels.size), reducing_gap=2.0)
    upright = to_srgb(shrunk if turn is None else shrunk.transpose(turn), profile)
    canvas = Image.new("RGB", (size, size), "white")
    canvas.paste(upright, None, upright if upright.mode == "RGBA" else None)
    return canvas


def _metadata(image: Image.Image, header: Header) -> tuple[Image.Transpose | None, bytes | None]:
    """How to turn the picture upright, and its colour profile. EXIF may be damaged where the picture itself is sound."""
    try:
        turn = _TURNS.get(int(image.getexif().get(ExifTags.Base.Orientation, 1)))
    except _PILLOW_ERRORS:
        turn = None
    try:
        profile = profile_of(image, header)
    except _PILLOW_ERRORS:
        profile = None
    return turn, profile


def _trimmed(width: int, height: int) -> tuple[float, float, float, float]:
    """The middle of a photo, at most ``_LONGEST`` times as long as wide: (left, upper, right, lower)."""
    left = max(0.0, (width - height * _LONGEST) / 2)
    upper = max(0.0, (height - width * _LONGEST) / 2)
    return left, upper, width - left, height - upper


def _resizable(image: Image.Image, header: Header) -> Image.Image:
    """The same picture with 8 bits a channel and no palette; RGBA if it may have transparent pixels."""
    if image.mode.startswith("I;16"):
        return _eight_bits(image, is_inverted=header.is_white_zero)
    if header.may_lack_alpha and image.mode == "RGBA" and image.getchannel("A").getextrema() == (0, 0):
        return image.convert("RGB")
    if image.mode == "La":  # premultiplied alpha: Pillow converts it to LA only
        image = image.convert("LA")
    # These modes are resampled without a conversion, which would double the memory of a large photo.
    as_it_is, wanted = (("RGBA",), "RGBA") if image.has_transparency_data else (("RGB", "L", "CMYK"), "RGB")
    return image if image.mode in as_it_is else image.convert(wanted)


def _framed(image: Image.Image, frame: tuple[int, int, int, int]) -> Image.Image:
    """The part of the picture inside ``frame``, on white."""
    part = image.crop(frame)
    canvas = Image.new("RGB", image.size, "white")
    canvas.paste(part, frame[:2], part if part.mode == "RGBA" else None)
    return canvas


def _eight_bits(image: Image.Image, *, is_inverted: bool) -> Image.Image:
    """The high bytes of a greyscale of 16 bits. Pillow's own conversion clips at 255."""
    high = image.tobytes()[0 if image.mode == "I;16B" else 1 :: 2]
    grey = Image.frombytes("L", image.size, high)
    return grey.point([255 - level for level in range(256)]) if is_inverted else grey
