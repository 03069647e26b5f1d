"""The photo in the body of a search, and the reason where there is none.

A photo is the whole body, or the field ``image`` of a form. Whether a body is a photo is decided by its bytes: curl says
application/x-www-form-urlencoded of everything unless it is told otherwise, and many clients say nothing. A refusal names what
was sent instead. The look for it comes after the refusal, so that it costs a photo nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from http_api import Request
from multipart import photo_field

from lookalike.errors import ImageError, NotAnImage, UndecodableImage

_HOW = "Send the bytes of the photo as the body, or as the file field image of multipart/form-data."
_CURL = "With curl: --data-binary @photo.jpg, or -F image=@photo.jpg."
_FORM = "multipart/form-data"
_URL_ENCODED = "application/x-www-form-urlencoded"
# How JPEG, PNG, GIF and WebP begin in base64.
_BASE64 = (b"/9j/", b"iVBORw0KGgo", b"R0lGOD", b"UklGR")
_GZIP = b"\x1f\x8b"
_REPLACED = "\N{REPLACEMENT CHARACTER}".encode()
_LEFT_OUT = re.compile(rb"[\r\n\0]")  # by curl -d, and hardly any photo is without them
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")  # text has none of them, and few photos are without


@dataclass(frozen=True, slots=True)
class QueryPhoto:
    """The bytes to search with. ``place``: where they were in the request; ``content_type``: in lower case, without parameters."""

    data: bytes
    place: str
    content_type: str
    was_text: bool

    def refused(self, error: ImageError) -> ImageError:
        """The error with the cause, where the request shows one."""
        if not isinstance(error, NotAnImage | UndecodableImage):
            return error
        causes = [*self._of_sending(), *(self._of_bytes() if isinstance(error, NotAnImage) else ())]
        return type(error)(f"{self.place} {causes[0]}") if causes else error

    def _of_sending(self) -> Iterator[str]:
        """How a photo may have been damaged on its way."""
        if not self.data:
            yield f"is empty. {_HOW}"
        if self.was_text and _REPLACED in self.data:
            yield (
                f"was sent on as text, as its Content-Type {self.content_type[:50]!r} asks, and damaged by that. Send "
                "image/jpeg or application/octet-stream."
            )
        if self.content_type == _URL_ENCODED and not _LEFT_OUT.search(self.data):
            yield f"is no photo, or one that curl -d has damaged by leaving out line breaks. {_CURL}"

    def _of_bytes(self) -> Iterator[str]:
        """What was sent in place of a photo."""
        start = self.data[:512].lstrip()
        if start[:5].lower() == b"data:":
            yield f"is a data: URL. Decode the base64 in it. {_HOW}"
        if start.startswith(_BASE64):
            yield f"is a photo in base64. Decode it. {_HOW}"
        if start.startswith(_GZIP):
            yield f"is compressed with gzip. {_HOW}"
        if start.startswith(b"--") and b"content-disposition" in start.lower():
            yield f"is a form, and its Content-Type is not {_FORM}. Leave this header to the HTTP client."
        if _is_text(start):
            yield f"is {'JSON' if start.startswith((b'{', b'[')) else 'text'}, not a photo. {_HOW}"


def query_photo(request: Request) -> QueryPhoto:
    """The photo of a request. Raises BadForm, BadParameter, BodyTooLarge, NotAnImage."""
    header = request.headers.get("content-type", "")
    content_type = header.partition(";")[0].strip().lower()
    if content_type == _FORM:
        return QueryPhoto(photo_field(header, request.body()), "The field image", content_type, was_text=False)
    if content_type.startswith("multipart/"):
        raise NotAnImage(f"A body of type {content_type[:50]!r} is not read. {_HOW}")
    return QueryPhoto(request.body(), "The body", content_type, was_text=not request.is_base64)


def _is_text(start: bytes) -> bool:
    """Whether these first bytes of a file are text."""
    if _CONTROL.search(start):
        return False
    try:
        start.decode()
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data"  # the last character is cut
    return True
