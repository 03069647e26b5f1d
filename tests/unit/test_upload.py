"""What the upload command makes of a merchant's photos and CSV."""

import hashlib
import zipfile
from email.header import decode_header, make_header
from pathlib import Path

import pytest

from scripts.common.labels import InputError, read_labels, report, s3_metadata
from scripts.common.photos import open_photos
from scripts.common.uploads import Uploaded, upload


def write_csv(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "labels.csv"
    path.write_text(text, encoding=encoding)
    return path


def write_folder(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return folder


def write_zip(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, name)
    return path


def keys(source: Path, labels=None) -> list[str]:
    with open_photos(source, labels) as photos:
        return [photo.key for photo in photos]


def test_files_become_photos_and_folders_products(tmp_path):
    source = write_folder(tmp_path / "x", "1563.jpg", "1580/front.PNG", "1580/back.webp", "notes.txt", "1590.tiff")
    assert keys(source) == ["images/1563.jpg", "images/1580/back.webp", "images/1580/front.PNG", "images/1590.tiff"]
    with open_photos(source) as photos:
        assert [photo.product_id for photo in photos] == ["1563", "1580", "1580", "1590"]
        assert [photo.content_type for photo in photos] == ["image/jpeg", "image/webp", "image/png", "image/tiff"]
        assert photos[0].read() == b"1563.jpg"


def test_a_zip_is_read_like_a_folder(tmp_path):
    source = write_zip(tmp_path / "x.zip", "1.jpg", "2/a.jpg", "__MACOSX/._1.jpg", ".DS_Store", "readme.md", "3/")
    assert keys(source) == ["images/1.jpg", "images/2/a.jpg"]
    with open_photos(source) as photos:
        assert photos[1].read() == b"2/a.jpg"


def test_no_entry_of_a_zip_leaves_the_prefix(tmp_path):
    assert keys(write_zip(tmp_path / "x.zip", "../../1.jpg", "/2.jpg", "a\\3.jpg")) == [
        "images/1.jpg",
        "images/2.jpg",
        "images/a/3.jpg",
    ]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_a_zip_holds_twice_is_one_photo(tmp_path):
    assert keys(write_zip(tmp_path / "x.zip", "1.jpg", "1.jpg")) == ["images/1.jpg"]


@pytest.mark.parametrize(
    ("names", "labels", "expected"),
    [
        (["images/1.jpg", "images/2/a.jpg"], {}, ["images/1.jpg", "images/2/a.jpg"]),
        (["fashion/1.jpg", "fashion/2.jpg"], {}, ["images/1.jpg", "images/2.jpg"]),  # named like the zip
        (["all/1.jpg", "all/2.jpg"], {"2": {}}, ["images/1.jpg", "images/2.jpg"]),
        (["all/photos/1.jpg"], {"1": {}}, ["images/1.jpg"]),
        (["1563/front.jpg", "1563/back.jpg"], {}, ["images/1563/back.jpg", "images/1563/front.jpg"]),
        (["1563/front.jpg", "1563/back.jpg"], {"1563": {}}, ["images/1563/back.jpg", "images/1563/front.jpg"]),
    ],
)
def test_a_folder_around_everything_is_left_off_unless_it_is_a_product(tmp_path, names, labels, expected):
    assert keys(write_zip(tmp_path / "fashion.zip", *names), labels) == expected


@pytest.mark.parametrize(
    ("name", "message"), [("missing", "does not exist"), ("empty", "no photos"), ("x.txt", "neither")]
)
def test_a_source_that_cannot_be_used_says_why(tmp_path, name, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "x.txt").write_text("no zip", encoding="utf-8")
    with pytest.raises(InputError, match=message), open_photos(tmp_path / name):
        pass


def test_columns_become_metadata_in_lower_case(tmp_path):
    path = write_csv(
        tmp_path, "id,baseColour,Usage Notes,season,productDisplayName\n1563,Navy Blue,  two \n", "utf-8-sig"
    )
    assert read_labels(path) == {"1563": {"basecolour": "Navy Blue", "usage-notes": "two"}}


def test_the_name_may_have_either_column(tmp_path):
    path = write_csv(tmp_path, "ID,productDisplayName,name\n1,Shirt,\n2,,Jeans\n3,Shirt,Jeans\n")
    labels = read_labels(path)
    assert [labels[product]["name"] for product in "123"] == ["Shirt", "Jeans", "Shirt"]


@pytest.mark.parametrize("text", ["Grüne Jacke", "=?utf-8?q?looks_encoded?=", "緑色のジャケット" * 12])
def test_text_beyond_ascii_survives_as_encoded_words(tmp_path, text):
    value = s3_metadata(read_labels(write_csv(tmp_path, f"id,name\n1,{text}\n"))["1"])["name"]
    assert value.isascii()
    assert "\n" not in value
    assert str(make_header(decode_header(value))) == text


def test_a_value_is_one_line(tmp_path):
    assert (
        read_labels(write_csv(tmp_path, 'id,name\n1,"two\nlines\tand a tab"\n'))["1"]["name"] == "two lines and a tab"
    )


def test_values_beyond_the_header_are_left_out(tmp_path):
    assert read_labels(write_csv(tmp_path, "id,name\n1,Shirt,with a comma\n")) == {"1": {"name": "Shirt"}}


def test_labels_beyond_what_s3_takes_are_left_out_from_the_last_column_on(tmp_path):
    fills = "x" * (2048 - len("name" + "Shirt") - len("story"))
    labels = read_labels(write_csv(tmp_path, f"id,story,colour,name\n1,{fills},blue,Shirt\n2,{fills}x,blue,Shirt\n"))
    assert s3_metadata(labels["1"]) == {"name": "Shirt", "story": fills}
    assert s3_metadata(labels["2"]) == {"name": "Shirt", "colour": "blue"}
    told = report(["2", "2"], labels).splitlines()
    assert told[0] == "2 photos of 1 product, 1 of them labelled."
    assert told[-1].endswith("1, such as 2 (story).")


def test_the_report_has_the_counts_and_three_examples_of_each_mismatch():
    labels = {str(number): {"name": "x"} for number in range(1, 3000)}
    assert report(["1", "1", "A", "B", "C", "D"], labels).splitlines() == [
        "6 photos of 5 products, 1 of them labelled.",
        "Products without labels: 4, such as A, B, C.",
        "Labels without a photo: 2,998, such as 2, 3, 4.",
    ]
    assert report(["1"], {}) == "1 photo of 1 product."


NUMBERED = ["1563/1.jpg", "1563/2.jpg", "1580/1.jpg"]


@pytest.mark.parametrize(
    ("names", "ids", "expected"),
    [
        (["Shirts/1563.jpg", "Shoes/1580/front.jpg"], ["1563", "1580"], ["images/1563.jpg", "images/1580/front.jpg"]),
        (["1563.jpg", "Shirts/1564.jpg"], ["1563", "1564"], ["images/1563.jpg", "images/1564.jpg"]),
        (["1563.jpg", "1580/front.jpg"], ["1563", "1580"], ["images/1563.jpg", "images/1580/front.jpg"]),
        (NUMBERED, ["1563", "1580", "1", "2"], ["images/1563/1.jpg", "images/1563/2.jpg", "images/1580/1.jpg"]),
    ],
)
def test_labels_decide_which_part_of_a_path_is_the_product(tmp_path, names, ids, expected):
    assert keys(write_folder(tmp_path / "x", *names), {product: {} for product in ids}) == expected


@pytest.mark.parametrize(
    ("names", "ids", "message"),
    [
        (["Shirts/1.jpg", "Shoes/1.jpg"], ["1"], r"Shirts/1\.jpg and Shoes/1\.jpg are both images/1\.jpg"),
        (NUMBERED, ["1563", "1", "2"], r"1563/1\.jpg could be a photo of product 1563 or of product 1"),
        (["A.jpg", "B.jpg", "C.jpg", "D.jpg"], ["1", "2", "3", "4"], r"products: A, B, C\. .* ids: 1, 2, 3\."),
    ],
)
def test_labels_that_do_not_decide_it_are_refused(tmp_path, names, ids, message):
    with pytest.raises(InputError, match=message):
        keys(write_folder(tmp_path / "x", *names), {product: {} for product in ids})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"product,name\n1,x\n", "product, name"),
        (b"", "none"),
        (b"id,name\n,Shirt\n", "no row"),
        (b"id,name\n1,\xff\n", "UTF-8"),
        (None, "does not exist"),
    ],
)
def test_labels_that_cannot_be_used_say_why(tmp_path, content, message):
    path = tmp_path / "labels.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_labels(path)


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
    bucket, done = Bucket(), []
    with open_photos(source) as photos:
        assert upload(bucket, "b", photos, {"2": {"name": "Two"}}, on_done=done.append) == Uploaded(sent=2)
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
    with open_photos(source) as photos:
        assert upload(bucket, "b", photos, {}, etags=there) == Uploaded(sent=1)
    assert list(bucket.objects) == ["images/2.jpg"]


def test_the_first_failure_is_told(tmp_path):
    source = write_folder(tmp_path / "x", "1.jpg", "2.jpg")
    with open_photos(source) as photos, pytest.raises(OSError, match="refused"):
        upload(Bucket(broken="images/1.jpg"), "b", photos, {}, threads=1)


def test_a_photo_that_cannot_be_read_is_named(tmp_path):
    source = write_zip(tmp_path / "x.zip", "1.jpg")
    source.write_bytes(source.read_bytes().replace(b"1.jpg1.jpg", b"1.jpg2.jpg"))  # its content, not its checksum
    with open_photos(source) as photos, pytest.raises(InputError, match=r"1\.jpg cannot be read"):
        upload(Bucket(), "b", photos, {})
