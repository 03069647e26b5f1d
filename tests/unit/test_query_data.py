"""What the HTTP API makes of product data: facts in answers, filters, pages, limits of distance, and facets."""

from collections.abc import Mapping
from typing import Any

import pytest

from lookalike.compaction.compact import compact
from tests.support import functions
from tests.support.api import Answer, Api, query_function
from tests.support.fakes import data_file, deleted_file, photo, put_row, reject_row

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish")

LOOKS = [f"look {number}" for number in range(30)]
SIMILAR = "/api/products/{product_id}/similar"
DATA: Mapping[str, Mapping[str, Any]] = {
    look: {
        "name": f"Shirt {number}",
        "price": float(10 + number),
        "currency": "EUR",
        "link": f"https://shop.example/{number}",
        "brand": "Acme" if number % 2 else "Brand, X",
        "colour": ("Red", "Blue", "Größe")[number % 3],
        "sizes": ("S", "M") if number % 2 else ("M", "L"),
        "availability": "out_of_stock" if number in (4, 5) else "in_stock",
    }
    for number, look in enumerate(LOOKS[:20])
}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    """Thirty products of one photo each, twenty of them with data, two of which are out of stock; and data without photos."""
    rows = [put_row(f"images/{look}.jpg", photo(look), season="spring") for look in LOOKS]
    api = query_function(monkeypatch, rows=rows)
    api.put_data(data_file("products/feed.csv", {**DATA, "unseen": {"name": "Not photographed", "price": 5.0}}))
    return api


def both(api: Api, *query: tuple[str, str], product: str = LOOKS[0]) -> list[Answer]:
    """The answers of both routes that rank products: one photo and one product look the same."""
    return [api.search(photo(product), query=query), api.get(SIMILAR, product, query=query)]


def ids(answer: Answer) -> list[str]:
    return [result["product_id"] for result in answer.body["results"]]


def unsigned(answer: Answer) -> list[dict[str, Any]]:
    """The results without their signed addresses, in which the time is."""
    return [{**result, "image_url": None} for result in answer.body["results"]]


def with_data(wanted: Any) -> set[str]:
    return {look for look, values in DATA.items() if wanted(values)}


class TestAnswers:
    def test_a_result_has_the_data_of_its_product_and_behind_it_what_its_photo_says(self, api: Api) -> None:
        first = api.search(photo(LOOKS[1])).body["results"][0]
        assert (first["name"], first["price"], first["currency"]) == ("Shirt 1", 11, "EUR")
        assert (first["link"], first["brand"]) == ("https://shop.example/1", "Acme")
        assert first["attributes"] == {**DATA[LOOKS[1]], "sizes": ["S", "M"], "season": "spring"}

    def test_a_product_without_data_has_what_its_photo_says(self, api: Api) -> None:
        first = api.search(photo(LOOKS[25])).body["results"][0]
        assert [first[name] for name in ("name", "price", "currency", "link", "brand")] == [None] * 5
        assert first["attributes"] == {"season": "spring"}

    def test_a_changed_file_is_in_the_next_answer_and_the_older_one_is_back_without_it(self, api: Api) -> None:
        def price() -> float:
            return float(api.search(photo(LOOKS[1])).body["results"][0]["price"])

        api.put_data(data_file("products/sale.csv", {LOOKS[1]: {"price": 9.5}}, time_ms=2))
        assert price() == 9.5
        compact(api.store)
        assert price() == 9.5
        api.put_data(deleted_file("products/sale.csv", time_ms=3))
        assert price() == 11

    def test_a_product_answers_with_its_data(self, api: Api) -> None:
        body = api.get("/api/products/{product_id}", LOOKS[4]).body
        assert (body["name"], body["price"], body["photos_total"]) == ("Shirt 4", 14, 1)
        assert body["attributes"]["availability"] == "out_of_stock", "hidden from searches only"

    def test_a_product_that_is_known_by_data_alone_is_known(self, api: Api) -> None:
        body = api.get("/api/products/{product_id}", "unseen").body
        assert (body["name"], body["photos_total"], body["photos"], body["next_after"]) == (
            "Not photographed",
            0,
            [],
            None,
        )
        answer = api.get(SIMILAR, "unseen")
        assert (answer.status, answer.problem) == (404, "not-found")
        assert "has data and no photo" in answer.body["detail"]
        assert "unseen" not in ids(api.search(photo(LOOKS[0]), k="100"))


class TestFilters:
    @pytest.mark.parametrize(
        ("texts", "wanted"),
        [
            (["colour:Red"], lambda values: values["colour"] == "Red"),
            (["Colour:Red,Blue"], lambda values: values["colour"] in ("Red", "Blue")),
            (["colour:Größe"], lambda values: values["colour"] == "Größe"),
            (["price:12..17.5"], lambda values: 12 <= values["price"] <= 17.5),
            (["price:25.."], lambda values: values["price"] >= 25),
            (["sizes:L"], lambda values: "L" in values["sizes"]),
            (['brand:"Brand, X"'], lambda values: values["brand"] == "Brand, X"),
            (["brand:Acme", "price:..15"], lambda values: values["brand"] == "Acme" and values["price"] <= 15),
            (["colour:nobody"], lambda _: False),
        ],
    )
    def test_a_product_passes_where_all_hold(self, api: Api, texts: list[str], wanted: Any) -> None:
        expected = with_data(wanted) - {LOOKS[4], LOOKS[5]}
        searched, similar = both(api, ("k", "100"), *(("filter", text) for text in texts))
        assert set(ids(searched)) == expected
        assert searched.body["search"]["filters"] == texts
        assert searched.body["search"]["products_matching"] == len(expected)
        assert set(ids(similar)) == expected - {LOOKS[0]}
        assert similar.body["search"]["products_matching"] == len(expected - {LOOKS[0]})

    def test_the_order_is_that_of_an_unfiltered_search(self, api: Api) -> None:
        # Where all matches are weak, a search looks at windows of the photo, too.
        whole = [("k", "100"), ("regions", "whole")]
        every = ids(api.search(photo("new"), query=whole))
        some = ids(api.search(photo("new"), query=[*whole, ("filter", "colour:Red,Blue")]))
        assert some == [product for product in every if product in some]

    def test_an_event_of_a_repeated_filter_as_api_gateway_sends_it(self, api: Api) -> None:
        """The event's own mapping joins both by a comma, and one of them has a comma."""
        api.put_data(data_file("products/more.csv", {LOOKS[0]: {"brand": "Brand X"}}, time_ms=2))
        body = api.send(functions.event("http_facets")).body
        assert body["products"] == 10  # nine of Acme's ten, as one is out of stock, and one of Brand X

    def test_what_is_out_of_stock_is_hidden_unless_it_is_asked_for(self, api: Api) -> None:
        assert not {LOOKS[4], LOOKS[5]} & set(ids(api.search(photo(LOOKS[4]), k="100")))
        asked = api.search(photo(LOOKS[4]), query=[("filter", "availability:out_of_stock")])
        assert set(ids(asked)) == {LOOKS[4], LOOKS[5]}

    def test_a_stack_may_show_what_is_out_of_stock(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HIDE_OUT_OF_STOCK", "false")
        assert ids(api.search(photo(LOOKS[4])))[0] == LOOKS[4]
        assert api.get("/api/facets").body["products"] == 30

    @pytest.mark.parametrize("route", ["POST /api/search", f"GET {SIMILAR}", "GET /api/facets"])
    def test_an_unknown_attribute_is_answered_with_those_that_there_are(self, api: Api, route: str) -> None:
        query = [("filter", "smell:sweet")]
        answer = (
            api.search(photo("new"), query=query)
            if "search" in route
            else api.get(route.removeprefix("GET "), LOOKS[0], query=query)
        )
        assert (answer.status, answer.problem) == (400, "unknown-attribute")
        assert answer.body["known"] == sorted(DATA[LOOKS[0]])
        assert "'smell'" in answer.body["detail"]

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("colour", "attribute:value"),
            ("", "attribute:value"),
            ("colour:", "empty value"),
            ("price:50..10", "ends below"),
            ("price:cheap", "is a number"),
            ("colour:1..2", "is not a number"),
            ('brand:"Brand', "double quote"),
            ("\ud800:x", "attribute"),
        ],
    )
    def test_a_filter_that_cannot_be_read_is_refused_in_words(self, api: Api, text: str, said: str) -> None:
        for answer in (*both(api, ("filter", text)), api.get("/api/facets", query=[("filter", text)])):
            assert answer.status == 400
            assert answer.problem in ("bad-filter", "unknown-attribute")
            assert said in answer.body["detail"]

    def test_a_filter_where_there_is_no_data_is_told_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        bare = query_function(monkeypatch, rows=[put_row("images/red.jpg", photo("red"))])
        answer = bare.search(photo("red"), query=[("filter", "colour:Red")])
        assert (answer.problem, answer.body["known"]) == ("unknown-attribute", [])
        assert "no data yet" in answer.body["detail"]

    def test_filters_are_read_before_the_photo(self, api: Api) -> None:
        assert api.search(b"", query=[("filter", "colour")]).problem == "bad-filter"


class TestPages:
    @pytest.mark.parametrize("filters", [[], [("filter", "colour:Red,Blue")]])
    @pytest.mark.parametrize("distinct", ["true", "false"])
    def test_pages_are_pieces_of_one_ranking(self, api: Api, filters: list[tuple[str, str]], distinct: str) -> None:
        for whole, ask in (
            (api.search(photo("new"), k="100", query=filters), lambda query: api.search(photo("new"), query=query)),
            (
                api.get(SIMILAR, LOOKS[0], query=[("k", "100"), *filters]),
                lambda query: api.get(SIMILAR, LOOKS[0], query=query),
            ),
        ):
            found: list[dict[str, Any]] = []
            offset: int | None = 0
            while offset is not None:
                answer = ask([("k", "7"), ("offset", str(offset)), ("distinct", distinct), *filters])
                found += unsigned(answer)
                assert answer.body["search"]["offset"] == offset
                offset = answer.body["search"]["next_offset"]
            assert found == unsigned(whole)
            assert len(found) == whole.body["search"]["products_matching"]
            assert whole.body["search"]["next_offset"] is None

    def test_beyond_the_end_there_is_nothing(self, api: Api) -> None:
        for answer in both(api, ("offset", "300")):
            assert (answer.status, answer.body["results"], answer.body["search"]["next_offset"]) == (200, [], None)

    @pytest.mark.parametrize(("k", "offset"), [("1", "500"), ("100", "401"), ("5", "-1"), ("5", "x"), ("5", "")])
    def test_places_end_at_the_limit(self, api: Api, k: str, offset: str) -> None:
        for answer in both(api, ("k", k), ("offset", offset)):
            assert (answer.status, answer.problem) == (400, "bad-parameter")
            assert "offset" in answer.body["detail"]
        assert api.search(photo("new"), query=[("k", "100"), ("offset", "400")]).status == 200

    def test_the_last_page_within_the_limit_leads_to_none(self, api: Api) -> None:
        api.fill(*(put_row(f"images/more {number}.jpg", photo(f"more {number}")) for number in range(520)))
        for offset, following in (("300", 400), ("400", None)):
            answer = api.search(photo("new"), query=[("k", "100"), ("offset", offset)])
            assert len(answer.body["results"]) == 100
            assert answer.body["search"]["next_offset"] == following


class TestMaxDistance:
    def test_farther_products_are_no_results(self, api: Api) -> None:
        every = unsigned(api.search(photo("new"), k="100"))
        limit = every[6]["distance"]
        for text in (repr(limit), f"{limit:.30f}1", f"{limit * 10!r}e-1"):
            near = api.search(photo("new"), k="100", query=[("max_distance", text)])
            assert unsigned(near) == every[:7]
            assert near.body["search"]["next_offset"] is None
        assert near.body["search"]["products_matching"] == 28, "at any distance"

    @pytest.mark.parametrize("text", ["", "-1", "nan", "inf", "1e999", "1e", "near", "1,5", "9" * 400])
    def test_what_is_no_distance_is_refused(self, api: Api, text: str) -> None:
        for answer in both(api, ("max_distance", text)):
            assert (answer.status, answer.problem) == (400, "bad-parameter")
            assert "max_distance must be a number" in answer.body["detail"]


def test_a_parameter_that_is_given_twice_is_refused(api: Api) -> None:
    for answer in both(api, ("k", "5"), ("k", "6")):
        assert (answer.status, answer.problem) == (400, "bad-parameter")
        assert "k is given 2 times" in answer.body["detail"]


class TestFacets:
    def test_values_are_counted_under_the_filters_of_the_other_attributes(self, api: Api) -> None:
        body = api.get("/api/facets", query=[("filter", "colour:Red")]).body
        shown = [values for look, values in DATA.items() if look not in (LOOKS[4], LOOKS[5])]
        red = [values for values in shown if values["colour"] == "Red"]
        assert body["products"] == len(red)
        facets = {facet["attribute"]: facet for facet in body["facets"]}
        prices = [values["price"] for values in red]
        assert facets["price"] == {
            "attribute": "price", "kind": "number", "min": min(prices), "max": max(prices), "count": len(red)
        }  # fmt: skip
        for attribute, counted in (("colour", shown), ("brand", red)):
            counts = {item["value"]: item["count"] for item in facets[attribute]["values"]}
            expected = [values[attribute] for values in counted]
            assert counts == {value: expected.count(value) for value in expected}
        assert facets["sizes"]["kind"] == "list"
        assert not {"name", "link"} & facets.keys()

    def test_products_are_those_that_a_search_ranks(self, api: Api) -> None:
        for filters in ([], [("filter", "price:..15")]):
            searched = api.search(photo("new"), query=filters)
            assert (
                api.get("/api/facets", query=filters).body["products"] == searched.body["search"]["products_matching"]
            )

    @pytest.mark.parametrize("rows", [[], [reject_row("images/a.jpg")], [put_row("images/red.jpg", photo("red"))]])
    def test_a_catalogue_without_data_has_none(self, monkeypatch: pytest.MonkeyPatch, rows: list[Any]) -> None:
        body = query_function(monkeypatch, rows=rows).get("/api/facets").body
        assert body["facets"] == []


def test_an_answer_that_lambda_could_not_send_is_refused_in_words(api: Api) -> None:
    """Six million bytes; texts of a product are cut at 5,000 characters by ingest."""
    long = {f"text {number}": "ü" * 5000 for number in range(10)}
    api.put_data(data_file("products/long.csv", dict.fromkeys(LOOKS, long)))
    api.fill(*(put_row(f"images/more {number}.jpg", photo(f"more {number}")) for number in range(60)))
    api.put_data(data_file("products/longer.csv", {f"more {number}": long for number in range(60)}))
    for answer in both(api, ("k", "100")):
        assert (answer.status, answer.problem) == (400, "bad-parameter")
        assert "Ask for fewer" in answer.body["detail"]
    assert [answer.status for answer in both(api, ("k", "20"))] == [200, 200]
