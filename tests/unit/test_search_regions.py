"""Searching with a crop of a photo, and with windows of it."""

from collections.abc import Iterable
from typing import Any

import pytest

from lookalike.compaction.compact import compact
from lookalike.compaction.policy import Policy
from lookalike.errors import UndecodableImage
from lookalike.photos.regions import WHOLE, Region, with_windows
from lookalike.search.match import Match, match_scale
from lookalike.search.products import Page, Regions, Results, search
from lookalike.search.view import ProductView
from lookalike.store.object_store import MemoryStore
from lookalike.store.reader import SnapshotReader
from lookalike.store.snapshot import Snapshot
from tests.support.fakes import LAYOUT, FakeEmbedder, fill, photo, put_row, region_name


def showing(whole: str, **shown: str) -> bytes:
    """A photo that shows other looks in some windows: for ``FakeEmbedder``."""
    parts = [region_name(WINDOWS[name]) + b"=" + photo(look) for name, look in shown.items()]
    return b"|".join([photo(whole), *parts])


def catalogue(looks: Iterable[str]) -> Snapshot:
    """A product of each look; its id is the number in it."""
    store = MemoryStore()
    fill(store, [put_row(f"images/{look.removeprefix('look ')}.jpg", photo(look)) for look in looks])
    compact(store, Policy())
    return SnapshotReader(store, layout=LAYOUT).refresh()


WINDOWS = {f"window{number}": window for number, window in enumerate(with_windows(WHOLE)[1:])}


class TestRegions:
    """Forty looks, one product each, of which matches can be judged."""

    @pytest.fixture
    def shop(self) -> Snapshot:
        return catalogue(f"look {look}" for look in range(40))

    def search(self, shop: Snapshot, data: bytes, **options: Any) -> tuple[Results, list[int]]:
        """The results, and the number of regions in each call of the embedder."""
        embedder = FakeEmbedder()
        return search(ProductView.of(shop), embedder, data, Page(3), **options), embedder.batches  # type: ignore[arg-type]

    def test_a_crop_is_searched_alone(self, shop: Snapshot) -> None:
        crop = Region(0.5, 0.25, 0.5, 0.5)
        data = photo("look 1") + b"|" + region_name(crop) + b"=" + photo("look 7")
        results, batches = self.search(shop, data, crop=crop)
        assert results.neighbours[0].product_id == "7"
        assert results.regions == (crop,)
        assert batches == [1]

    def test_windows_are_searched_with_the_whole_photo_and_the_nearest_counts(self, shop: Snapshot) -> None:
        results, batches = self.search(shop, showing("look 3", window1="look 7"), regions=Regions.AUTO)
        assert {found.product_id for found in results.neighbours[:2]} == {"3", "7"}
        assert {results.regions[found.query] for found in results.neighbours[:2]} == {WHOLE, WINDOWS["window1"]}
        assert results.regions == with_windows(WHOLE)
        assert (results.query_photos, results.query_photos_skipped) == (1, 0)
        assert batches == [len(WINDOWS) + 1]

    def test_windows_are_searched_where_the_whole_photo_finds_weak_matches_only(self, shop: Snapshot) -> None:
        far = next(look for look in map(str, range(1000)) if self.is_weak(shop, photo(look)))
        results, batches = self.search(shop, showing(far, window2="look 7"))
        assert results.neighbours[0].product_id == "7"
        assert results.regions[results.neighbours[0].query] == WINDOWS["window2"]
        assert results.regions == with_windows(WHOLE)
        assert batches == [1, len(WINDOWS)]

    def test_windows_are_not_searched_where_the_whole_photo_is_enough(self, shop: Snapshot) -> None:
        results, batches = self.search(shop, showing("look 3", window2="look 7"))
        assert results.neighbours[0].product_id == "3"
        assert results.regions == (WHOLE,)
        assert batches == [1]

    @pytest.mark.parametrize("options", [{"regions": Regions.WHOLE}, {"crop": Region(0, 0, 0.9, 1)}])
    def test_windows_are_not_searched_unasked_in_a_crop_or_where_the_whole_is_asked_for(
        self, shop: Snapshot, options: dict[str, Any]
    ) -> None:
        far = next(look for look in map(str, range(1000)) if self.is_weak(shop, photo(look), **options))
        results, batches = self.search(shop, showing(far, window2="look 7"), **options)
        assert len(results.regions) == 1
        assert batches == [1]

    def test_windows_of_a_crop_lie_in_it(self, shop: Snapshot) -> None:
        crop = Region(0.5, 0.25, 0.5, 0.5)
        results, _ = self.search(shop, photo("look 1"), crop=crop, regions=Regions.AUTO)
        assert results.regions == with_windows(crop)

    def test_windows_that_cannot_be_used_are_left_out(self, shop: Snapshot) -> None:
        window = WINDOWS["window0"]
        data = photo("look 3") + b"|" + region_name(window) + b"=broken"
        results, _ = self.search(shop, data, regions=Regions.AUTO)
        assert window not in results.regions
        assert len(results.regions) == len(WINDOWS)
        assert results.neighbours[0].product_id == "3"

    def test_a_crop_that_cannot_be_used_is_an_error(self, shop: Snapshot) -> None:
        crop = Region(0.5, 0.25, 0.5, 0.5)
        with pytest.raises(UndecodableImage):
            self.search(shop, photo("look 3") + b"|" + region_name(crop) + b"=broken", crop=crop)

    def test_a_catalogue_too_small_to_judge_matches_is_searched_with_the_whole_photo(self) -> None:
        embedder = FakeEmbedder()
        search(ProductView.of(catalogue(["a"])), embedder, photo("far"), Page(1))  # type: ignore[arg-type]
        assert embedder.batches == [1]

    def is_weak(self, shop: Snapshot, data: bytes, **options: Any) -> bool:
        results, _ = self.search(shop, data, **{"regions": Regions.WHOLE, **options})
        scale = match_scale(shop.neighbours, shop.layout.weights)
        assert scale
        return scale.match(results.neighbours[0].distance) is Match.WEAK
