"""The problems that the API answers, as RFC 9457 has them, and the errors that only requests cause.

Every error that is a client's to know, or that passes by itself, is a problem; all others are faults of ours.
"""

from collections.abc import Mapping
from typing import NamedTuple

from elsewhere import MethodNotAllowed
from parameters import BadParameter

from lookalike import errors


class BadForm(errors.LookalikeError):
    """The body is a form from which no photo can be read."""


class NotThroughDistribution(errors.LookalikeError):
    """The stack has a secret that its distribution sends, and the request came without it."""


class BodyTooLarge(errors.LookalikeError):
    """The request's body is larger than a query photo may be."""


class ProductPending(errors.NotFound):
    """The photo of a product is in the catalogue, and not in the store yet."""


class CatalogueEmpty(errors.LookalikeError):
    """The catalogue has no searchable photo yet."""


class Problem(NamedTuple):
    """An error as HTTP carries it: ``slug`` is the stable end of the problem's type, ``meaning`` says when it comes."""

    status: int
    slug: str
    title: str
    meaning: str


PROBLEMS: Mapping[type[errors.LookalikeError], Problem] = {
    BadParameter: Problem(
        400,
        "bad-parameter",
        "A parameter is not valid",
        "A parameter is unknown, out of its range or given twice. The detail says which one, and what it may be.",
    ),
    BadForm: Problem(
        400,
        "bad-form",
        "The form cannot be read",
        "The body is multipart/form-data and has no file field image that can be read.",
    ),
    errors.BadFilter: Problem(
        400,
        "bad-filter",
        "A filter cannot be read",
        "A filter is not written as attribute:value, or is a range of an attribute that is no number.",
    ),
    errors.UnknownAttribute: Problem(
        400,
        "unknown-attribute",
        "No product has this attribute",
        "A filter names an attribute that the product data does not have. The member known lists those that it has.",
    ),
    errors.CropTooSmall: Problem(
        400, "crop-too-small", "The crop is too small", "The part of the photo that crop names has too few pixels."
    ),
    NotThroughDistribution: Problem(
        403,
        "not-through-distribution",
        "The request did not pass the distribution",
        "The stack has a secret, and the request came to API Gateway's own address. Call the address of the page.",
    ),
    ProductPending: Problem(
        404,
        "product-pending",
        "The product is not searchable yet",
        "The photo of the product is in the catalogue's bucket, and it is not embedded yet. That takes seconds; try again.",
    ),
    errors.NotFound: Problem(
        404, "not-found", "Not found", "The catalogue has no such product, or the API no such path."
    ),
    MethodNotAllowed: Problem(
        405, "method-not-allowed", "The path does not take this method", "The header Allow names those that it takes."
    ),
    BodyTooLarge: Problem(
        413,
        "body-too-large",
        "The photo is too large",
        "The photo has more bytes than are read. 640 pixels on the longer side are plenty.",
    ),
    errors.NotAnImage: Problem(
        415,
        "not-an-image",
        "Not an image we read",
        "The body is no photo in a format that is read. The detail says what was sent instead.",
    ),
    errors.UndecodableImage: Problem(
        422, "undecodable-image", "The image cannot be decoded", "The photo is damaged or cut off."
    ),
    errors.TooManyPixels: Problem(
        422, "too-many-pixels", "The image has too many pixels", "Send a smaller version of the photo."
    ),
    errors.TooMuchWork: Problem(
        422,
        "too-much-work",
        "The image takes too much work to decode",
        "The photo takes too long or too much memory to decode. Send it as a plain JPEG.",
    ),
    errors.DecoderUnavailable: Problem(
        503, "decoder-unavailable", "The image cannot be decoded now", "Try again after Retry-After seconds."
    ),
    CatalogueEmpty: Problem(
        503,
        "catalogue-empty",
        "The catalogue is empty",
        "No photo is searchable yet. Try again after Retry-After seconds.",
    ),
    errors.StoreError: Problem(
        503,
        "store-unavailable",
        "The catalogue cannot be reached",
        "The store does not answer, and there is no copy in memory that is new enough. Try again after Retry-After seconds.",
    ),
}


def problem_of(error: errors.LookalikeError) -> Problem | None:
    """The problem that tells an error to the client; None for a fault of ours."""
    return next((problem for kind, problem in PROBLEMS.items() if isinstance(error, kind)), None)
