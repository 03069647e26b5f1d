"""What the query function does beside answering: it starts, is frozen and restored by SnapStart, measures, and logs."""

import json
import os
import random
import subprocess
import sys
import threading
import time
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from lookalike.compaction.compact import compact
from lookalike.compaction.policy import Policy
from lookalike.store import names
from lookalike.store.object_store import ObjectStore
from lookalike.store.products import PRODUCTS
from lookalike.store.products.product_reader import ProductReader
from lookalike.store.reader import SnapshotReader
from lookalike.store.wrappers import WrapperStore
from tests.support import functions
from tests.support.api import Api, query_function
from tests.support.fakes import Clock, data_file, photo, put_row
from tests.support.stores import LatencyStore

# Most requests count nothing; Powertools warns of that, and the function says it need not.
pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish")


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    return query_function(monkeypatch, rows=[put_row("images/red.jpg", photo("red"))])


def products(api: Api, look: str) -> list[str]:
    return [result["product_id"] for result in api.search(photo(look)).body["results"]]


def start(api: Api, initialization: str) -> None:
    api.app.lifecycle.start(api.app._services(), initialization)


class TestStart:
    """What Lambda has a process do beside answering: start, be frozen by SnapStart, wake up as a copy."""

    @pytest.fixture
    def hooks(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
        """What Lambda's runtime would call, in place of its own lists."""
        registered: dict[str, list[Any]] = {"before": [], "after": []}
        monkeypatch.setattr("snapshot_restore_py.register_before_snapshot", registered["before"].append)
        monkeypatch.setattr("snapshot_restore_py.register_after_restore", registered["after"].append)
        return registered

    def test_the_catalogue_is_there_before_the_first_request(
        self, api: Api, monkeypatch: pytest.MonkeyPatch, hooks: dict[str, list[Any]]
    ) -> None:
        monkeypatch.setenv("MAX_STALENESS_S", "60")
        start(api, "on-demand")
        api.store.down = {"get", "list"}

        assert products(api, "red")[0] == "red"
        assert hooks == {"before": [], "after": []}

    def test_a_store_out_of_reach_does_not_keep_the_function_from_starting(
        self, api: Api, monkeypatch: pytest.MonkeyPatch, hooks: dict[str, list[Any]]
    ) -> None:
        api.store.down = {"get", "list"}
        start(api, "snap-start")

        assert api.search(photo("red")).status == 503
        api.store.down = set()
        assert api.search(photo("red")).status == 200

    def test_a_store_that_is_slow_is_given_up_in_the_end(
        self, api: Api, monkeypatch: pytest.MonkeyPatch, hooks: dict[str, list[Any]], caplog: pytest.LogCaptureFixture
    ) -> None:
        slow = [LatencyStore(store, request_s=0.1) for store in (api.data_store, api.store)]
        monkeypatch.setattr(api.app.lifecycle, "S3Store", lambda *given: slow[given[2] != PRODUCTS])
        monkeypatch.setattr(api.app.lifecycle, "_AHEAD_S", 0.15)
        start(api, "on-demand")
        assert "could not be read ahead" in caplog.text

        assert products(api, "red")[0] == "red", "a request is more patient"

    def test_a_restored_copy_asks_for_what_is_new(
        self, api: Api, monkeypatch: pytest.MonkeyPatch, hooks: dict[str, list[Any]]
    ) -> None:
        monkeypatch.setenv("MAX_STALENESS_S", "60")
        start(api, "snap-start")
        (before,), (after,) = hooks["before"], hooks["after"]
        before()
        api.fill(put_row("images/new.jpg", photo("new")))
        assert "new" not in products(api, "new")  # fresh enough by the reader's clock

        after()
        assert products(api, "new")[0] == "new"

    def test_a_restored_copy_that_cannot_ask_asks_again(
        self, api: Api, monkeypatch: pytest.MonkeyPatch, hooks: dict[str, list[Any]]
    ) -> None:
        monkeypatch.setenv("MAX_STALENESS_S", "60")
        start(api, "snap-start")
        hooks["after"][0]()
        api.store.down = {"get", "list"}
        assert api.search(photo("red")).status == 503

        api.store.down = set()
        api.fill(put_row("images/new.jpg", photo("new")))
        assert products(api, "new")[0] == "new"

    @pytest.mark.parametrize("is_ahead", [True, False])
    def test_product_data_is_read_beside_the_photos(
        self, api: Api, monkeypatch: pytest.MonkeyPatch, hooks: dict[str, list[Any]], is_ahead: bool
    ) -> None:
        """Two stores and one wait: neither store answers its first request until the other one is asked."""
        meeting = threading.Barrier(2, timeout=10)
        photos, data = (MeetingStore(store, meeting) for store in (api.store, api.data_store))
        monkeypatch.setattr(api.app.lifecycle, "S3Store", lambda *given: data if given[2] == PRODUCTS else photos)
        if is_ahead:
            start(api, "on-demand")
        assert products(api, "red")[0] == "red"
        assert not meeting.broken

    def test_product_data_is_there_before_the_first_request(
        self, api: Api, monkeypatch: pytest.MonkeyPatch, hooks: dict[str, list[Any]]
    ) -> None:
        monkeypatch.setenv("MAX_STALENESS_S", "60")
        api.put_data(data_file("products/feed.csv", {"red": {"name": "Red"}}))
        start(api, "on-demand")
        api.store.down = api.data_store.down = {"get", "list"}
        assert api.search(photo("red")).body["results"][0]["name"] == "Red"

    @pytest.mark.parametrize("is_data", [True, False])
    def test_a_restored_copy_asks_both_stores(
        self, api: Api, monkeypatch: pytest.MonkeyPatch, hooks: dict[str, list[Any]], is_data: bool
    ) -> None:
        monkeypatch.setenv("MAX_STALENESS_S", "60")
        start(api, "snap-start")
        hooks["after"][0]()
        (api.data_store if is_data else api.store).down = {"list"}
        assert api.search(photo("red")).status == 503
        api.data_store.down = api.store.down = set()
        api.put_data(data_file("products/feed.csv", {"red": {"name": "Red"}}))
        assert api.search(photo("red")).body["results"][0]["name"] == "Red"

    def test_copies_do_not_draw_the_same_delays(
        self, api: Api, monkeypatch: pytest.MonkeyPatch, hooks: dict[str, list[Any]]
    ) -> None:
        start(api, "snap-start")
        drawn = []
        for _ in range(2):
            random.seed(0)  # as every copy of one snapshot is
            hooks["after"][0]()
            drawn.append(random.random())
        assert drawn[0] != drawn[1]

    def test_no_connection_is_frozen(
        self, api: Api, monkeypatch: pytest.MonkeyPatch, hooks: dict[str, list[Any]]
    ) -> None:
        start(api, "snap-start")
        done: list[str] = []
        monkeypatch.setattr(api.app._services().reader, "finish_loading", lambda timeout_s: done.append("settled"))
        monkeypatch.setattr(api.app._services().client, "close", lambda: done.append("closed"))
        hooks["before"][0]()
        assert done == ["settled", "closed"], "who still reads in the background would open one again"


class TestOutage:
    """What a warm function answers while S3 is out of reach, or holds something damaged."""

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def warm(self, api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Api:
        """A function that has answered a hundred seconds ago."""
        for reader in (SnapshotReader, ProductReader):
            monkeypatch.setattr(api.app.lifecycle, reader.__name__, partial(reader, clocks=(clock,)))
        monkeypatch.setenv("GRACE_S", "900")
        assert api.search(photo("red")).status == 200
        clock.now_s += 100
        capsys.readouterr()
        return api

    def test_answers_go_on_and_say_how_old_they_are(self, warm: Api, capsys: pytest.CaptureFixture[str]) -> None:
        warm.store.down = {"get", "list"}
        searched = warm.search(photo("red"))
        warm.fill(put_row("images/red/2.jpg", photo("red", 2)))
        product = warm.get("/api/products/{product_id}", "red")
        health = warm.get("/api/health")

        assert searched.body["results"][0]["product_id"] == "red"
        assert searched.body["search"]["snapshot_age_s"] == health.body["snapshot_age_s"] == 100
        assert health.body["status"] == "stale"
        assert product.body["photos_total"] == 1
        assert {answer.headers["lookalike-snapshot-age"] for answer in (searched, product, health)} == {"100"}
        (age,) = (
            sent["SnapshotAge"] for sent in functions.sent_metrics(capsys.readouterr().out) if "SnapshotAge" in sent
        )
        assert age == [100]

    def test_prices_stay_while_product_data_is_out_of_reach_and_photos_are_not(self, warm: Api, clock: Clock) -> None:
        warm.put_data(data_file("products/feed.csv", {"red": {"price": 5.0}}))
        assert warm.search(photo("red")).body["results"][0]["price"] == 5
        clock.now_s += 100
        warm.data_store.down = {"get", "list"}
        warm.fill(put_row("images/new.jpg", photo("new")))
        searched, health = warm.search(photo("new")), warm.get("/api/health")

        assert products(warm, "new")[0] == "new"
        assert warm.search(photo("red")).body["results"][0]["price"] == 5
        assert searched.body["search"]["snapshot_age_s"] == health.body["snapshot_age_s"] == 100
        assert (health.body["status"], searched.headers["lookalike-snapshot-age"]) == ("stale", "100")

    def test_without_product_data_that_is_new_enough_there_is_no_answer(self, warm: Api, clock: Clock) -> None:
        """An answer without it could show what is out of stock, or an old price."""
        warm.data_store.down = {"list"}
        clock.now_s += 900
        answer = warm.search(photo("red"))
        assert (answer.status, answer.problem) == (503, "store-unavailable")
        warm.data_store.down = set()
        assert warm.search(photo("red")).status == 200

    def test_beyond_the_grace_period_they_end_and_come_back_with_s3(self, warm: Api, clock: Clock) -> None:
        warm.store.down = {"get", "list"}
        clock.now_s += 900
        answer = warm.search(photo("red"))
        assert (answer.status, answer.problem) == (503, "store-unavailable")

        warm.store.down = set()
        answer = warm.search(photo("red"))
        assert (answer.status, answer.body["search"]["snapshot_age_s"]) == (200, 0)
        assert warm.get("/api/health").body["status"] == "ok"

    def test_a_restored_copy_does_not_answer_from_what_it_held(self, warm: Api) -> None:
        warm.app._services().after_restore()
        warm.store.down = {"get", "list"}
        assert warm.search(photo("red")).status == 503

    @pytest.mark.parametrize("is_damaged", [True, False])
    def test_an_operator_reads_whether_s3_is_away_or_an_object_is_damaged(
        self, warm: Api, caplog: pytest.LogCaptureFixture, is_damaged: bool
    ) -> None:
        if is_damaged:
            warm.store.put_if_absent(names.new_log_segment(b"what was written"), b"nonsense")
        else:
            warm.store.down = {"list"}
        assert products(warm, "red")[0] == "red"
        (record,) = (record for record in caplog.records if record.message == "answers come from an old snapshot")
        assert record.levelname == "ERROR"
        assert record.__dict__["kind"] == ("CorruptObject" if is_damaged else "StoreUnavailable")


class TestCollectedSegments:
    """Compaction may collect a segment between a refresh and a search, where its embeddings are read from S3."""

    @pytest.fixture
    def store(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> Api:
        monkeypatch.setattr("lookalike.store.reader._READ_AT_ONCE_BYTES", 1000)
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1")  # embeddings stay in the store
        monkeypatch.setenv("MAX_STALENESS_S", "60")
        append_and_compact(api, "first")
        assert api.search(photo("red")).body["search"]["bytes_read"] > 0
        return api

    @pytest.mark.parametrize("route", ["search", "similar"])
    def test_the_newest_catalogue_is_searched_instead(self, store: Api, route: str) -> None:
        for batch in ("second", "third"):
            append_and_compact(store, batch)

        answer = (
            store.search(photo("third", 5))
            if route == "search"
            else store.get("/api/products/{product_id}/similar", "first 5")
        )

        assert (answer.status, answer.body["search"]["photos"]) == (200, 181)

    def test_a_segment_that_is_gone_for_good_is_an_outage(self, store: Api) -> None:
        for entry in store.store.list("segments/"):
            store.store.delete(entry.name)
        answer = store.search(photo("red"))
        assert (answer.status, answer.problem) == (503, "store-unavailable")


def test_a_refresh_costs_a_shop_without_product_data_one_request_more(api: Api) -> None:
    def requests() -> int:
        return int(api.search(photo("red")).body["search"]["requests"])

    requests()
    assert requests() == 2 + 1, "photos are two listings"
    api.data_store.put_if_absent("a folder of somebody else/", b"")
    assert requests() == 2 + 3, "the product data is looked for in earnest"
    api.data_store.delete("a folder of somebody else/")
    api.put_data(data_file("products/feed.csv", {"red": {"name": "Red"}}))
    assert api.search(photo("red")).body["results"][0]["name"] == "Red"
    assert requests() == 2 + 2


class MeetingStore(WrapperStore):
    """A store whose first call waits for the first call of another one."""

    def __init__(self, inner: ObjectStore, meeting: threading.Barrier) -> None:
        super().__init__(inner)
        self._meeting: threading.Barrier | None = meeting

    def begin(self, call: str, name: str) -> None:
        meeting, self._meeting = self._meeting, None
        if meeting:
            meeting.wait()


def append_and_compact(api: Api, batch: str) -> None:
    """Sixty photos, merged with those before; segments that are replaced are collected at once."""
    api.fill(*(put_row(f"images/{batch} {number}.jpg", photo(batch, number)) for number in range(60)))
    for _ in range(2):
        compact(api.store, Policy(fanout=2, garbage_share=1.0, grace_s=-1, orphan_s=-1))


def test_a_search_is_measured_where_the_alarms_look(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.get("/api/health")  # the model's drift is measured before
    capsys.readouterr()
    api.search(photo("red"))

    (measured,) = functions.sent_metrics(capsys.readouterr().out)
    assert measured["LogSegments"] == [1]  # as the rows were put, all at once
    assert 0 <= measured["LogAge"][0] < 60
    assert measured["SearchTime"][0] > 0
    (directive,) = measured["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == functions.ENVIRONMENT["POWERTOOLS_METRICS_NAMESPACE"]
    assert directive["Dimensions"] == [["service"]]
    assert measured["service"] == "query"


def test_the_age_of_the_log_is_that_of_the_batch_that_waits_longest(
    api: Api, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seconds since it was appended; none once compaction has folded it."""
    began = time.time()
    monkeypatch.setattr("time.time", lambda: began + 5000)
    api.fill(put_row("images/new.jpg", photo("new")))
    monkeypatch.setattr("time.time", lambda: began + 7200)
    api.search(photo("red"))
    compact(api.store, Policy())
    api.search(photo("red"))

    sent = functions.sent_metrics(capsys.readouterr().out)
    ages = [measured["LogAge"][0] for measured in sent if "LogAge" in measured]
    assert ages == [pytest.approx(7200, abs=60), 0]


def test_the_drift_of_the_model_is_told_once(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        api.get("/api/health")

    (measured,) = functions.sent_metrics(capsys.readouterr().out)
    assert (measured["ModelDrift"], measured["service"]) == ([0.25], "embedder")
    (directive,) = measured["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == functions.ENVIRONMENT["POWERTOOLS_METRICS_NAMESPACE"]
    assert directive["Dimensions"] == [["service"]]
    assert directive["Metrics"] == [{"Name": "ModelDrift", "Unit": "None"}]


def test_a_model_without_a_recorded_probe_is_served(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.embedder.spec = SimpleNamespace(**vars(api.embedder.spec) | {"probe": None})
    assert api.get("/api/health").status == 200
    assert functions.sent_metrics(capsys.readouterr().out) == []


def test_warnings_of_the_package_are_json_like_the_function_s_own() -> None:
    """In a process of its own, as what a process logs is set up once."""
    code = """
import logging, app
logging.getLogger("lookalike.store.reader").warning("embeddings were not made resident: %s", "S3 is away")
app.logger.warning("of the function")
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(functions.ROOT / "functions" / "query")}
        | dict(functions.ENVIRONMENT),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    library, own = map(json.loads, done.stdout.splitlines())
    assert (library["level"], library["message"]) == ("WARNING", "embeddings were not made resident: S3 is away")
    assert library["name"] == "lookalike.store.reader"
    assert library["service"] == own["service"] == "query"
    assert done.stderr == ""
