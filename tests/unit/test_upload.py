"""Photos are sent to the catalogue bucket with their labels, several at once."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from scripts.common.catalogue import open_catalogue
from scripts.common.labels import InputError
from scripts.common.uploads import Uploaded, upload


def write_folder(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return folder


class Bucket:
    """An S3 client that keeps what is put; ``broken`` keys are refused."""

    def __init__(self, broken: str = "") -> None:
        self.objects: dict[str, dict] = {}
        self.broken = broken
        self.meta = self.events = self

    def register_last(self, *_: object, **__: object) -> None:
        pass

    def put_object(self, *, Key: str, **arguments: object) -> None:
        if Key == self.broken:
            raise OSError("refused")
        self.objects[Key] = arguments


def test_photos_are_sent_with_their_labels(tmp_path):
    source = write_folder(tmp_path / "x", "1.jpg", "2/a.png")
    (tmp_path / "labels.csv").write_text("id,name\n2,Two\n", encoding="utf-8")
    bucket, done = Bucket(), []
    with open_catalogue(source, tmp_path / "labels.csv") as catalogue:
        assert upload(bucket, "b", catalogue.photos, on_done=done.append) == Uploaded(sent=2)
    assert bucket.objects["images/1.jpg"] == {
        "Bucket": "b",
        "Body": b"1.jpg",
        "ContentType": "image/jpeg",
        "Metadata": {},
    }
    assert bucket.objects["images/2/a.png"]["Metadata"] == {"name": "Two"}
    assert done == [1, 2]


def test_what_is_there_already_is_not_sent_again(tmp_path):
    source = write_folder(tmp_path / "x", "1.jpg", "2.jpg")
    bucket = Bucket()
    there = {
        "images/1.jpg": hashlib.md5(b"1.jpg", usedforsecurity=False).hexdigest(),
        "images/2.jpg": "another",
    }
    with open_catalogue(source) as catalogue:
        assert upload(bucket, "b", catalogue.photos, etags=there) == Uploaded(sent=1)
    assert list(bucket.objects) == ["images/2.jpg"]


def test_the_first_failure_is_told(tmp_path):
    source = write_folder(tmp_path / "x", "1.jpg", "2.jpg")
    with open_catalogue(source) as catalogue, pytest.raises(OSError, match="refused"):
        upload(Bucket(broken="images/1.jpg"), "b", catalogue.photos, threads=1)


def test_a_photo_that_cannot_be_read_is_named(tmp_path):
    source = tmp_path / "x.zip"
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("1.jpg", "1.jpg")
    source.write_bytes(source.read_bytes().replace(b"1.jpg1.jpg", b"1.jpg2.jpg"))  # its content, not its checksum
    with open_catalogue(source) as catalogue, pytest.raises(InputError, match=r"1\.jpg cannot be read"):
        upload(Bucket(), "b", catalogue.photos)
