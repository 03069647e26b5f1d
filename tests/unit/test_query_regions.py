"""What the HTTP API takes and says of regions of the query photo."""

from collections.abc import Sequence

import numpy as np
import pytest

from lookalike.errors import ImageError
from lookalike.photos import images
from lookalike.photos.regions import WHOLE, Region, with_windows
from tests.support.api import Api, query_function
from tests.support.fakes import embedding_of, photo, put_row, region_name
from tests.support.photo_files import png

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish")
CROP = Region(0.5, 0.25, 0.5, 0.5)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    return query_function(monkeypatch, rows=[put_row(f"images/{look}.jpg", photo(look)) for look in ("red", "blue")])


def showing(whole: str, region: Region, look: str) -> bytes:
    return photo(whole) + b"|" + region_name(region) + b"=" + photo(look)


def test_a_crop_is_searched_in_place_of_the_whole_photo(api: Api) -> None:
    found = api.search(showing("red", CROP, "blue"), query={"crop": "0.5,0.25,0.5,0.5"})
    assert found.body["results"][0]["product_id"] == "blue"
    assert found.body["results"][0]["region"] == [0.5, 0.25, 0.5, 0.5]
    assert found.body["search"]["regions"] == [[0.5, 0.25, 0.5, 0.5]]


def test_an_answer_says_in_which_region_each_product_was_found(api: Api) -> None:
    window = with_windows(WHOLE)[2]
    found = api.search(showing("red", window, "blue"), query={"regions": "auto"})
    regions = {result["product_id"]: result["region"] for result in found.body["results"]}
    assert regions == {"red": None, "blue": window.as_numbers()}
    assert found.body["search"]["regions"] == [region.as_numbers() for region in with_windows(WHOLE)]
    assert found.body["search"]["query_photos"] == 1


def test_a_whole_photo_is_a_region_without_a_name(api: Api) -> None:
    found = api.search(photo("red"), query={"regions": "whole"})
    assert [result["region"] for result in found.body["results"]] == [None, None]
    assert found.body["search"]["regions"] == [[0, 0, 1, 1]]


def test_neighbours_of_a_product_have_no_regions(api: Api) -> None:
    found = api.get("/api/products/{product_id}/similar", "red")
    assert [result["region"] for result in found.body["results"]] == [None]
    assert found.body["search"]["regions"] == []


@pytest.mark.parametrize("name", ["crop", "regions"])
def test_neighbours_of_a_product_take_no_crop(api: Api, name: str) -> None:
    asked = api.get("/api/products/{product_id}/similar", "red", query={name: "whole"})
    assert (asked.status, asked.problem) == (400, "bad-parameter")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"crop": "0,0,1"}, "four numbers"),
        ({"crop": "0.5,0,0.6,1"}, "x + w must be at most 1"),
        ({"crop": "0,0,0,1"}, "w must be above 0"),
        ({"crop": ""}, "four numbers"),
        ({"regions": "all"}, "auto, whole"),
    ],
)
def test_what_is_no_region_is_refused_before_the_photo_is_looked_at(api: Api, query: dict[str, str], said: str) -> None:
    asked = api.search(b"", query=query)
    assert (asked.status, asked.problem) == (400, "bad-parameter")
    assert said in asked.body["detail"]
    assert api.embedder.batches == []


def test_a_crop_of_a_few_pixels_is_refused(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def embed_regions(data: bytes, regions: Sequence[Region]) -> list[np.ndarray | ImageError]:
        images.decode_regions(data, regions, size=8)
        return [embedding_of(data) for _ in regions]

    monkeypatch.setattr(api.embedder, "embed_regions", embed_regions)
    data = png(np.zeros((100, 100, 3), int), 2, 8)
    asked = api.search(data, query={"crop": "0,0,0.1,1"})
    assert (asked.status, asked.problem) == (400, "crop-too-small")
    assert "10 of the photo's pixels" in asked.body["detail"]
    assert api.search(data, query={"crop": "0,0,0.2,1"}).status == 200
