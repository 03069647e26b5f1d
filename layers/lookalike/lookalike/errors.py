"""Every error the project raises on purpose.

    LookalikeError
    ├── ImageError               a photo that cannot be used; ``reason`` is stable and shown to people
    │   ├── NotAnImage           not in a format that is read
    │   ├── UndecodableImage     in a format that is read, but damaged
    │   ├── TooManyPixels        above the pixel limit: refused before decoding
    │   ├── TooMuchWork          takes too long or too much memory to decode
    │   ├── CropTooSmall         a part of a photo was asked for that has too few pixels
    │   ├── TooManyBytes         above the byte limit: refused before reading
    │   └── EndedFunction        ended a function that read it alone
    ├── FeedError                a file of product data that cannot be used at all; ``reason`` as for photos
    ├── DecoderUnavailable       no photo could be decoded: try again
    ├── QueueUnavailable         the queue did not answer: messages come back later than they should
    ├── ModelError               the model folder, its download or its checksum is wrong
    ├── StoreError
    │   ├── StoreUnavailable     the object store did not answer: try again
    │   │   └── IndexUnavailable the index of candidates did not answer: try again
    │   ├── ObjectMissing        no object of that name
    │   ├── CorruptObject        an object was read and does not hold what its name promises
    │   └── NotExact             what compaction wrote would not be searched exactly: it was not published
    ├── NotFound                 a product or photo that the catalogue does not have
    ├── BadFilter                a filter that cannot be read, or does not fit the kind of its attribute
    └── UnknownAttribute         a filter of an attribute that no product has

HTTP statuses are given in ``functions/query/problems.py`` and nowhere else.
"""

from collections.abc import Sequence
from typing import ClassVar


class LookalikeError(Exception):
    """The root of the tree: the message is a sentence for people that says what to do next."""


class ImageError(LookalikeError):
    """A photo that cannot be used. ``reason`` is a stable identifier, and the message explains it."""

    reason: ClassVar[str]


class NotAnImage(ImageError):
    reason = "not-an-image"


class UndecodableImage(ImageError):
    reason = "undecodable-image"


class TooManyPixels(ImageError):
    reason = "too-many-pixels"


class TooMuchWork(ImageError):
    reason = "too-much-work"


class CropTooSmall(ImageError):
    reason = "crop-too-small"


class TooManyBytes(ImageError):
    reason = "too-many-bytes"


class EndedFunction(ImageError):
    reason = "ended-function"


class FeedError(LookalikeError):
    """A file of product data that cannot be used at all. ``reason`` is a stable identifier, and the message explains it."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason

    def __str__(self) -> str:
        return str(self.args[1])


class DecoderUnavailable(LookalikeError):
    """The process that decodes photos did not answer; the same call may succeed later."""


class QueueUnavailable(LookalikeError):
    """The queue did not answer as it should; messages come back later than they should, and none is lost."""


class ModelError(LookalikeError):
    """The model folder, its download or its checksum is wrong."""


class StoreError(LookalikeError):
    """The object store failed or holds something wrong."""


class StoreUnavailable(StoreError):
    """The object store did not answer as it should; the same call may succeed later."""


class IndexUnavailable(StoreUnavailable):
    """The index of candidates did not answer as it should; the same call may succeed later."""


class ObjectMissing(StoreError):
    """There is no object of that name."""


class CorruptObject(StoreError):
    """An object was read and does not hold what its name promises."""


class NotExact(StoreError):
    """What compaction wrote would not be searched exactly, by scikit-learn's judgement; it was not published."""


class NotFound(LookalikeError):
    """A product or photo that the catalogue does not have."""


class BadFilter(LookalikeError, ValueError):
    """A filter that cannot be read, or does not fit the kind of its attribute."""


class UnknownAttribute(LookalikeError):
    """A filter of an attribute that no product has. ``known``: the attributes that there are, sorted."""

    def __init__(self, attribute: str, known: Sequence[str]) -> None:
        self.attribute, self.known = attribute, tuple(known)
        there_are = f"The attributes are {', '.join(known)}." if known else "The products have no data yet."
        super().__init__(f"There is no attribute {attribute!r}. {there_are}")
