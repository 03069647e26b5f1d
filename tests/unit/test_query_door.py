"""The query function knows requests that came through the distribution by the header that the distribution sends."""

import json
from typing import Any

import pytest

from tests.support import functions
from tests.support.api import event, query_function
from tests.support.fakes import photo, put_row

door = functions.load("query", "door")
NEW, OLD = "n" * 32, "o" * 32


@pytest.mark.parametrize(
    ("secrets", "sent", "passes"),
    [
        ((), "1", True),
        ((), None, False),
        ((), "", False),
        ((), NEW, False),
        ((NEW,), NEW, True),
        ((NEW,), None, False),
        ((NEW,), "1", False),
        ((NEW,), "", False),
        ((NEW,), NEW[:-1], False),
        ((NEW,), f"{NEW},{NEW}", False),
        ((NEW,), "é\ud800", False),
        ((NEW, OLD), NEW, True),
        ((NEW, OLD), OLD, True),
        ((NEW, OLD), f"{NEW},{OLD}", False),
        ((NEW, "1"), "1", True),
    ],
)
def test_a_request_passes_with_what_the_distribution_sends(
    secrets: tuple[str, ...], sent: str | None, passes: bool
) -> None:
    headers = {} if sent is None else {"x-lookalike-distribution": sent}
    assert door.is_through_distribution(headers, secrets) == passes


class TestTheApi:
    @staticmethod
    def answers(monkeypatch: pytest.MonkeyPatch, secrets: str, sent: str | None) -> list[dict[str, Any]]:
        """The answers of three routes where the stack has these secrets."""
        monkeypatch.setenv("ORIGIN_SECRETS", secrets)
        api = query_function(monkeypatch, rows=[put_row("images/red.jpg", photo("red"))])
        headers = {} if sent is None else {"x-lookalike-distribution": sent}
        product = {"pathParameters": {"product_id": "red"}}
        requests = [
            event("GET /api/health", headers=headers),
            event("GET /api/products/{product_id}", headers=headers, **product),
            event("GET /api/nothing", headers=headers),
        ]
        return [api.app.handler(request, functions.Context()) for request in requests]

    @pytest.mark.parametrize("sent", [None, "1", OLD])
    def test_without_the_secret_every_request_is_refused(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sent: str | None
    ) -> None:
        for answer in self.answers(monkeypatch, NEW, sent):
            assert answer["statusCode"] == 403
            assert json.loads(answer["body"])["type"] == "urn:lookalike:problem:not-through-distribution"
            assert NEW not in json.dumps(answer)
        assert NEW not in capsys.readouterr().out

    @pytest.mark.parametrize(("secrets", "sent"), [(NEW, NEW), (f"{NEW},{OLD}", OLD), (f"{NEW},1", "1"), ("", "1")])
    def test_with_it_they_are_answered_and_photos_are_paths(
        self, monkeypatch: pytest.MonkeyPatch, secrets: str, sent: str
    ) -> None:
        health, product, nothing = self.answers(monkeypatch, secrets, sent)
        assert (health["statusCode"], product["statusCode"], nothing["statusCode"]) == (200, 200, 404)
        assert json.loads(product["body"])["photos"][0]["image_url"] == "/images/red.jpg"
