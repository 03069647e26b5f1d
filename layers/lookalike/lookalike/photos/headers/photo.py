"""Any file: find out its format, and read its header."""

import re
from collections.abc import Callable
from typing import Final

from lookalike.errors import NotAnImage
from lookalike.photos.headers import avif, bmp, gif, jpeg, png, tiff, webp
from lookalike.photos.headers.header import Header, not_read

_NOT_READ: Final = (
    (re.compile(rb"....ftyp(?:hei[cxms]|hev[cx]|mif1|msf1)", re.DOTALL), "A HEIC photo"),
    (re.compile(rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n"), "A JPEG XL photo"),
    (re.compile(rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51"), "A JPEG 2000 photo"),
    (re.compile(rb"II\xbc\x01"), "A JPEG XR photo"),
    (re.compile(rb"....ftypcr[x3]|FUJIFILMCCD-RAW|IIRO|IIU\0", re.DOTALL), "A camera's raw photo"),
    (re.compile(rb"\s*%PDF-"), "A PDF document"),
    (re.compile(rb"%!PS"), "A PostScript document"),
    (re.compile(rb"8BPS"), "A Photoshop document"),
    (
        re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:svg|\?xml[^>]*>.{0,1000}?<svg)", re.DOTALL | re.IGNORECASE),
        "An SVG drawing",
    ),
    (re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html)", re.IGNORECASE), "A web page"),
    (re.compile(rb"\0\0[\x01\x02]\0[^\0]\0"), "A Windows icon"),
    (
        re.compile(rb"RIFF....AVI |\x1aE\xdf\xa3|....ftyp(?!avi)|....moov|\0\0\x01[\xb3\xba]|FLV\x01|OggS", re.DOTALL),
        "A video",
    ),
    (re.compile(rb"PK\x03\x04|Rar!\x1a|7z\xbc\xaf|\x1f\x8b"), "An archive"),
)
_SIGNATURE_BYTES: Final = 2_000

_ReadHeader = Callable[[bytes, float], Header]


_FORMATS: Final[tuple[tuple[re.Pattern[bytes], _ReadHeader], ...]] = (
    (re.compile(rb"\xff\xd8\xff"), jpeg.read),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), png.read),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), webp.read),
    (re.compile(rb"....ftyp(?:avi[fs]|.{4,100}?avif)", re.DOTALL), avif.read),
    (re.compile(rb"GIF8[79]a"), gif.read),
    (re.compile(rb"BM....\0\0\0\0", re.DOTALL), bmp.read),
    (re.compile(rb"II[*+]\0|MM\0[*+]"), tiff.read),
)


def read_header(data: bytes, *, max_pixels: int) -> Header:
    """Read the header of a photo in any format. Takes time in proportion to the file's bytes, decodes nothing.

    Raises ``NotAnImage`` for a file in another format or of a kind that is not read, ``UndecodableImage`` for a header that is
    damaged, ``TooManyPixels`` for more pixels than ``max_pixels`` or more than ``AVIF_SHARE`` of them in an AVIF, and
    ``TooMuchWork`` for a file that would take too long or too much memory to decode.
    """
    for signature, read in _FORMATS:
        if signature.match(data):
            return read(data, max_pixels)
    if not data:
        raise NotAnImage("The file is empty. Send the photo again.")
    for signature, kind in _NOT_READ:
        if signature.match(data[:_SIGNATURE_BYTES]):
            raise not_read(kind, "JPEG")
    raise NotAnImage("The file is not a photo in a format that is read here: JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF.")
