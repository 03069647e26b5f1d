"""The distribution on this machine: the page, the photos and the API at one address.

The template says where each path leads and with which headers. A folder of this repository stands for the site's bucket,
so that the next reload shows a change of the page.
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
from scripts.local.cors import Cors, is_preflight
from scripts.local.distribution import Behaviour, Distribution
from scripts.local.http_api import Route
from scripts.local.http_server import Request, Response

MAX_BODY_BYTES: Final = 10 * 1024 * 1024
"""The longest body an HTTP API takes."""
_TOO_LARGE: Final = message(413, "Request Entity Too Large")

# An instance of its own knows the standard library's types, and not the system's: systems differ.
_TYPES: Final = mimetypes.MimeTypes()
for _suffix, _type in ((".avif", "image/avif"), (".webp", "image/webp"), (".woff2", "font/woff2")):
    _TYPES.add_type(_type, _suffix)  # Python 3.12 does not know these
_UNKNOWN_TYPES: Final = ("binary/octet-stream", "application/octet-stream", "")

Headers = list[tuple[str, str]]
_log = logging.getLogger(__name__)


def content_type(name: str) -> str:
    """The media type by a file's extension."""
    kind = _TYPES.guess_type(f"x{Path(name).suffix}")[0] or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


class Gateway:
    """Answers requests by the distribution's behaviours.

    ``folders`` maps names of buckets to the folders that stand for them; ``s3`` reads the other buckets.
    ``functions`` are those behind the routes, by logical id. ``cors``: the pages that may call the API from other origins.
    """

    def __init__(
        self,
        distribution: Distribution,
        routes: Sequence[Route],
        functions: Mapping[str, Callee],
        s3: Any,
        folders: Mapping[str, Path],
        *,
        cors: Cors | None = None,
    ) -> None:
        self._distribution = distribution
        self._routes = routes
        self._functions = functions
        self._s3 = s3
        self._cors = cors
        self._folders = {name: folder.resolve() for name, folder in folders.items()}

    def __call__(self, request: Request) -> Response:
        path = self._path(request)
        behaviour = self._distribution.behaviour(path)
        if request.method not in behaviour.methods:
            response = _plain(403, "The distribution does not take this method here.")  # CloudFront's status, too
        elif behaviour.bucket is None:
            response = self._from_api(request, behaviour)
        elif behaviour.bucket in self._folders:
            response = _from_folder(request, self._folders[behaviour.bucket], unquote(path))
        else:
            response = self._from_bucket(request, behaviour, unquote(path))
        return _with_policy(request, response, behaviour)

    def too_large(self, request: Request) -> Response:
        """The answer to a request whose body is not read, as it is longer than ``MAX_BODY_BYTES``."""
        return _with_policy(request, _TOO_LARGE, self._distribution.behaviour(self._path(request)))

    def _path(self, request: Request) -> str:
        return f"/{self._distribution.root}" if request.path == "/" else request.path

    def _from_api(self, request: Request, behaviour: Behaviour) -> Response:
        match = find_route(self._routes, request.method, request.path)
        if match is None and request.method == "OPTIONS" and self._cors is not None:
            # API Gateway answers by itself, without authorizer and function.
            return Response(204, self._cors.of_preflight(request))
        if match is None:
            return message(404, "Not Found")
        route, path_parameters = match
        event = to_event(request, route, path_parameters, added=behaviour.added)
        if not behaviour.forwards_cookies:
            event.pop("cookies", None)
        # Only bodies are large; the rest of an event never comes near the limit.
        if len(event.get("body", "")) > MAX_PAYLOAD_BYTES - 65536 and len(json.dumps(event)) > MAX_PAYLOAD_BYTES:
            return _TOO_LARGE
        result = self._functions[route.function_id].invoke(event)
        if result.error is not None:
            _log.warning("%s %s: %s", request.method, request.path, result.error)
            return message(500, "Internal Server Error")
        return self._with_cors(request, to_response(result.value))

    def _with_cors(self, request: Request, response: Response) -> Response:
        """A function's answer with the API's own CORS headers, which take the place of the function's."""
        if self._cors is None:
            return response
        others = [item for item in response.headers if not _is_cors(item)]
        return Response(response.status, [*others, *self._cors.of_answer(request)], response.body)

    def _from_bucket(self, request: Request, behaviour: Behaviour, path: str) -> Response:
        key = path.removeprefix("/")
        etag = request.headers.get("If-None-Match")
        conditions = {} if etag is None else {"IfNoneMatch": etag}
        try:
            answer = self._s3.get_object(Bucket=behaviour.bucket, Key=key, **conditions)
            body = answer["Body"].read()
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
            if status == 304:
                return Response(304, _caching(etag or "", behaviour.max_age_s))
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
    """A file below ``folder``; no spelling and no link leads outside of it."""
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
    # There is no edge here: the browser keeps answers as long as the edge would.
    return [("ETag", etag), ("Cache-Control", f"max-age={max_age_s}")]


def _plain(status: int, text: str) -> Response:
    return Response(status, (("Content-Type", "text/plain; charset=utf-8"),), text.encode())


def _with_policy(request: Request, response: Response, behaviour: Behaviour) -> Response:
    """The response with the headers of the behaviour's policy, which override the origin's.

    The origin's CORS headers may stay, and are then completed.
    """
    added = list(behaviour.headers.items())
    if behaviour.cors is not None:
        cors = behaviour.cors.of_preflight(request) if is_preflight(request) else behaviour.cors.of_answer(request)
        sent = set() if behaviour.cors_overrides else {name.lower() for name, _ in response.headers}
        added += [item for item in cors if item[0].lower() not in sent]
    names = {name.lower() for name, _ in added}
    others = [item for item in response.headers if item[0].lower() not in names]
    return Response(response.status, [*others, *added], response.body)


def _is_cors(header: tuple[str, str]) -> bool:
    return header[0].lower().startswith("access-control-")
