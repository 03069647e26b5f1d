"""Pictures from the web: within limits of size and time, a few at once from each host, and from public hosts only."""

import ipaddress
import re
import socket
import time
from collections import Counter
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError
from urllib3.exceptions import TimeoutError as NoAnswer

from lookalike.errors import ImageError, NotAnImage
from lookalike.photos.headers.header import MAX_PIXELS
from lookalike.photos.headers.photo import read_header
from lookalike.settings import MAX_IMAGE_BYTES
from scripts.common.bucket import StoredObject
from scripts.common.uploads import NotObtained

_CONNECT_S: Final = 10
_SILENT_S: Final = 20
_WHOLE_S: Final = 120
_REDIRECTS: Final = 5
_ATTEMPTS: Final = 4
_LONGEST_PAUSE_S: Final = 60.0
_READ_AT_ONCE: Final = 1 << 16
_FAILURES: Final = 8
"""After so many pictures in a row that could not be asked for, a host is given up."""
_LATER: Final = frozenset((429, 500, 502, 503, 504))
_HEADERS: Final = {"User-Agent": "Lookalike catalogue upload", "Accept": "image/*, */*;q=0.1"}
_MD5: Final = re.compile("[0-9a-f]{32}")


class _NotPublic(Exception):
    """A host has an address of this machine or of a private network."""


class _Later(Exception):
    """A host asks to be asked again. ``pause_s``: after so long, None where it does not say."""

    def __init__(self, why: str, pause_s: float | None = None) -> None:
        super().__init__(why)
        self.pause_s = pause_s


def _check_peer(connection: socket.socket) -> socket.socket:
    """Close the connection unless its other end is public. It is looked at here because a name may resolve differently each time."""
    address = ipaddress.ip_address(connection.getpeername()[0].partition("%")[0])
    if not address.is_global:
        connection.close()
        raise _NotPublic(
            f"{address} is an address of this machine or of a private network (--private-addresses allows it)"
        )
    return connection


class _PublicHttp(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _check_peer(super()._new_conn())


class _PublicHttps(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _check_peer(super()._new_conn())


class _PublicHttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _PublicHttp


class _PublicHttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _PublicHttps


class Downloader:
    """Loads pictures. Safe for threads; ``per_host`` of them may load from one host at once, the others wait."""

    def __init__(
        self,
        *,
        per_host: int = 4,
        allow_private: bool = False,
        max_bytes: int = MAX_IMAGE_BYTES,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._max_bytes = max_bytes
        self._sleep = sleep
        self._failures: Counter[str] = Counter()  # in a row, by host
        timeout = urllib3.Timeout(connect=_CONNECT_S, read=_SILENT_S)
        self._pools = urllib3.PoolManager(
            64, headers=_HEADERS, maxsize=per_host, block=True, timeout=timeout, retries=False
        )
        if not allow_private:
            self._pools.pool_classes_by_scheme = {"http": _PublicHttpPool, "https": _PublicHttpsPool}

    def close(self) -> None:
        self._pools.clear()

    def has_same(self, url: str, there: StoredObject) -> bool:
        """Whether the web has the picture that is in the bucket, as far as the host says it without sending the picture.

        It says so by the MD5, which many give as ETag, or by the size and a time before the picture came into the bucket.
        """
        try:
            with _Answer(self._asked("HEAD", url)) as answer:
                headers = answer.headers
        except (HTTPError, OSError, ValueError, _Later, NotObtained):
            return False
        if answer.status != 200:
            return False
        etag = headers.get("ETag", "").strip('"')
        if _MD5.fullmatch(etag):
            return bool(etag == there.etag)
        try:
            changed_ms = parsedate_to_datetime(headers.get("Last-Modified", "")).timestamp() * 1000
        except (ValueError, TypeError):
            return False
        return headers.get("Content-Length") == str(there.size) and changed_ms < there.modified_ms

    def photo(self, url: str) -> tuple[bytes, str]:
        """The bytes of a picture, and its type such as ``image/jpeg``. Raises NotObtained with the reason."""
        host = urlsplit(url).netloc
        for attempt in range(1, _ATTEMPTS + 1):
            if self._failures[host] >= _FAILURES:
                raise NotObtained(f"{host} did not answer for {_FAILURES} pictures in a row, and was given up")
            try:
                found = self._photo(url)
            except ValueError as error:  # an address that is none
                raise NotObtained(f"the address cannot be used: {error}") from error
            except (HTTPError, OSError, _Later) as error:
                if attempt == _ATTEMPTS or isinstance(error, NameResolutionError):
                    self._failures[host] += 1
                    raise NotObtained(_reason(error)) from error
                asked_s = error.pause_s if isinstance(error, _Later) else None
                self._sleep(min(asked_s if asked_s is not None else 2.0 ** (attempt - 1), _LONGEST_PAUSE_S))
            else:
                self._failures[host] = 0
                return found
        raise AssertionError

    def _photo(self, url: str) -> tuple[bytes, str]:
        with _Answer(self._asked("GET", url)) as answer:
            if answer.status in _LATER:
                raise _Later(f"the host answers {answer.status}", _retry_after_s(answer.headers.get("Retry-After", "")))
            if answer.status != 200:
                raise NotObtained(f"the host answers {answer.status}")
            data = self._body(answer)
        try:
            kind = read_header(data, max_pixels=MAX_PIXELS).format.lower()
        except NotAnImage as error:
            raise NotObtained(
                f"the address gives no photo ({answer.headers.get('Content-Type', 'no type')}): {error}"
            ) from error
        except ImageError:
            # Ingest refuses it, too, and keeps the reason where everybody sees it.
            kind = "jpeg"
        return data, f"image/{kind}"

    def _body(self, answer: Any) -> bytes:
        until = time.monotonic() + _WHOLE_S
        too_large = f"the file has more than {self._max_bytes:,} bytes"
        if int(answer.headers.get("Content-Length") or 0) > self._max_bytes:
            raise NotObtained(too_large)
        parts, size = [], 0
        while part := answer.read(_READ_AT_ONCE):
            parts.append(part)
            size += len(part)
            if size > self._max_bytes:
                raise NotObtained(too_large)
            if time.monotonic() > until:
                raise NotObtained(f"the host needs more than {_WHOLE_S} seconds")
        return b"".join(parts)

    def _asked(self, method: str, url: str) -> Any:
        """The answer to a request, behind all redirects; its body is not read."""
        for _ in range(_REDIRECTS + 1):
            if urlsplit(url).scheme not in ("http", "https"):
                raise NotObtained(f"it leads to {url}, which is no address of the web")
            try:
                answer = self._pools.request(method, url, redirect=False, preload_content=False)
            except _NotPublic as error:
                raise NotObtained(str(error)) from error
            target = answer.get_redirect_location()
            if not target:
                return answer
            answer.drain_conn()
            answer.release_conn()
            url = urljoin(url, target)
        raise NotObtained(f"the host redirects more than {_REDIRECTS} times")


class _Answer:
    """Gives the connection of an answer back, or closes it where the body was not read to its end."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def __enter__(self) -> Any:
        return self._answer

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._answer.close()
        self._answer.release_conn()


def _retry_after_s(text: str) -> float | None:
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError):
        return None


def _reason(error: Exception) -> str:
    """In one line; urllib3 names its own objects."""
    if isinstance(error, NameResolutionError):
        return "there is no such host"
    if isinstance(error, NewConnectionError):
        return f"the host cannot be connected to ({error.__cause__})"
    if isinstance(error, NoAnswer):
        return "the host does not answer in time"
    text = re.sub(r"<[^>]*>:? ?|\w+\(host=[^)]*\):? ?", "", str(error)).strip()
    return text or type(error).__name__
