"""The distribution on this machine: the page, the photos and the API at one address.

Which path leads where, with which headers, is the template's. The bucket that holds the site is read from its folder in
this repository, so that a change of the page is there at the next reload.
"""

import email.utils
import hashlib
import json
import logging
import mimetypes
from collections.abc import Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from botocore.exceptions import BotoCoreError, ClientError

from scripts.local.api_event import find_route, message, to_event, to_response
from scripts.local.calls import MAX_PAYLOAD_BYTES, Callee
from scripts.local.distribution import Behaviour, Distribution
from scripts.local.http_server import Request, Response
from scripts.local.template import Route

MAX_BODY_BYTES: Final = 10 * 1024 * 1024
"""The longest body an HTTP API takes."""
TOO_LARGE: Final = message(413, "Request Entity Too Large")

# The standard library asks the system for some of these, and systems differ.
_TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".txt": "text/plain; charset=utf-8",
    ".avif": "image/avif",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}
_UNKNOWN_TYPES: Final = ("binary/octet-stream", "application/octet-stream", "")

Headers = list[tuple[str, str]]
_log = logging.getLogger(__name__)


def content_type(name: str) -> str:
    """The media type by a file's extension."""
    suffix = Path(name).suffix.lower()
    return _TYPES.get(suffix) or mimetypes.guess_type("x" + suffix)[0] or "application/octet-stream"


class Gateway:
    """Answers requests by the distribution's behaviours.

    ``folders`` maps bucket names to folders that are served in their place; other buckets are read through ``s3``.
    ``functions`` are the runners behind the routes, by logical id.
    """

    def __init__(
        self,
        distribution: Distribution,
        routes: Sequence[Route],
        functions: Mapping[str, Callee],
        s3: Any,
        folders: Mapping[str, Path],
    ) -> None:
        self._distribution = distribution
        self._routes = routes
        self._functions = functions
        self._s3 = s3
        self._folders = {name: folder.resolve() for name, folder in folders.items()}

    def __call__(self, request: Request) -> Response:
        path = request.path
        if path == "/":
            path = f"/{self._distribution.root}"
        behaviour = self._distribution.behaviour(path)
        if request.method not in behaviour.methods:
            allowed = ", ".join(sorted(behaviour.methods))
            return _decorated(_plain(405, "Method Not Allowed", [("Allow", allowed)]), behaviour)
        if behaviour.bucket is None:
            return _decorated(self._from_api(request, behaviour), behaviour)
        folder = self._folders.get(behaviour.bucket)
        if folder is not None:
            return _decorated(_from_folder(request, folder, unquote(path)), behaviour)
        return _decorated(self._from_bucket(request, behaviour, unquote(path)), behaviour)

    def _from_api(self, request: Request, behaviour: Behaviour) -> Response:
        found = find_route(self._routes, request.method, request.path)
        if found is None:
            return message(404, "Not Found")
        route, path_parameters = found
        event = to_event(request, route, path_parameters, added=behaviour.added)
        # Only bodies are large; the rest of an event never comes near the limit.
        if len(event.get("body", "")) > MAX_PAYLOAD_BYTES - 65536 and len(json.dumps(event)) > MAX_PAYLOAD_BYTES:
            return TOO_LARGE
        result = self._functions[route.function_id].invoke(event)
        if result.error is not None:
            _log.warning("%s %s: %s", request.method, request.path, result.error)
            return message(500, "Internal Server Error")
        return to_response(result.value)

    def _from_bucket(self, request: Request, behaviour: Behaviour, path: str) -> Response:
        key = path.removeprefix("/")
        conditions = {}
        if "If-None-Match" in request.headers:
            conditions["IfNoneMatch"] = request.headers["If-None-Match"]
        try:
            answer = self._s3.get_object(Bucket=behaviour.bucket, Key=key, **conditions)
            body = answer["Body"].read()
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
            if status == 304:
                return Response(304, _caching(request.headers.get("If-None-Match", ""), behaviour.max_age_s))
            if status in (400, 403, 404):
                return _plain(404, "Not Found")
            _log.warning("GET %s: %s", key, error)
            return _plain(502, "Bad Gateway")
        except BotoCoreError as error:
            _log.warning("GET %s: %s", key, error)
            return _plain(502, "Bad Gateway")
        kind = answer.get("ContentType", "")
        headers = [
            ("Content-Type", content_type(key) if kind in _UNKNOWN_TYPES else kind),
            ("Last-Modified", email.utils.format_datetime(answer["LastModified"].astimezone(UTC), usegmt=True)),
            *_caching(answer["ETag"], behaviour.max_age_s),
        ]
        return _maybe_head(request, headers, body)


def _from_folder(request: Request, folder: Path, path: str) -> Response:
    """A file below ``folder``; never one outside of it, by whatever spelling or link."""
    if "\0" in path or "\\" in path:
        return _plain(404, "Not Found")
    file = (folder / path.lstrip("/")).resolve()
    if not file.is_relative_to(folder) or not file.is_file():
        return _plain(404, "Not Found")
    body = file.read_bytes()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = [("ETag", etag), ("Cache-Control", "no-cache")]
    if etag in [item.strip().removeprefix("W/") for item in request.headers.get("If-None-Match", "").split(",")]:
        return Response(304, headers)
    return _maybe_head(request, [("Content-Type", content_type(file.name)), *headers], body)


def _maybe_head(request: Request, headers: Headers, body: bytes) -> Response:
    if request.method == "HEAD":
        return Response(200, [*headers, ("Content-Length", str(len(body)))])
    return Response(200, headers, body)


def _caching(etag: str, max_age_s: int) -> Headers:
    # There is no edge between the browser and this; the browser is given the edge's time instead.
    return [("ETag", etag), ("Cache-Control", f"max-age={max_age_s}")]


def _plain(status: int, text: str, headers: Sequence[tuple[str, str]] = ()) -> Response:
    return Response(status, (("Content-Type", "text/plain; charset=utf-8"), *headers), text.encode())


def _decorated(response: Response, behaviour: Behaviour) -> Response:
    """The response with the headers of the behaviour's policy, which override the origin's."""
    overridden = {name.lower() for name in behaviour.headers}
    kept = [item for item in response.headers if item[0].lower() not in overridden]
    return Response(response.status, [*kept, *behaviour.headers.items()], response.body)
