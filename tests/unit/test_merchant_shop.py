"""Where the commands of `scripts.catalogue` work: a stack, buckets that are named, or those of variables."""

import argparse
from pathlib import Path

import pytest

from scripts.common.labels import InputError
from scripts.deployment.deployed import DeployError
from scripts.merchant import shop
from scripts.merchant.shop import Shop
from scripts.merchant.sources import S3Folder

VARIABLES = {"CATALOGUE_BUCKET": "local-catalogue", "STORE_BUCKET": "local-store"}


@pytest.fixture(autouse=True)
def no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")


def opened(project: Path, *words: str, variables: dict[str, str]) -> Shop:
    parser = argparse.ArgumentParser()
    shop.add_options(parser)
    return Shop(parser.parse_args(["--project", str(project), *words]), variables)


def test_variables_stand_for_a_stack_that_samconfig_does_not_know(tmp_path: Path) -> None:
    (tmp_path / "samconfig.toml").write_text('[default.deploy.parameters]\nstack_name = "shop"\nregion = "eu-west-1"\n')
    found = opened(tmp_path, variables=VARIABLES)
    assert found.bucket.name == "local-catalogue"
    assert found.s3.meta.region_name == "us-east-1"


def test_a_bucket_that_is_named_counts_more_than_variables(tmp_path: Path) -> None:
    found = opened(tmp_path, "--bucket", "mine", variables=VARIABLES)
    assert found.bucket.name == "mine"
    with pytest.raises(InputError, match="--store-bucket"):
        found.product_data()


@pytest.mark.parametrize("words", [(), ("--store-bucket", "mine")])
def test_without_any_of_them_the_stack_is_asked_for(tmp_path: Path, words: tuple[str, ...]) -> None:
    with pytest.raises(DeployError, match="--stack-name"):
        _ = opened(tmp_path, *words, variables={}).bucket


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("s3://b", S3Folder("b", "")),
        ("s3://b/", S3Folder("b", "")),
        ("s3://b/a/c", S3Folder("b", "a/c/")),
        ("s3://b/a/", S3Folder("b", "a/")),
        ("photos/", None),
        ("/s3:/b", None),
    ],
)
def test_places_of_buckets(text: str, folder: S3Folder | None) -> None:
    assert S3Folder.parse(text) == folder
