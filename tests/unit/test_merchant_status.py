"""The commands `status`, `rejected` and `retry` of `scripts.catalogue`: what is told, and what goes into the queue."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from lookalike.compaction.compact import compact
from lookalike.photos.catalogue import parse_notification
from lookalike.store.object_store import MemoryStore
from lookalike.store.records import Op, order_of
from scripts import catalogue
from scripts.merchant import shop as shop_module
from scripts.merchant.retry import notification
from tests.support.fakes import fill, photo, put_row, reject_row
from tests.support.shop import DEAD, QUEUE, FakeShop

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> FakeShop:
    shop = FakeShop()
    monkeypatch.setattr(shop_module, "Shop", lambda _: shop)
    return shop


@pytest.fixture
def run(shop: FakeShop, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str) -> tuple[int, str]:
        code = catalogue.main(list(words))
        told = capsys.readouterr()
        return code, told.out if not code else told.err

    return run


def status(run: Run) -> dict[str, Any]:
    code, told = run("status", "--json")
    assert code == 0
    found: dict[str, Any] = json.loads(told)
    return found


def filled(shop: FakeShop) -> None:
    """Three photos of which one is refused, one that was deleted, and one that no event has come of."""
    for key in ("images/1.jpg", "images/2.jpg", "images/3.jpg", "images/new.jpg"):
        shop.put(key)
    now = shop.now_ms
    assert shop.store is not None
    rows = [put_row("images/1.jpg", photo("red"), time_ms=now), reject_row("images/2.jpg", time_ms=now)]
    fill(shop.store, [*rows, put_row("images/gone.jpg", photo("grey"), time_ms=now)])
    order = order_of(sequencer=None, time_ms=now + 1, op=Op.DELETE)
    gone = put_row("images/gone.jpg", photo("grey"), time_ms=now)
    compact(shop.store)
    fill(shop.store, [put_row("images/3.jpg", photo("blue"), time_ms=now)])
    fill(shop.store, [type(gone)(gone.key, gone.product_id, order, Op.DELETE)])


def event_of(key: str, *, removed: bool = False) -> str:
    kind = "ObjectRemoved:Delete" if removed else "ObjectCreated:Put"
    item = {"bucket": {"name": "catalogue"}, "object": {"key": key}}
    return json.dumps({"Records": [{"eventName": kind, "eventTime": "2026-03-02T10:15:30.123Z", "s3": item}]})


def test_status_counts_photos_by_what_became_of_them(shop: FakeShop, run: Run) -> None:
    filled(shop)
    found = status(run)
    assert found["photos"] == {"in_bucket": 4, "pending": 1}
    store = found["store"]
    assert (store["searchable"], store["rejected"], store["snapshot"]) == (2, 1, "1+2")
    assert 0 <= store["last_change_s"] <= store["last_compaction_s"] < 60
    assert "pending 1, rejected 1" in run("status")[1]


def test_status_of_a_new_catalogue(shop: FakeShop, run: Run) -> None:
    shop.store = None
    shop.put("images/1.jpg")
    found = status(run)
    assert found["photos"] == {"in_bucket": 1, "pending": 1}
    assert (found["store"]["searchable"], found["store"]["last_compaction_s"]) == (0, None)
    assert "last compaction never" in run("status")[1]
    shop.store = MemoryStore()
    assert status(run)["store"]["last_change_s"] is None


def test_status_tells_of_data_files(shop: FakeShop, run: Run) -> None:
    shop.take_in("products/a.csv", "id,name,price\n1,Shirt,10\n2,Hat,dear\n,none,1\n")
    shop.refuse("products/b.csv", "not-a-table", "b.csv is a photo.")
    shop.put("products/c.csv", b"id\n")
    shop.put("products/", b"")
    files = {file["key"]: file for file in status(run)["data_files"]}
    assert {key: file["status"] for key, file in files.items()} == {
        "products/a.csv": "searchable",
        "products/b.csv": "rejected",
        "products/c.csv": "pending",
    }
    assert files["products/a.csv"]["bad_rows"] == 2
    assert "b.csv: rejected: b.csv is a photo." in run("status")[1]


def test_status_says_what_dead_letters_are_and_leaves_them(shop: FakeShop, run: Run) -> None:
    letters = [event_of("images/a+b.jpg"), event_of("products/x.csv", removed=True), "no event"]
    shop.sqs.queues[DEAD] += letters
    shop.sqs.queues[QUEUE] += ["waiting"] * 3
    found = status(run)["queue"]
    assert (found["waiting"], found["dead_letters"]) == (3, 3)
    assert [letter["told"] for letter in found["some_dead_letters"]] == [
        "images/a b.jpg created",
        "products/x.csv deleted",
        "no event of the catalogue: 'no event'",
    ]
    assert sorted(shop.sqs.queues[DEAD]) == sorted(letters)


def test_what_was_rejected_is_listed_with_reasons(shop: FakeShop, run: Run) -> None:
    filled(shop)
    shop.take_in("products/a.csv", "id,name,price\n1,Shirt,10\n2,Hat,dear\n,none,1\n")
    shop.refuse("products/b.csv", "not-a-table", "b.csv is a photo.")
    code, told = run("rejected", "--csv")
    assert code == 0
    rows = list(csv.DictReader(io.StringIO(told)))
    assert [(row["kind"], row["key"], row["product_id"], row["line"], row["code"]) for row in rows] == [
        ("photo", "images/2.jpg", "2", "", "undecodable-image"),
        ("file", "products/b.csv", "", "", "not-a-table"),
        ("row", "products/a.csv", "2", "3", rows[2]["code"]),
        ("row", "products/a.csv", "", "4", "no-id"),
    ]
    assert "dear" in rows[2]["reason"]
    assert "Rejected: 1 photo, 1 file, 2 rows." in run("rejected")[1]


def test_retry_sends_events_that_come_after_the_refusal(shop: FakeShop, run: Run) -> None:
    filled(shop)
    shop.refuse("products/b.csv", "not-a-table", "b.csv is a photo.")
    shop.sqs.queues[DEAD] += [event_of("images/9.jpg")]
    assert run("retry", "--all", "--dry-run") == (
        0,
        "2 rejected objects and 1 dead letter would go into the queue.\n",
    )
    assert (shop.sqs.queues[QUEUE], len(shop.sqs.queues[DEAD])) == ([], 1)
    assert run("retry", "--all")[0] == 0
    events = [event for body in shop.sqs.queues[QUEUE] for event in parse_notification(body)]
    assert [event.key for event in events] == ["images/2.jpg", "products/b.csv", "images/9.jpg"]
    assert shop.sqs.queues[DEAD] == []
    refused = reject_row("images/2.jpg", time_ms=shop.now_ms).order
    assert order_of(sequencer=None, time_ms=events[0].time_ms, op=Op.PUT) > refused


@pytest.mark.parametrize("sequencer", [None, "0069A5649A1E0C3B27", "69a5649a1e0c3b2"])
@pytest.mark.parametrize("time_ms", [1_772_446_530_123, 1_772_446_530_999, 1_772_446_530_000, 1])
@pytest.mark.parametrize("key", ["images/1.jpg", "images/Größe 42 & more=?#+%.jpg", "images//毛衣/a.jpg"])
def test_another_try_comes_after_the_refusal_and_before_every_later_event(
    key: str, time_ms: int, sequencer: str | None
) -> None:
    refused = order_of(sequencer=sequencer, time_ms=time_ms, op=Op.REJECT, content=b"x")
    (event,) = parse_notification(notification("catalogue", key, refused))
    assert (event.key, event.bucket, event.removed) == (key, "catalogue", False)
    again = order_of(sequencer=event.sequencer, time_ms=event.time_ms, op=Op.PUT, content=b"x")
    later = order_of(
        sequencer=None if sequencer is None else f"{int(sequencer, 16) + 1:0{len(sequencer)}X}",
        time_ms=time_ms + 1000,
        op=Op.PUT,
    )
    assert refused < again < later


def test_retry_of_keys_takes_these_alone(shop: FakeShop, run: Run) -> None:
    filled(shop)
    letters = [event_of("images/8.jpg"), event_of("images/9.jpg")]
    shop.sqs.queues[DEAD] += letters
    assert run("retry", "images/9.jpg")[0] == 0
    assert shop.sqs.queues[QUEUE] == letters[1:]
    assert shop.sqs.queues[DEAD] == letters[:1]
    code, told = run("retry", "images/2.jpg", "images/1.jpg", "images/none.jpg")
    assert (code, "images/1.jpg, images/none.jpg" in told) == (2, True)
    assert len(shop.sqs.queues[QUEUE]) == 2


def test_retry_of_dead_letters_leaves_refusals_alone(shop: FakeShop, run: Run) -> None:
    filled(shop)
    letters = [event_of(f"images/{number}.jpg") for number in range(25)] + ["no event"]
    shop.sqs.queues[DEAD] += letters
    assert run("retry", "--dead-letters")[0] == 0
    assert (shop.sqs.queues[QUEUE], shop.sqs.queues[DEAD]) == (letters, [])


def test_no_dead_letter_is_lost_or_doubled_where_the_queue_fails(shop: FakeShop, run: Run) -> None:
    letters = [event_of(f"images/{number}.jpg") for number in range(12)]
    shop.sqs.queues[DEAD] += letters
    shop.sqs.refused.add(letters[5])
    with pytest.raises(OSError, match="did not answer"):
        run("retry", "--dead-letters")
    moved = shop.sqs.queues[QUEUE]
    kept = [*shop.sqs.queues[DEAD], *(body for _, body in shop.sqs.hidden.values())]
    assert sorted(moved + kept) == sorted(letters)


@pytest.mark.parametrize("words", [(), ("images/1.jpg", "--all"), ("--all", "--dead-letters")])
def test_retry_needs_to_know_what(run: Run, words: tuple[str, ...]) -> None:
    assert run("retry", *words)[0] == 2
