"""Whether a request came through the distribution, which adds a header of its own to each.

In a stack without a secret any client can send the header, which then only says where photos are loaded from. In a stack with
one, it proves that a request passed the distribution and its web ACL.
"""

import hmac
from collections.abc import Mapping, Sequence

HEADER = "x-lookalike-distribution"
# What the distribution sends where the stack has no secret.
_NO_SECRET = ("1",)


def is_through_distribution(headers: Mapping[str, str], secrets: Sequence[str]) -> bool:
    """Whether the header has one of the secrets, of which there are two while they are changed."""
    sent = headers.get(HEADER, "").encode(errors="replace")
    # In a time that does not tell how much of a secret was right.
    return any(hmac.compare_digest(sent, secret.encode()) for secret in secrets or _NO_SECRET)
