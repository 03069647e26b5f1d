"""Settings are typed, complete, and refused with the name of the variable that is wrong."""

from pathlib import Path

import pytest

from lookalike import settings

REQUIRED = {"STORE_BUCKET": "a", "CATALOGUE_BUCKET": "b"}


def test_defaults_need_the_buckets_only() -> None:
    read = settings.read(REQUIRED)

    assert (read.store_bucket, read.catalogue_bucket, read.image_prefix) == ("a", "b", "images/")
    assert read.model_dir == Path("/opt/model")
    assert read.max_staleness_s == 5.0


def test_every_variable_is_read() -> None:
    read = settings.read(
        {
            **REQUIRED,
            "MODEL_DIR": "/m",
            "THREADS": "3",
            "IMAGE_PREFIX": "p/",
            "MAX_IMAGE_BYTES": "4",
            "MAX_IMAGE_PIXELS": "5",
            "MAX_STALENESS_S": "0.5",
            "GRACE_S": "7",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "321",
        }
    )

    assert read == settings.Settings("a", "b", Path("/m"), 3, "p/", 4, 5, 0.5, 7.0, 1024 * 1024 - 5 * 16)


@pytest.mark.parametrize(
    ("memory_mib", "pixels", "left"),
    [("1769", "25000000", 1_119_386_624), ("1769", "64000000", 495_386_624), ("320", "1", 0)],
)
def test_the_catalogue_gets_what_the_largest_photo_leaves(memory_mib: str, pixels: str, left: int) -> None:
    variables = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": memory_mib, "MAX_IMAGE_PIXELS": pixels}
    assert settings.read(REQUIRED | variables).snapshot_bytes == left


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_BUCKET", "from the environment")
    monkeypatch.setenv("CATALOGUE_BUCKET", "b")

    assert settings.read().store_bucket == "from the environment"


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_variable_is_named(name: str) -> None:
    with pytest.raises(settings.SettingsError, match=name):
        settings.read({other: value for other, value in REQUIRED.items() if other != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STORE_BUCKET", ""),
        ("THREADS", "two"),
        ("THREADS", "0"),
        ("THREADS", ""),
        ("MAX_IMAGE_BYTES", "-1"),
        ("MAX_IMAGE_PIXELS", "1.5"),
        ("MAX_STALENESS_S", "nan"),
        ("MAX_STALENESS_S", "inf"),
        ("GRACE_S", "-1"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_name(name: str, value: str) -> None:
    with pytest.raises(settings.SettingsError, match=name):
        settings.read({**REQUIRED, name: value})
