"""One call of a function, as its callers see it: how it ends, and Lambda's limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

MAX_PAYLOAD_BYTES: Final = 6 * 1024 * 1024
"""The largest event of a synchronous call of Lambda."""
MAX_RESPONSE_BYTES: Final = MAX_PAYLOAD_BYTES + 100
"""The largest answer to one."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a call ended: the value that the handler returned, or the error that Lambda would report."""

    value: Any = None
    error: Mapping[str, Any] | None = None


class Callee(Protocol):
    """A function as the gateway, the poller and the schedule know it."""

    def invoke(self, event: Mapping[str, Any]) -> Result:
        """Call the function. Every failure of it is a result, also its timeout and its death."""


def failure(kind: str, message: str) -> Result:
    """The result of a call that did not come to its end."""
    return Result(error={"errorType": kind, "errorMessage": message})


SHUTTING_DOWN: Final = failure("Runtime.ExitError", "the stack is shutting down")
