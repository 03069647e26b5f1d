"""The photo in a multipart/form-data body."""

from email import policy
from email.parser import BytesParser

FIELD = "image"


def photo_field(content_type: str, body: bytes) -> bytes | None:
    """The bytes of the form's ``image`` field; None where the form has no such field or is no form at all."""
    # The header is one line of ours: what a client puts into it must not start another.
    header = content_type.replace("\r", " ").replace("\n", " ").encode("latin-1", "replace")
    message = BytesParser(policy=policy.HTTP).parsebytes(b"Content-Type: " + header + b"\r\n\r\n" + body)
    if not message.is_multipart():
        return None
    for part in message.iter_parts():
        if part.get_param("name", header="content-disposition") == FIELD:
            payload = part.get_payload(decode=True)
            return payload if isinstance(payload, bytes) else None
    return None
