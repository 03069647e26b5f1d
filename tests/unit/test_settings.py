"""Settings are typed, complete, and refused with the name of the variable that is wrong."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from lookalike import settings
from lookalike.settings import CompactSettings, IngestSettings, QuerySettings, SettingsError

NEEDED = {
    settings.ingest: {"CATALOGUE_BUCKET": "photos", "STORE_BUCKET": "store", "QUEUE_URL": "queue"},
    settings.query: {
        "CATALOGUE_BUCKET": "photos",
        "STORE_BUCKET": "store",
        "QUEUE_URL": "queue",
        "DEAD_LETTER_QUEUE_URL": "dead",
    },
    settings.compact: {"STORE_BUCKET": "store"},
}
Read = Callable[[Mapping[str, str]], object]


@pytest.mark.parametrize(("read", "needed"), NEEDED.items())
def test_a_missing_variable_is_named(read: Read, needed: Mapping[str, str]) -> None:
    read(needed)
    for name in needed:
        with pytest.raises(SettingsError, match=f"{name} is not set"):
            read({other: value for other, value in needed.items() if other != name})


def test_every_variable_of_ingest_is_read() -> None:
    sizes = {"MODEL_DIR": "/m", "THREADS": "3", "MAX_IMAGE_BYTES": "4", "MAX_IMAGE_PIXELS": "5", "MAX_DATA_BYTES": "6"}

    read = settings.ingest(NEEDED[settings.ingest] | sizes | {"RESERVE_S": "7", "DATA_RESERVE_S": "8"})

    assert read == IngestSettings("photos", "store", "queue", Path("/m"), 3, 4, 5, 6, 7.0, 8.0)


def test_every_variable_of_the_query_is_read() -> None:
    sizes = {"THREADS": "3", "MAX_IMAGE_PIXELS": "5", "MAX_STALENESS_S": "0.5", "GRACE_S": "600"}
    others = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "321", "ORIGIN_SECRETS": "new,old", "MODEL_DIR": "/m"}

    read = settings.query(NEEDED[settings.query] | sizes | others | {"HIDE_OUT_OF_STOCK": "false"})

    assert read == QuerySettings(
        "photos", "store", "queue", "dead", Path("/m"), 3, 5, 0.5, 600, 321, ("new", "old"), False
    )


def test_out_of_stock_is_hidden_unless_said_otherwise() -> None:
    assert settings.query(NEEDED[settings.query]).hide_out_of_stock
    assert settings.query(NEEDED[settings.query] | {"HIDE_OUT_OF_STOCK": "true"}).hide_out_of_stock


def test_an_empty_list_of_secrets_is_none() -> None:
    assert settings.query(NEEDED[settings.query] | {"ORIGIN_SECRETS": ""}).origin_secrets == ()


def test_every_variable_of_compaction_is_read() -> None:
    assert settings.compact({"STORE_BUCKET": "store", "GRACE_S": "7"}) == CompactSettings("store", 7.0)


@pytest.mark.parametrize(("grace_s", "stale_if_error_s"), [("3600", 3540), ("61", 5), ("0", 5)])
def test_an_old_snapshot_answers_a_minute_less_than_its_objects_stay(grace_s: str, stale_if_error_s: float) -> None:
    assert settings.query(NEEDED[settings.query] | {"GRACE_S": grace_s}).stale_if_error_s == stale_if_error_s


@pytest.mark.parametrize(
    ("memory_mib", "pixels", "left"),
    [("1769", "25000000", 1_035_500_544), ("1769", "64000000", 411_500_544), ("320", "1", 0)],
)
def test_the_catalogue_gets_what_the_largest_photo_leaves(memory_mib: str, pixels: str, left: int) -> None:
    variables = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": memory_mib, "MAX_IMAGE_PIXELS": pixels}
    assert settings.query(NEEDED[settings.query] | variables).snapshot_bytes == left


@pytest.mark.parametrize(
    ("read", "name", "value", "reason"),
    [
        (settings.compact, "STORE_BUCKET", "", "must not be empty"),
        (settings.ingest, "THREADS", "two", "must be a whole number, at least 1"),
        (settings.ingest, "THREADS", "0", "must be a whole number, at least 1"),
        (settings.ingest, "MAX_IMAGE_BYTES", "-1", "must be a whole number, at least 1"),
        (settings.query, "MAX_IMAGE_PIXELS", "1.5", "must be a whole number, at least 1"),
        (settings.query, "MAX_STALENESS_S", "nan", "must be a number of seconds"),
        (settings.query, "HIDE_OUT_OF_STOCK", "True", "must be true or false"),
        (settings.query, "MAX_STALENESS_S", "inf", "must be a number of seconds"),
        (settings.compact, "GRACE_S", "-1", "must be a number of seconds"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_name(read: Read, name: str, value: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is '{value}': {reason}"):
        read({**NEEDED[read], name: value})
