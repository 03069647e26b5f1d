"""Requests below /api/ for which API Gateway has no route of its own: HEAD, wrong methods, surplus slashes, unknown paths.

An HTTP API answers all of them with 404 and no cause, so that a route for each method brings the rest to the function.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from lookalike.errors import LookalikeError, NotFound

ELSEWHERE = tuple(f"{method} /api/{{proxy+}}" for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"))
"""The routes' keys. OPTIONS is none of them: API Gateway answers preflight requests itself where no route takes them."""
_SHOWN_CHARACTERS = 100


class MethodNotAllowed(LookalikeError):
    """The path has a route, and the method is none of ``allowed``."""

    def __init__(self, message: str, allowed: str) -> None:
        super().__init__(message)
        self.allowed = allowed


def route_of_head(event: Mapping[str, Any], routes: Iterable[str]) -> tuple[str, Mapping[str, str]]:
    """The key of the GET route that answers a HEAD request, and its path parameters.

    ``routes``: the keys of the routes there are. Raises MethodNotAllowed where the path takes other methods, NotFound where it
    has no route.
    """
    method, path = event["requestContext"]["http"]["method"], event["rawPath"]
    found = _routes_at(path, routes)
    if method == "HEAD" and "GET" in found:
        return found["GET"]
    if found:
        allowed = ", ".join(["GET, HEAD" if name == "GET" else name for name in sorted(found)])
        raise MethodNotAllowed(f"{_shown(path)} does not take {method}, but {allowed}.", allowed)
    tidy = "/" + "/".join(filter(None, path.split("/")))
    meant = [f"{name} {_shown(tidy)}" for name in _routes_at(tidy, routes)]
    if meant:
        raise NotFound(f"There is no {_shown(path)} here. Without the surplus slashes there is: {', '.join(meant)}.")
    raise NotFound(f"There is no {_shown(path)} here. GET /api/docs lists the routes.")


def _shown(path: str) -> str:
    """A path for a message: not long, and without halves of surrogate pairs, which are no text."""
    return path[:_SHOWN_CHARACTERS].encode(errors="replace").decode()


def _routes_at(path: str, routes: Iterable[str]) -> dict[str, tuple[str, dict[str, str]]]:
    """The routes of a path by method: the route's key and its path parameters. As in API Gateway each slash counts."""
    found = {}
    segments = path.split("/")
    for key in routes:
        method, _, pattern = key.partition(" ")
        names = pattern.split("/")
        pairs = list(zip(names, segments, strict=False))
        if len(names) == len(segments) and all(text if name[:1] == "{" else name == text for name, text in pairs):
            found[method] = key, {name.strip("{}"): text for name, text in pairs if name[:1] == "{"}
    return found
