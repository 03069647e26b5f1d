"""S3's notifications become photo events, and whatever is none is refused before it can harm its neighbours."""

import json
from collections.abc import Iterator
from time import tzset
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.hashes import text_hash
from lookalike.photos.catalogue import NotAnEvent, ObjectEvent, parse_notification, photo_key_of, product_of
from lookalike.store.records import ORDER_BYTES, Op, order_of
from tests.support import functions

BUCKET = "lookalike-catalogue"


def bodies(name: str) -> list[str]:
    return [record["body"] for record in functions.event(name)["Records"]]


def parsed(name: str) -> list[ObjectEvent]:
    return [item for body in bodies(name) for item in parse_notification(body)]


def notification(*, event_name: Any = "ObjectCreated:Put", time: Any = "2026-03-02T10:15:30.123Z", **item: Any) -> str:
    """A notification of one record; ``item`` is what it says of the object."""
    s3 = {"bucket": {"name": BUCKET}, "object": {"key": "images/1.jpg", **item}}
    return json.dumps({"Records": [{"eventName": event_name, "eventTime": time, "s3": s3}]})


def test_a_created_photo_with_its_sequencer() -> None:
    assert parsed("sqs_put") == [
        ObjectEvent(BUCKET, "images/1563.jpg", False, "0069A5649A1E0C3B27", 1_772_446_530_123)  # 10:15:30.123 UTC
    ]


def test_a_created_photo_without_a_sequencer_and_with_its_slash_encoded() -> None:
    assert parsed("sqs_put_without_sequencer") == [
        ObjectEvent(BUCKET, "images/1563.jpg", False, None, 1_772_446_530_123)
    ]


@pytest.mark.parametrize("name", ["sqs_removed", "sqs_removed_by_marker", "sqs_removed_by_lifecycle"])
def test_a_deleted_photo(name: str) -> None:
    assert [(item.key, item.removed, item.sequencer) for item in parsed(name)] == [
        ("images/1563.jpg", True, "0069A565A8016A3F91")
    ]


def test_keys_are_decoded_once() -> None:
    assert [item.key for item in parsed("sqs_awkward_keys")] == [
        "images/blue shirt.jpg",
        "images/a+b.jpg",
        "images/100%.jpg",
        "images/été.jpg",
        "images/毛衣/背面.jpg",
        "images/Größe 42 & more=?#.jpg",
    ]


def test_every_record_of_a_message_is_read() -> None:
    (first, *_) = bodies("sqs_several")

    assert [item.key for item in parse_notification(first)] == ["images/1563.jpg", "images/1564/front.jpg"]


def test_the_message_that_s3_tests_the_queue_with_holds_no_event() -> None:
    assert parsed("sqs_test_event") == []


@pytest.mark.parametrize(
    "time", ["2026-03-02T10:15:30.123Z", "2026-03-02T10:15:30.123", "2026-03-02T11:15:30.123+01:00"]
)
def test_times_are_utc_unless_they_say_otherwise(time: str, far_from_greenwich: None) -> None:
    (item,) = parse_notification(notification(time=time))

    assert item.time_ms == 1_772_446_530_123


@pytest.fixture
def far_from_greenwich() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("TZ", "Asia/Kathmandu")
        tzset()
        yield
    tzset()


@pytest.mark.parametrize("prefix", ["", "s3:"])
def test_names_of_events_may_have_their_service_before_them(prefix: str) -> None:
    (item,) = parse_notification(notification(event_name=f"{prefix}ObjectRemoved:Delete"))

    assert item.removed


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no JSON",
        "null",
        "[]",
        "5",
        "{}",
        '{"Records": null}',
        '{"Records": "abc"}',
        '{"Records": {"a": 1}}',
        '{"Records": [{}]}',
        '{"Records": [null]}',
        "[" * 100_000,  # deeper than Python recurses
        '{"Records": [' + "9" * 5000 + "]}",  # longer than Python converts
        notification(event_name="ObjectRestore:Completed"),
        notification(event_name="TestEvent"),
        notification(event_name=None),
        notification(time="yesterday"),
        notification(time=1_772_446_530),
        notification(key=None),
        notification(key=5),
        notification(key="images/%FF.jpg"),  # no UTF-8: no key of S3 decodes to it
        notification(key="images/\ud800.jpg"),
        notification(key="images/a%00b.jpg"),
        notification(sequencer="0x1F"),
        notification(sequencer=" 1F "),
        notification(sequencer="-1F"),
        notification(sequencer="1_F"),
        notification(sequencer="１２"),
        notification(sequencer=12),
    ],
)
def test_what_is_no_notification_is_refused(body: str) -> None:
    with pytest.raises(NotAnEvent):
        list(parse_notification(body))


@pytest.mark.parametrize(
    "sequencer",
    [
        "F" * 40,
        "0069A5649A1E0C3B27" + "0" * 15,  # 33 digits
        "F" * 32,
        "F" * 16,
        "00" + "F" * 16,
        "F",
        "69A9E11A00000000",  # four days later
    ],
)
def test_a_sequencer_that_s3_would_not_send_is_refused(sequencer: str) -> None:
    """The row of such an event would outdo every later event of its key, for ever."""
    with pytest.raises(NotAnEvent, match="sequencer"):
        list(parse_notification(notification(sequencer=sequencer), clock=lambda: 1_772_446_530.0))


@pytest.mark.parametrize(
    "sequencer", ["69A5649A1E0C3B27", "0069A5649A1E0C3B27", "0055AED6DCD90281E5", "0", "00", "69a564"]
)
def test_sequencers_of_every_length_that_s3_may_send_are_taken(sequencer: str) -> None:
    (item,) = parse_notification(notification(sequencer=sequencer), clock=lambda: 1_772_446_530.0)
    assert item.sequencer == sequencer


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00", "2026-03-03T10:15:31Z"])
def test_an_event_of_the_future_is_refused(time: str) -> None:
    with pytest.raises(NotAnEvent, match="future"):
        list(parse_notification(notification(time=time), clock=lambda: 1_772_446_530.0))


def test_an_event_of_the_past_is_taken_however_long_it_was_in_a_queue() -> None:
    (item,) = parse_notification(notification(time="2026-02-02T10:15:30Z"), clock=lambda: 1_772_446_530.0)
    assert item.time_ms == 1_770_027_330_000


ODD = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text(max_size=2), max_size=2)


@given(name=ODD, time=ODD | st.datetimes().map(str), key=ODD, sequencer=ODD, size=ODD)
def test_whatever_passes_can_be_stored(name: Any, time: Any, key: Any, sequencer: Any, size: Any) -> None:
    """Nothing but NotAnEvent comes out, and what is parsed can be hashed, ordered and encoded."""
    kinds = ["ObjectCreated:Put", "s3:ObjectRemoved:Delete", name]
    for kind in kinds:
        body = notification(event_name=kind, time=time, key=key, sequencer=sequencer, size=size)
        try:
            items = list(parse_notification(body))
        except NotAnEvent:
            continue
        for item in items:
            text_hash(item.key)
            order = order_of(sequencer=item.sequencer, time_ms=item.time_ms, op=Op.PUT)
            assert len(order) == ORDER_BYTES


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_any_key_comes_back_from_s3s_encoding(key: str) -> None:
    (item,) = parse_notification(notification(key=quote_plus(key, safe="/")))

    assert item.key == key


@pytest.mark.parametrize(
    ("key", "product"),
    [
        ("images/1563.jpg", "1563"),
        ("images/1563/back.jpg", "1563"),
        ("images/1563/deep/er/back.jpg", "1563"),
        ("images/shirt.v2.jpg", "shirt.v2"),
        ("images/no-suffix", "no-suffix"),
        ("images/Größe 42.webp", "Größe 42"),
        ("images/.hidden", ".hidden"),
        ("images//1563.jpg", "1563"),  # the same product as without the empty folder
        ("images///1563//back.jpg", "1563"),
        ("images/./../1563.jpg", "1563"),
        ("images/shirt.v2/", "shirt.v2"),  # a folder, as the S3 console makes one: an empty file
        ("images/", "images/"),  # names no product: the key stands for it, so that the refusal can be looked up
        ("images//", "images//"),
        ("images/..", "images/.."),
        ("images/Cafe\N{COMBINING ACUTE ACCENT}/a.jpg", "Café"),  # as macOS writes names
        ("other/1563.jpg", None),
        ("1563.jpg", None),
        ("imagesx/1563.jpg", None),
    ],
)
def test_the_product_of_a_key(key: str, product: str | None) -> None:
    assert product_of(key) == product


@pytest.mark.parametrize("product_id", ["1563", "a b", "shirt.v2", "a+b%", "毛衣", ".hidden", "x" * 1013])
def test_a_photo_is_looked_for_where_it_most_often_is(product_id: str) -> None:
    assert photo_key_of(product_id) == f"images/{product_id}.jpg"


@pytest.mark.parametrize(
    "product_id", ["", "a/b", "images/", "x" * 1014, "a\0b", "\ud800", "Cafe\N{COMBINING ACUTE ACCENT}"]
)
def test_of_an_id_that_no_such_key_has_no_photo_is_looked_for(product_id: str) -> None:
    assert photo_key_of(product_id) is None
