"""Cross-origin requests: the headers by which API Gateway and CloudFront let pages of other origins read answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from scripts.local.http_server import Request
from scripts.local.intrinsics import UnsupportedTemplateError

CorsHeaders = list[tuple[str, str]]
_ALL_METHODS: Final = ("GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE")


@dataclass(frozen=True, slots=True)
class Cors:
    """The pages that may read answers, by their origins: "https://shop.example", or "*" for all. Never with credentials.

    ``methods`` and ``headers`` are those that a page may send, ``exposed`` the headers of an answer that it may read.
    """

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed: tuple[str, ...]
    max_age_s: int

    def of_answer(self, request: Request) -> CorsHeaders:
        """The headers for the answer to a request; none for a request that names no origin or another one."""
        origin = request.headers.get("Origin")
        if origin is None or not {"*", origin} & set(self.origins):
            return []
        named = [("Access-Control-Allow-Origin", "*" if "*" in self.origins else origin)]
        return [*named, *_listed("Access-Control-Expose-Headers", self.exposed)]

    def of_preflight(self, request: Request) -> CorsHeaders:
        """The headers for the answer to a preflight request. AWS lists what is allowed, whatever was asked for."""
        named = self.of_answer(request) if is_preflight(request) else []
        if not named:
            return []
        return [
            *named,
            *_listed("Access-Control-Allow-Methods", self.methods),
            *_listed("Access-Control-Allow-Headers", self.headers),
            ("Access-Control-Max-Age", str(self.max_age_s)),
        ]


def is_preflight(request: Request) -> bool:
    """Does a browser ask whether it may send a request?"""
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers


def of_gateway(config: Mapping[str, Any]) -> Cors:
    """The extension ``x-amazon-apigateway-cors`` of an HTTP API. Raises UnsupportedTemplateError."""
    if config.get("allowCredentials"):
        raise UnsupportedTemplateError("the HTTP API allows credentials of other origins, which is not run here")
    return Cors(
        origins=_exact(config["allowOrigins"]),
        methods=tuple(config.get("allowMethods", ())),
        headers=tuple(config.get("allowHeaders", ())),
        exposed=tuple(config.get("exposeHeaders", ())),
        max_age_s=int(config.get("maxAge", 0)),
    )


def of_headers_policy(config: Mapping[str, Any]) -> Cors:
    """The ``CorsConfig`` of a response headers policy of CloudFront. Raises UnsupportedTemplateError."""
    if config["AccessControlAllowCredentials"]:
        raise UnsupportedTemplateError("a headers policy allows credentials of other origins, which is not run here")
    methods = tuple(config["AccessControlAllowMethods"]["Items"])
    return Cors(
        origins=_exact(config["AccessControlAllowOrigins"]["Items"]),
        methods=_ALL_METHODS if "ALL" in methods else methods,
        headers=tuple(config["AccessControlAllowHeaders"]["Items"]),
        exposed=tuple(config.get("AccessControlExposeHeaders", {}).get("Items", ())),
        max_age_s=int(config.get("AccessControlMaxAgeSec", 0)),
    )


def _exact(origins: list[str]) -> tuple[str, ...]:
    patterns = [origin for origin in origins if "*" in origin and origin != "*"]
    if patterns:
        raise UnsupportedTemplateError(f"the origin {patterns[0]} is a pattern, which is not run here")
    return tuple(origins)


def _listed(name: str, values: tuple[str, ...]) -> CorsHeaders:
    return [(name, ",".join(values))] if values else []
