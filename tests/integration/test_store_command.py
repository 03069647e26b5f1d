"""`scripts/store.py` as a person runs it, against the local S3 and SQS."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from lookalike.aws import S3Store, s3_client
from lookalike.compaction import fsck
from lookalike.compaction.compact import compact
from lookalike.compaction.products import compact_products
from lookalike.errors import LookalikeError, StoreUnavailable
from lookalike.store import append_log, manifest, names
from lookalike.store.products import PRODUCTS
from lookalike.store.products.product_manifest import PRODUCT_STORE
from lookalike.store.reader import SnapshotReader
from scripts import store as store_command
from scripts.deployment import drop_store
from scripts.local.aws_server import answer
from scripts.local.http_server import HttpServer, listen
from tests.support.product_data import append, put_file, reject_file
from tests.support.rows import LAYOUT, delete, put, reject

FINGERPRINT = "ab" * 32


@dataclass
class Done:
    """How the command ended, and its output."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def endpoint_url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = HttpServer(listen(0), answer)
    server.start()
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    yield f"http://127.0.0.1:{server.port}"
    server.close()


@pytest.fixture
def run(endpoint_url: str, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> Done:
        returncode = store_command.main([*arguments, "--endpoint-url", endpoint_url])
        return Done(returncode, *capsys.readouterr())

    return run


@pytest.fixture
def store(endpoint_url: str, request: pytest.FixtureRequest) -> S3Store:
    s3 = s3_client(endpoint_url=endpoint_url)
    bucket = f"store-{abs(hash(request.node.name))}"
    s3.create_bucket(Bucket=bucket)
    store = S3Store(s3, bucket, f"{FINGERPRINT}/")
    store.bucket = bucket  # type: ignore[attr-defined]
    for number, row in enumerate([put("images/1.jpg", 1), put("images/2.jpg", 2), reject("images/3.jpg", 3)]):
        append_log.append(store, [row], layout=LAYOUT)
        if number == 1:
            compact(store)
    append_log.append(store, [delete("images/2.jpg", 4)], layout=LAYOUT)
    return store


def test_fsck_finds_nothing_wrong_with_a_sound_store_and_stats_counts_it(store: Any, run: Run) -> None:
    checked = run("fsck", "--bucket", store.bucket)
    assert checked.returncode == 0, checked.stderr
    assert "clean" in checked.stdout
    counted = dict(line.rsplit(maxsplit=1) for line in checked.stdout.splitlines() if line != "clean")
    assert (counted["photos"], counted["rejects"], counted["tombstones"]) == ("1", "1", "1")

    stats = run("stats", "--bucket", store.bucket)
    assert "log segments waiting" in stats.stdout


def test_fsck_names_what_is_damaged_missing_or_lost(store: Any, run: Run) -> None:
    (held,) = manifest.newest(store).segments
    store.delete(held.name)

    checked = run("fsck", "--bucket", store.bucket)

    assert checked.returncode == 1
    assert f"ERROR {held.name}: is part of the store and missing" in checked.stdout
    assert "'images/1.jpg' was folded and is gone" in checked.stdout


def test_objects_of_other_names_are_named_and_left_alone(store: Any, run: Run) -> None:
    for name in ("log/", "log/.DS_Store"):
        store.put_if_absent(name, b"")

    checked = run("fsck", "--bucket", store.bucket)

    assert checked.returncode == 0
    assert "NOTE log/.DS_Store: not an object of the store" in checked.stdout
    assert run("ls", "--bucket", store.bucket).stdout.count("(not the store's)") == 2


def test_ls_says_what_every_object_is(store: Any, run: Run) -> None:
    listed = run("ls", "--bucket", store.bucket).stdout.splitlines()

    assert len(listed) == len(list(store.list("")))
    assert sum("waiting" in line for line in listed) == 2
    assert sum("folded" in line for line in listed) == 2
    assert sum("newest manifest" in line for line in listed) == 1
    assert sum("live" in line for line in listed) == 1


@pytest.fixture
def products(store: Any) -> Any:
    """Product data beside the photos: two files folded, one waiting."""
    products = S3Store(store._client, store.bucket, PRODUCTS)
    append(products, put_file("products/1.csv", 1, {"hat": {"price": 2.0}}), reject_file("products/2.csv", 2))
    compact_products(products)
    append(products, put_file("products/3.csv", 3, {"hat": {"price": 1.0}}))
    products.bucket = store.bucket  # type: ignore[attr-defined]
    return products


def test_product_data_is_checked_counted_and_listed(products: Any, run: Run) -> None:
    checked = run("fsck", "--bucket", products.bucket, "--products")
    assert checked.returncode == 0, checked.stderr
    counted = dict(line.rsplit(maxsplit=1) for line in checked.stdout.splitlines() if line != "clean")
    assert (counted["files"], counted["rejects"], counted["products"]) == ("1", "1", "1")

    stats = run("stats", "--bucket", products.bucket, "--products")
    counted = dict(line.rsplit(maxsplit=1) for line in stats.stdout.splitlines())
    assert (counted["files"], counted["packs of files"], counted["log segments waiting"]) == ("1", "1", "1")

    listed = run("ls", "--bucket", products.bucket, "--products").stdout.splitlines()
    assert len(listed) == len(list(products.list("")))
    for role in (
        "(live, a pack of 2 files)",
        "(live, the table of all files)",
        "(newest manifest, version 1)",
        "(waiting)",
    ):
        assert sum(line.endswith(role) for line in listed) == 1
    assert sum(line.endswith("(folded, to be collected)") for line in listed) == 2


def test_fsck_names_product_data_that_is_lost(products: Any, run: Run) -> None:
    (pack,) = PRODUCT_STORE.newest(products).packs
    products.delete(pack.name)

    checked = run("fsck", "--bucket", products.bucket, "--products")

    assert checked.returncode == 1
    assert f"ERROR {pack.name}: is part of the store and missing" in checked.stdout


def test_a_bucket_without_a_store_is_told_plainly(store: Any, run: Run) -> None:
    answered = run("fsck", "--bucket", store.bucket, "--store", "cd")
    assert answered.returncode == 2
    assert "Its stores: abababababab" in answered.stderr


# --- drop -------------------------------------------------------------------------------------------------------------

OTHER = "cd" * 32


@pytest.fixture
def two_stores(store: Any) -> Any:
    """The store, compacted twice, and one of another model beside it."""
    compact(store)
    other = S3Store(store._client, store.bucket, f"{OTHER}/")
    append_log.append(other, [put("images/1.jpg", 1)], layout=LAYOUT)
    return store


def test_an_old_store_is_dropped_and_the_other_stays(two_stores: Any, run: Run) -> None:
    objects = len(list(two_stores.list("")))
    dropped = run("drop", "--bucket", two_stores.bucket, "--store", FINGERPRINT, "--yes")

    assert dropped.returncode == 0, dropped.stderr
    shown = dict(
        line.split(maxsplit=1) for line in dropped.stdout.splitlines() if not line.startswith(("newest", "The"))
    )
    assert (shown["store"], shown["photos"], shown["objects"]) == (FINGERPRINT, "1", str(objects))
    assert "newest manifest    0.0 hours ago" in dropped.stdout
    assert f"deleted: {objects} of {objects} objects" in dropped.stderr
    assert list(two_stores.list("")) == []
    assert [entry.size > 0 for entry in S3Store(two_stores._client, two_stores.bucket, f"{OTHER}/").list("")] == [True]


def test_the_only_store_is_dropped_by_force_alone(store: Any, run: Run) -> None:
    arguments = ("drop", "--bucket", store.bucket, "--store", FINGERPRINT, "--yes")
    refused = run(*arguments)
    assert refused.returncode == 2
    assert "is the only store" in refused.stderr
    assert manifest.newest(store).version == 1

    assert run(*arguments, "--force").returncode == 0
    assert list(store.list("")) == []


@pytest.mark.parametrize("name", [FINGERPRINT, FINGERPRINT[:8]])
def test_the_store_that_is_served_is_dropped_by_force_alone(two_stores: Any, name: str) -> None:
    def drop(*, force: bool) -> int:
        client, bucket = two_stores._client, two_stores.bucket
        return drop_store.drop(client, bucket, name, served=FINGERPRINT, confirmed=True, force=force)

    before = list(two_stores.list(""))
    with pytest.raises(LookalikeError, match="answers from"):
        drop(force=False)
    assert list(two_stores.list("")) == before

    assert drop(force=True) == 0
    assert list(two_stores.list("")) == []


@pytest.mark.parametrize("name", ["", "ef", FINGERPRINT[:3] + "f"])
def test_a_store_that_is_not_named_is_not_dropped(two_stores: Any, run: Run, name: str) -> None:
    refused = run("drop", "--bucket", two_stores.bucket, "--store", name, "--yes")
    assert refused.returncode == 2
    assert "Its stores: abababababab, cdcdcdcdcdcd" in refused.stderr


@pytest.mark.parametrize(("typed", "ends"), [(FINGERPRINT[:8], 0), ("y", 1), ("", 1)])
def test_who_drops_a_store_types_what_it_is_called(two_stores: Any, typed: str, ends: int) -> None:
    def ask(question: str) -> str:
        assert FINGERPRINT[:8] in question
        return typed

    drop = drop_store.drop(
        two_stores._client, two_stores.bucket, FINGERPRINT, served=OTHER, confirmed=False, force=False, ask=ask
    )  # fmt: skip
    assert drop == ends
    assert (list(two_stores.list("")) == []) == (ends == 0)


def test_a_drop_that_is_interrupted_leaves_a_sound_store(two_stores: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it stops, readers and compaction can go on, and so can the next drop."""
    whole = {entry.name: two_stores.get(entry.name) for entry in two_stores.list("")}
    assert sum(name.startswith(names.MANIFESTS) for name in whole) > 1
    remove = S3Store.delete
    for survived in range(len(whole)):
        left = [survived]

        def delete(store: S3Store, name: str, left: list[int] = left) -> None:
            if not left[0]:
                raise StoreUnavailable("injected")
            left[0] -= 1
            remove(store, name)

        with monkeypatch.context() as patch:
            patch.setattr(S3Store, "delete", delete)
            patch.setattr(drop_store, "_AT_ONCE", 1)
            with pytest.raises(StoreUnavailable):
                drop_store.drop(
                    two_stores._client, two_stores.bucket, FINGERPRINT, served=OTHER, confirmed=True, force=False
                )
        assert len(list(two_stores.list(""))) == len(whole) - survived
        assert fsck.check(two_stores).errors == []
        SnapshotReader(two_stores, layout=LAYOUT).refresh()
        for name, data in whole.items():
            two_stores.put_if_absent(name, data)


def test_a_damaged_store_can_be_dropped(two_stores: Any, run: Run) -> None:
    two_stores.put_if_absent(names.new_log_segment(b""), b"no segment")
    dropped = run("drop", "--bucket", two_stores.bucket, "--store", FINGERPRINT, "--yes")
    assert dropped.returncode == 0
    assert "not known, as it is damaged" in dropped.stdout
    assert list(two_stores.list("")) == []


def test_what_is_written_during_a_drop_goes_too(two_stores: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    remove, late = S3Store.delete, [put("images/late.jpg", 1)]

    def delete(store: S3Store, name: str) -> None:
        remove(store, name)
        if late and name.startswith("log/"):
            append_log.append(two_stores, [late.pop()], layout=LAYOUT)

    monkeypatch.setattr(S3Store, "delete", delete)
    drop_store.drop(two_stores._client, two_stores.bucket, FINGERPRINT, served=OTHER, confirmed=True, force=False)
    assert not late
    assert list(two_stores.list("")) == []
