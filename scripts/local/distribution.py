"""The CloudFront distribution of the template: the origin and the headers of each path."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from scripts.local.cors import Cors, of_headers_policy
from scripts.local.intrinsics import REGION, Names, Resolver, UnsupportedTemplateError

_CACHING_DISABLED: Final = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
"""The managed policy of AWS that caches nothing."""

# Of a bucket that the template makes, or of one that was there before.
_BUCKET_DOMAIN: Final = re.compile(rf"(?P<name>.+)\.s3\.{REGION}\.amazonaws\.com")
_POLICIES: Final = frozenset(f"AWS::CloudFront::{name}Policy" for name in ("Cache", "OriginRequest", "ResponseHeaders"))


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How requests of one path pattern are answered: from ``bucket``, or by the HTTP API where it is None.

    ``added`` are request headers for the origin, ``headers`` are added to answers, ``max_age_s`` is how long caches may
    reuse an answer. ``forwards_cookies``: whether the origin gets the cookies of a request. ``cors``: the headers for pages
    of other origins; ``cors_overrides``: whether they replace those that the origin sends.
    """

    pattern: str
    bucket: str | None
    methods: frozenset[str]
    added: Mapping[str, str]
    headers: Mapping[str, str]
    max_age_s: int
    forwards_cookies: bool = False
    cors: Cors | None = None
    cors_overrides: bool = False

    def matches(self, path: str) -> bool:
        """Does the pattern match? ``*`` is any text, ``?`` any character; a pattern may leave out its leading slash."""
        pattern = re.escape(self.pattern.removeprefix("/")).replace(r"\*", ".*").replace(r"\?", ".")
        return re.fullmatch(pattern, path.removeprefix("/"), re.DOTALL) is not None


@dataclass(frozen=True, slots=True)
class Distribution:
    """Behaviours in the order of their precedence, the default last; ``root`` is the object served for ``/``."""

    behaviours: tuple[Behaviour, ...]
    root: str

    def behaviour(self, path: str) -> Behaviour:
        return next(item for item in self.behaviours if item.matches(path))


def read_distribution(resources: Mapping[str, Any], resolver: Resolver, names: Names) -> Distribution:
    """The template's one distribution. Raises UnsupportedTemplateError."""
    distributions = [item for item in resources.values() if item["Type"] == "AWS::CloudFront::Distribution"]
    if len(distributions) != 1:
        raise UnsupportedTemplateError(f"the template has {len(distributions)} distributions; the local stack runs one")
    config = resolver.resolve(distributions[0]["Properties"]["DistributionConfig"])
    if config.get("WebACLId"):
        raise UnsupportedTemplateError("the distribution has a web ACL, which is not run here")
    origins = {item["Id"]: _origin(item, resources, names) for item in config["Origins"]}
    policies = {
        names.ref(logical_id): resolver.resolve(resource["Properties"])
        for logical_id, resource in resources.items()
        if resource["Type"] in _POLICIES
    }
    behaviours = [*config.get("CacheBehaviors", ()), config["DefaultCacheBehavior"] | {"PathPattern": "*"}]
    return Distribution(
        behaviours=tuple(_behaviour(item, origins, policies) for item in behaviours),
        root=config.get("DefaultRootObject", ""),
    )


def _origin(origin: dict[str, Any], resources: Mapping[str, Any], names: Names) -> tuple[str | None, dict[str, str]]:
    """The bucket behind an origin, or None for the HTTP API; and the request headers for it."""
    domain = origin["DomainName"]
    added = {item["HeaderName"].lower(): item["HeaderValue"] for item in origin.get("OriginCustomHeaders", ())}
    if origin.get("OriginPath"):
        raise UnsupportedTemplateError(f"the origin {domain} has a path, which is not run here")
    if (bucket := _BUCKET_DOMAIN.fullmatch(domain)) is not None:
        return bucket["name"], added
    for logical_id, resource in resources.items():
        name = names.physical(logical_id)
        if resource["Type"] == "AWS::ApiGatewayV2::Api" and domain.startswith(f"{name}.execute-api."):
            return None, added
    raise UnsupportedTemplateError(
        f"the origin {domain} is neither a bucket of this region nor the HTTP API of this template"
    )


def _behaviour(
    behaviour: dict[str, Any],
    origins: Mapping[str, tuple[str | None, dict[str, str]]],
    policies: Mapping[str, dict[str, Any]],
) -> Behaviour:
    pattern = behaviour["PathPattern"]
    for name in ("FunctionAssociations", "LambdaFunctionAssociations", "TrustedKeyGroups"):
        if behaviour.get(name):
            raise UnsupportedTemplateError(f"the behaviour {pattern} has {name}, which are not run here")
    bucket, added = origins[behaviour["TargetOriginId"]]
    policy = behaviour.get("ResponseHeadersPolicyId")
    if policy is not None and policy not in policies:
        raise UnsupportedTemplateError(f"the behaviour {pattern} uses the headers policy {policy}, unknown here")
    headers = policies[policy]["ResponseHeadersPolicyConfig"] if policy else {}
    cors = headers.get("CorsConfig")
    return Behaviour(
        pattern=pattern,
        bucket=bucket,
        methods=frozenset(behaviour.get("AllowedMethods", ("GET", "HEAD"))),
        added=added,
        headers=_headers(pattern, headers),
        max_age_s=_max_age_s(pattern, behaviour.get("CachePolicyId"), policies),
        forwards_cookies=_forwards_cookies(pattern, behaviour.get("OriginRequestPolicyId"), policies),
        cors=of_headers_policy(cors) if cors else None,
        cors_overrides=bool(cors and cors["OriginOverride"]),
    )


def _max_age_s(pattern: str, policy: str | None, policies: Mapping[str, dict[str, Any]]) -> int:
    if policy in (None, _CACHING_DISABLED):
        return 0
    if policy not in policies:
        raise UnsupportedTemplateError(f"the behaviour {pattern} uses the cache policy {policy}, unknown here")
    return int(policies[policy]["CachePolicyConfig"]["DefaultTTL"])


def _forwards_cookies(pattern: str, policy: str | None, policies: Mapping[str, dict[str, Any]]) -> bool:
    """Whether an origin gets cookies; of the rest of a request it gets everything here."""
    if policy is None:
        return False
    if policy not in policies:
        raise UnsupportedTemplateError(f"the behaviour {pattern} uses the request policy {policy}, unknown here")
    config = policies[policy]["OriginRequestPolicyConfig"]
    headers, cookies = config["HeadersConfig"], config["CookiesConfig"]["CookieBehavior"]
    forwards_the_rest = config["QueryStringsConfig"] == {"QueryStringBehavior": "all"} and headers in (
        {"HeaderBehavior": "allViewer"},
        {"HeaderBehavior": "allExcept", "Headers": ["host"]},
    )
    if not forwards_the_rest or cookies not in ("none", "all"):
        raise UnsupportedTemplateError(f"the behaviour {pattern} leaves out parts of a request that are kept here")
    return bool(cookies == "all")


def _headers(pattern: str, config: Mapping[str, Any]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in config.get("SecurityHeadersConfig", {}).items():
        match name:
            case "ContentSecurityPolicy":
                headers["Content-Security-Policy"] = value["ContentSecurityPolicy"]
            case "ContentTypeOptions":
                headers["X-Content-Type-Options"] = "nosniff"
            case "FrameOptions":
                headers["X-Frame-Options"] = value["FrameOption"]
            case "ReferrerPolicy":
                headers["Referrer-Policy"] = value["ReferrerPolicy"]
            case "StrictTransportSecurity":
                pass  # there is no TLS here, and a browser would remember it for every port of this host
            case _:
                raise UnsupportedTemplateError(f"the behaviour {pattern} adds the header {name}, unknown here")
    for item in config.get("CustomHeadersConfig", {}).get("Items", ()):
        headers[item["Header"]] = item["Value"]
    if config.get("RemoveHeadersConfig"):
        raise UnsupportedTemplateError(f"the behaviour {pattern} removes headers, which is not run here")
    return headers
