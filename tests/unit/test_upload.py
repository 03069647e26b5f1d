"""Photos and data files on their way to the catalogue bucket: what is there already is not sent again."""

import base64
import threading
import zipfile
import zlib
from datetime import timedelta
from email.header import decode_header, make_header
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from lookalike.photos.metadata import decoded_metadata
from scripts.common.bucket import Bucket, StoredObject
from scripts.common.catalogue import Photo, open_catalogue
from scripts.common.data_files import DataToSend, header_value
from scripts.common.labels import InputError
from scripts.common.parallel import in_parallel
from scripts.common.progress import Progress
from scripts.common.uploads import NotObtained, Sent, Step, send
from tests.support.s3 import FakeS3

BUCKET = "catalogue"


@pytest.fixture
def s3() -> FakeS3:
    return FakeS3()


@pytest.fixture
def bucket(s3: FakeS3) -> Bucket:
    return Bucket(s3, BUCKET)


def write_folder(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return folder


def sent_of(bucket: Bucket, source: Path, **options: bool) -> Sent:
    """What became of the photos of a folder or zip."""
    there = {item.key: item for item in bucket.objects()}
    with open_catalogue(source) as catalogue:
        return send(bucket, catalogue.photos, there, threads=2, **options)


def steps(sent: Sent) -> tuple[int, int, int]:
    return sent.steps[Step.NEW], sent.steps[Step.CHANGED], sent.steps[Step.SAME]


def test_photos_are_sent_with_their_types(tmp_path: Path, s3: FakeS3, bucket: Bucket) -> None:
    source = write_folder(tmp_path / "x", "1.jpg", "2/a.png")
    done: list[int] = []
    with open_catalogue(source) as catalogue:
        send(bucket, catalogue.photos, {}, threads=2, on_done=done.append)
    assert done == [1, 2]
    assert {key: s3.objects[BUCKET, key]["ContentType"] for key in s3.keys(BUCKET)} == {
        "images/1.jpg": "image/jpeg",
        "images/2/a.png": "image/png",
    }
    assert s3.objects[BUCKET, "images/1.jpg"]["data"] == b"1.jpg"


def test_a_photo_that_is_there_with_the_same_bytes_is_not_sent_again(
    tmp_path: Path, s3: FakeS3, bucket: Bucket
) -> None:
    source = write_folder(tmp_path / "x", "1.jpg", "2.jpg", "3.jpg", "4.jpg")
    s3.put_object(Bucket=BUCKET, Key="images/1.jpg", Body=b"1.jpg")
    s3.put_object(Bucket=BUCKET, Key="images/2.jpg", Body=b"x.jpg")
    s3.put_object(Bucket=BUCKET, Key="images/3.jpg", Body=b"longer")
    s3.calls.clear()
    assert steps(sent_of(bucket, source)) == (1, 2, 1)
    assert sorted(s3.called("put")) == ["images/2.jpg", "images/3.jpg", "images/4.jpg"]
    assert steps(sent_of(bucket, source)) == (0, 0, 4)


def test_a_dry_run_says_the_same_and_changes_nothing(tmp_path: Path, s3: FakeS3, bucket: Bucket) -> None:
    source = write_folder(tmp_path / "x", "1.jpg", "2.jpg", "3.jpg")
    s3.put_object(Bucket=BUCKET, Key="images/1.jpg", Body=b"1.jpg")
    s3.put_object(Bucket=BUCKET, Key="images/2.jpg", Body=b"other")
    before = dict(s3.objects)
    assert steps(sent_of(bucket, source, dry_run=True)) == (1, 1, 1)
    assert s3.objects == before


@pytest.mark.parametrize(
    ("told", "is_same"),
    [
        ({"ChecksumCRC32": base64.b64encode(zlib.crc32(b"1.jpg").to_bytes(4)).decode()}, True),
        ({"ChecksumCRC32": base64.b64encode(zlib.crc32(b"2.jpg").to_bytes(4)).decode()}, False),
        (
            {
                "ChecksumCRC32": base64.b64encode(zlib.crc32(b"1.jpg").to_bytes(4)).decode(),
                "ChecksumType": "COMPOSITE",  # of the checksums of parts
            },
            False,
        ),
        ({}, False),
    ],
)
def test_where_the_etag_is_no_md5_the_checksum_of_s3_decides(
    tmp_path: Path, s3: FakeS3, bucket: Bucket, told: dict[str, str], is_same: bool
) -> None:
    source = write_folder(tmp_path / "x", "1.jpg")
    s3.put_object(Bucket=BUCKET, Key="images/1.jpg", Body=b"1.jpg")
    s3.objects[BUCKET, "images/1.jpg"] |= {"ETag": '"0123-2"', **told}
    assert steps(sent_of(bucket, source)) == ((0, 0, 1) if is_same else (0, 1, 0))


def test_a_refusal_of_aws_stops_the_upload(tmp_path: Path, s3: FakeS3, bucket: Bucket) -> None:
    source = write_folder(tmp_path / "x", "1.jpg", "2.jpg")
    s3.broken.add("images/1.jpg")
    with pytest.raises(ClientError, match="refused"):
        sent_of(bucket, source)


def test_a_photo_that_cannot_be_read_is_named(tmp_path: Path, bucket: Bucket) -> None:
    source = tmp_path / "x.zip"
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("1.jpg", "1.jpg")
    source.write_bytes(source.read_bytes().replace(b"1.jpg1.jpg", b"1.jpg2.jpg"))  # its content, not its checksum
    with pytest.raises(InputError, match=r"1\.jpg cannot be read"):
        sent_of(bucket, source)


class Elsewhere:
    """A photo that cannot be had."""

    key = "images/9.jpg"
    origin = "line 7"

    def send(self, bucket: Bucket, there: StoredObject | None, *, dry_run: bool) -> Step:
        raise NotObtained("the address answers 404")


def test_a_photo_that_cannot_be_had_is_listed_and_stops_no_other(tmp_path: Path, s3: FakeS3, bucket: Bucket) -> None:
    with open_catalogue(write_folder(tmp_path / "x", "1.jpg")) as catalogue:
        photos: list[Photo | Elsewhere] = [Elsewhere(), *catalogue.photos]
        sent = send(bucket, photos, {}, threads=1)
    assert [(photo.origin, reason) for photo, reason in sent.failed] == [("line 7", "the address answers 404")]
    assert s3.keys(BUCKET) == ["images/1.jpg"]


def test_work_that_is_stopped_begins_nothing_more_and_leaves_nothing_running() -> None:
    begun: list[int] = []
    ended: list[int] = []

    def work(item: int) -> int:
        begun.append(item)
        threading.Event().wait(0.01)
        ended.append(item)
        return item

    for item, result in in_parallel(work, range(1000), threads=2):
        assert item == result
        if item == 3:
            break
    assert len(begun) < 30
    assert sorted(begun) == sorted(ended)


def test_a_data_file_is_sent_once_unless_its_bytes_or_its_column_change(s3: FakeS3, bucket: Bucket) -> None:
    def bring(text: bytes, column: str | None = None) -> Step:
        file = DataToSend.of_bytes("styles.csv", text, column)
        return file.send(bucket, next(bucket.objects(file.key), None), dry_run=False)

    assert bring(b"id\n1\n") is Step.NEW
    s3.now += timedelta(hours=1)
    assert bring(b"id\n1\n") is Step.SAME
    assert bring(b"id\n2\n") is Step.CHANGED
    assert bring(b"id\n2\n", "Größe") is Step.CHANGED
    assert bring(b"id\n2\n", "Größe") is Step.SAME
    stored = s3.objects[BUCKET, "products/styles.csv"]
    assert decoded_metadata(stored["Metadata"]) == {"id-column": "Größe"}
    assert (stored["data"], stored["ContentType"]) == (b"id\n2\n", "text/csv")


def test_labels_of_another_suffix_become_a_csv() -> None:
    assert DataToSend.of_bytes("labels", b"").key == "products/labels.csv"
    assert DataToSend.of_bytes("labels.TSV", b"").key == "products/labels.TSV"


@pytest.mark.parametrize("text", ["Grüne Jacke", "=?utf-8?q?looks_encoded?=", "緑色のジャケット" * 12])
def test_text_beyond_ascii_survives_as_encoded_words(text: str) -> None:
    value = header_value(text)
    assert value.isascii()
    assert "\n" not in value
    assert str(make_header(decode_header(value))) == text


def test_progress_tells_the_rate_and_the_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now_s = 100.0
    monkeypatch.setattr("scripts.common.progress.time.monotonic", lambda: now_s)
    with Progress(1000, "uploaded") as progress:
        now_s += 10
        progress.to(200)
        now_s += 1
        progress.to(300)  # not a line for each
        now_s += 29
        progress.to(1000)
    assert capsys.readouterr().err.splitlines() == [
        "uploaded: 200 of 1,000 photos, 20.0 a second, 00:40 left",
        "uploaded: 1,000 of 1,000 photos, 25.0 a second in 00:40",
    ]
