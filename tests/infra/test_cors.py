"""Which pages of other origins may call the API and read photos."""

import re
from typing import Any

import pytest

from tests.infra.translated import Resources

SHOPS = "https://shop.example,http://localhost:3000"
EVERYBODY_AND_SHOPS = [("*", ["*"]), (SHOPS, SHOPS.split(","))]


def api_cors(resources: Resources, origins: str) -> dict[str, Any] | None:
    (api,) = resources.of_type("AWS::ApiGatewayV2::Api").values()
    cors: dict[str, Any] | None = resources.resolved(api["Body"], AllowedOrigins=origins).get(
        "x-amazon-apigateway-cors"
    )
    return cors


def policy(resources: Resources, name: str, origins: str) -> dict[str, Any]:
    config: dict[str, Any] = resources.resolved(resources[name]["ResponseHeadersPolicyConfig"], AllowedOrigins=origins)
    return config


def bucket_rules(resources: Resources, origins: str) -> list[dict[str, Any]]:
    bucket = resources.resolved(resources["CatalogueBucket"].get("CorsConfiguration"), AllowedOrigins=origins)
    return bucket["CorsRules"] if isinstance(bucket, dict) else []


@pytest.mark.parametrize(("origins", "allowed"), EVERYBODY_AND_SHOPS)
def test_all_that_answers_allows_the_same_origins(resources: Resources, origins: str, allowed: list[str]) -> None:
    cors = api_cors(resources, origins)
    assert cors is not None
    assert cors["allowOrigins"] == allowed
    for name in ("ApiHeaders", "PhotoHeaders"):
        assert policy(resources, name, origins)["CorsConfig"]["AccessControlAllowOrigins"]["Items"] == allowed
    (rule,) = bucket_rules(resources, origins)
    assert rule["AllowedOrigins"] == allowed


def test_by_default_every_page_may_call(written: dict[str, Any]) -> None:
    assert written["Parameters"]["AllowedOrigins"]["Default"] == "*"


def test_empty_is_off_everywhere(resources: Resources) -> None:
    assert api_cors(resources, "") is None
    assert bucket_rules(resources, "") == []
    for name in ("ApiHeaders", "PhotoHeaders"):
        assert not policy(resources, name, "").keys() & {"CorsConfig", "CustomHeadersConfig"}


@pytest.mark.parametrize("origins", ["*", SHOPS])
def test_credentials_are_never_allowed(resources: Resources, origins: str) -> None:
    cors = api_cors(resources, origins)
    assert cors is not None
    assert not cors.get("allowCredentials", False)
    for name in ("ApiHeaders", "PhotoHeaders"):
        assert policy(resources, name, origins)["CorsConfig"]["AccessControlAllowCredentials"] is False


def test_no_route_takes_preflight_requests(resources: Resources) -> None:
    """A route that did would ask for a token, and bring them to the function: API Gateway answers what no route takes."""
    (api,) = resources.of_type("AWS::ApiGatewayV2::Api").values()
    methods = {method for path in api["Body"]["paths"].values() for method in path}
    assert "post" in methods
    assert not methods & {"x-amazon-apigateway-any-method", "options"}
    assert "$default" not in api["Body"]["paths"]


def test_the_distribution_and_the_api_say_the_same(resources: Resources) -> None:
    """The distribution completes answers that no function gives, and leaves the API's own headers alone."""
    cors, completed = api_cors(resources, "*"), policy(resources, "ApiHeaders", "*")["CorsConfig"]
    assert cors is not None
    assert completed["OriginOverride"] is False
    assert completed["AccessControlAllowMethods"]["Items"] == cors["allowMethods"]
    assert completed["AccessControlAllowHeaders"]["Items"] == cors["allowHeaders"]
    assert completed["AccessControlExposeHeaders"]["Items"] == cors["exposeHeaders"]
    assert completed["AccessControlMaxAgeSec"] == cors["maxAge"]


def test_pages_may_send_photos_and_tokens(resources: Resources) -> None:
    cors = api_cors(resources, "*")
    assert cors is not None
    assert {"GET", "POST"} <= set(cors["allowMethods"])
    assert set(cors["allowHeaders"]) == {"authorization", "content-type"}


def test_preflight_requests_reach_the_api_through_the_distribution(resources: Resources) -> None:
    config = resources["Distribution"]["DistributionConfig"]
    (api,) = (item for item in config["CacheBehaviors"] if item["TargetOriginId"] == "api")
    assert "OPTIONS" in api["AllowedMethods"]
    assert api["ResponseHeadersPolicyId"] == {"Ref": "ApiHeaders"}
    forwarded = resources["ApiRequestPolicy"]["OriginRequestPolicyConfig"]["HeadersConfig"]
    assert forwarded["HeaderBehavior"] == "allExcept"
    assert not {name.lower() for name in forwarded["Headers"]} & {
        "origin",
        "access-control-request-method",
        "access-control-request-headers",
    }


def test_photos_may_be_embedded_where_everything_has_to_say_so(resources: Resources) -> None:
    (header,) = policy(resources, "PhotoHeaders", "*")["CustomHeadersConfig"]["Items"]
    assert (header["Header"], header["Value"]) == ("Cross-Origin-Resource-Policy", "cross-origin")


@pytest.mark.parametrize(
    ("origins", "matches"),
    [
        ("", True),
        ("*", True),
        (SHOPS, True),
        ("https://shop.example:8443", True),
        ("https://shop.example/", False),
        ("https://shop.example/path", False),
        ("https://*.shop.example", False),
        ("shop.example", False),
        ("https://shop.example, https://other.example", False),
        ("https://shop.example,", False),
        ("*,https://shop.example", False),
        ("null", False),
        ("https://Shop.example", False),  # a browser sends it in lower case
    ],
)
def test_origins_are_written_as_browsers_send_them(written: dict[str, Any], origins: str, matches: bool) -> None:
    assert bool(re.search(written["Parameters"]["AllowedOrigins"]["AllowedPattern"], origins)) == matches
