"""The commands `data` and `delete` of `scripts.catalogue`, and the pictures that a file of product data links to."""

import io
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from lookalike.feeds.feed import read_feed
from lookalike.photos.catalogue import product_of
from scripts import catalogue
from scripts.common.labels import InputError
from scripts.merchant import removals
from scripts.merchant import shop as shop_module
from scripts.merchant.addresses import Linked, lines_of, linked
from scripts.merchant.downloads import Downloader
from tests.support.shop import FakeShop

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> FakeShop:
    shop = FakeShop()
    monkeypatch.setattr(shop_module, "Shop", lambda _: shop)
    return shop


@pytest.fixture
def run(shop: FakeShop, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str | Path) -> tuple[int, str]:
        code = catalogue.main([str(word) for word in words])
        told = capsys.readouterr()
        return code, told.out if not code else told.err

    return run


def file(tmp_path: Path, text: str, name: str = "feed.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


# --- data -------------------------------------------------------------------------------------------------------------


def test_a_file_is_checked_and_sent(tmp_path: Path, shop: FakeShop, run: Run) -> None:
    path = file(tmp_path, "id,title,price,size\n1,Shirt,10 EUR,M\n2,Hat,dear,L\n,none,1,S\n")
    code, told = run("data", path, "--as", "10-base.csv")
    assert code == 0
    assert shop.s3.objects["catalogue", "products/10-base.csv"]["data"] == path.read_bytes()
    assert "line 3 (product 2)" in told
    assert "line 4:" in told
    assert "number: price" in told
    assert "name (title)" in told
    assert "products/10-base.csv: sent." in told
    shop.s3.calls.clear()
    assert "there already" in run("data", path, "--as", "10-base.csv")[1]
    assert shop.s3.called("put") == []
    file(tmp_path, "id,title\n1,Shirt\n")
    assert "replaced" in run("data", path, "--as", "10-base.csv")[1]


def test_a_dry_run_of_data_sends_nothing(tmp_path: Path, shop: FakeShop, run: Run) -> None:
    assert "would be sent" in run("data", file(tmp_path, "id,name\n1,Shirt\n"), "--dry-run")[1]
    assert shop.s3.keys("catalogue") == []


@pytest.mark.parametrize(
    ("name", "text", "words", "told"),
    [
        ("x.csv", "product,name\n1,Shirt\n", (), "no column named id"),
        ("x.csv", "PK\x03\x04", (), "zip"),
        ("x.xlsx", "id\n1\n", (), "needs one of these suffixes: .csv"),
        ("x.csv", "id\n1\n", ("--as", "x.xlsx"), "needs one of these suffixes: .csv"),
        ("x.csv", "id\n1\n", ("--list",), "Name files to send, or say"),
        ("x.csv", "id,name\n1,Shirt\n", ("--id-column", "ean"), "no column named ean"),
    ],
)
def test_data_that_cannot_be_used_says_why_and_sends_nothing(
    tmp_path: Path, shop: FakeShop, run: Run, name: str, text: str, words: tuple[str, ...], told: str
) -> None:
    code, said = run("data", file(tmp_path, text, name), *words)
    assert code == 2
    assert told in said
    assert shop.s3.keys("catalogue") == []


def test_one_bad_file_keeps_the_others_from_being_sent(tmp_path: Path, shop: FakeShop, run: Run) -> None:
    good, bad = file(tmp_path, "id\n1\n", "a.csv"), file(tmp_path, "what\n1\n", "b.csv")
    assert run("data", good, bad)[0] == 2
    assert shop.s3.keys("catalogue") == []


def test_data_files_are_listed_and_deleted(shop: FakeShop, run: Run) -> None:
    shop.take_in("products/a.csv", "id,name\n1,Shirt\n,none\n")
    shop.refuse("products/b.csv", "not-a-table", "b.csv is a photo.")
    shop.put("products/c.csv")
    lines = run("data", "--list")[1].splitlines()
    assert [line.partition("  ")[0] for line in lines[:3]] == ["a.csv", "b.csv", "c.csv"]
    assert "1 bad" in lines[0]
    assert "b.csv is a photo." in lines[1]
    assert "not taken in yet" in lines[2]
    assert run("data", "--delete", "a.csv", "--dry-run") == (0, "1 data file would be deleted.\n")
    assert run("data", "--delete", "none.csv")[0] == 2
    assert run("data", "--delete", "a.csv", "--delete", "products/b.csv")[0] == 0
    assert shop.s3.keys("catalogue") == ["products/c.csv"]


# --- pictures on the web ----------------------------------------------------------------------------------------------


def linked_of(text: str, name: str = "feed.csv") -> Linked:
    feed = read_feed(io.BytesIO(text.encode()), name)
    return linked(feed, Path(name), Downloader())


def keys(text: str, name: str = "feed.csv") -> dict[str, str]:
    """The address of each key."""
    return {picture.key: picture.url for picture in linked_of(text, name).pictures}


def test_pictures_of_the_exports_of_shops() -> None:
    google = "id\ttitle\tlink\timage_link\tadditional_image_link\nA1\tShirt\thttps://x/p\thttps://x/1.jpg\thttps://x/2.jpg,https://x/3.jpg\n"
    assert keys(google, "feed.tsv") == {
        "images/A1/1.jpg": "https://x/1.jpg",
        "images/A1/2.jpg": "https://x/2.jpg",
        "images/A1/3.jpg": "https://x/3.jpg",
    }
    shopify = (
        "Handle,Title,Option1 Name,Option1 Value,Variant Price,Image Src,Image Position\n"
        "polo,Polo,Size,S,10,https://cdn/x/front.jpg?v=1,1\npolo,,,M,10,https://cdn/x/back.jpg?v=1,2\n"
    )
    assert list(keys(shopify)) == ["images/polo/back.jpg", "images/polo/front.jpg"]
    woo = 'ID,Type,SKU,Name,Regular price,Images\n7,simple,W-7,Hat,5,"https://w/a.jpg, https://w/b.png"\n'
    assert list(keys(woo)) == ["images/W-7/a.jpg", "images/W-7/b.png"]


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://x/a/Gr%C3%BCn%20hell.jpg?w=9#top", "Grün hell.jpg"),
        ("https://x/" + unicodedata.normalize("NFD", "é") + ".jpg", "é.jpg"),
        ("https://x/..%2F..%2Fetc.jpg", "etc.jpg"),
        ("https://x/a&b=c.jpg", "a_b_c.jpg"),
    ],
)
def test_a_picture_is_named_as_in_its_address(url: str, name: str) -> None:
    assert list(keys(f'id,image_link\n1,"{url}"\n')) == [f"images/1/{name}"]


def test_pictures_without_a_name_and_of_one_name_are_told_apart_for_ever() -> None:
    text = 'id,images\n1,"https://x/a/main.jpg,https://x/b/main.jpg,https://x/image?id=5,https://x/"\n2,https://x/a/main.jpg\n'
    found = keys(text)
    assert found == keys(text)
    assert found["images/1/main.jpg"] == "https://x/a/main.jpg"
    assert found["images/2/main.jpg"] == "https://x/a/main.jpg"
    assert found["images/1/image"] == "https://x/image?id=5"
    assert len(found) == 5
    assert all(product_of(key) in ("1", "2") for key in found)


def test_products_that_no_key_can_name_and_bad_addresses_are_told() -> None:
    found = linked_of(
        "id,image_link,price\na/b,https://x/1.jpg,1\n.,https://x/1.jpg,1\n3,ftp://x/1.jpg,dear\n4,https://x/1.jpg,dear\n"
    )
    assert [picture.key for picture in found.pictures] == ["images/4/1.jpg"]
    assert {place for place, _ in found.bad} == {"feed.csv, line 4", "feed.csv, product .", "feed.csv, product a/b"}


@pytest.mark.parametrize("text", ["id,name\n1,Shirt\n", "id,image_link\n1,\n"])
def test_a_file_without_addresses_says_so(text: str) -> None:
    with pytest.raises(InputError, match="no addresses of pictures"):
        linked_of(text)


def test_the_lines_that_name_pictures_are_found(tmp_path: Path) -> None:
    text = 'id,images\n1,"//x/1.jpg"\n\n2,"https://x/2.jpg, https://x/3.jpg"\n3,"https://x/a b.jpg"\n'
    path = file(tmp_path, text)
    lines = lines_of(path, None, linked_of(text).pictures)
    assert {url.rpartition("/")[2]: line for url, line in lines.items()} == {
        "1.jpg": 2,
        "2.jpg": 4,
        "3.jpg": 4,
        "a%20b.jpg": 5,
    }


# --- delete -----------------------------------------------------------------------------------------------------------

SHELF = (
    "images/1563.jpg",
    "images/1563/back.jpg",
    "images//1563/side.jpg",
    "images/./1563.png",
    "images/15630.jpg",
    "images/156.jpg",
    "images/Café.jpg",
    "images/" + unicodedata.normalize("NFD", "Café") + "/a.jpg",
    "images/Cafe.jpg",
    "products/a.csv",
)


@pytest.fixture
def shelf(shop: FakeShop) -> FakeShop:
    shop.take_in("products/a.csv", "id,name\n1563,Shirt\n156,Hat\n")
    for key in SHELF[:-1]:
        shop.put(key)
    return shop


@pytest.mark.parametrize(("product", "count"), [("1563", 4), ("Café", 2), (unicodedata.normalize("NFD", "Café"), 2)])
@pytest.mark.parametrize("more", [0, 60])
def test_all_photos_of_a_product_are_deleted_and_no_other(
    shelf: FakeShop, run: Run, product: str, count: int, more: int
) -> None:
    others = [f"none-{number}" for number in range(more)]
    wanted = unicodedata.normalize("NFC", product)
    code, told = run("delete", product, *others, "--yes")
    assert code == 0
    left = shelf.s3.keys("catalogue")
    assert len(left) == len(SHELF) - count
    assert set(left) == {key for key in SHELF if product_of(key) != wanted}
    assert ("Products without a photo: 60" in told) == bool(more)


def test_deleting_says_what_data_files_still_know(shelf: FakeShop, run: Run) -> None:
    assert "still speak of 1 product: products/a.csv" in run("delete", "1563", "--yes")[1]
    assert "still speak" not in run("delete", "Cafe", "--yes")[1]


def test_a_dry_run_of_delete_deletes_nothing(shelf: FakeShop, run: Run) -> None:
    assert "9 photos of 5 products would be deleted" in run("delete", "--all", "--dry-run")[1]
    assert len(shelf.s3.keys("catalogue")) == len(SHELF)


def test_nothing_is_deleted_without_a_yes(shelf: FakeShop, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("delete", "--all")[0] == 2  # nobody is there to be asked
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _: "n")
    assert run("delete", "1563") == (2, "Nothing was changed.\n")
    assert len(shelf.s3.keys("catalogue")) == len(SHELF)
    monkeypatch.setattr("builtins.input", lambda _: "y")
    assert run("delete", "--all")[0] == 0
    assert shelf.s3.keys("catalogue") == ["products/a.csv"]


def test_a_product_without_photos_is_told(shelf: FakeShop, run: Run) -> None:
    assert run("delete", "none", "--yes")[0] == 2
    assert run("delete")[0] == 2


def test_a_refusal_of_one_deletion_is_an_error(shelf: FakeShop, run: Run) -> None:
    shelf.s3.broken.add("images/1563.jpg")
    code, told = run("delete", "1563", "--yes")
    assert (code, "refused" in told) == (1, True)


@pytest.mark.parametrize(
    ("missing", "there", "asks"), [(1, 10, False), (2, 10, True), (100, 1001, False), (1, 1, True)]
)
def test_many_missing_photos_are_asked_for(missing: int, there: int, asks: bool) -> None:
    names = [f"images/{number}.jpg" for number in range(missing)]
    removals.confirm_missing(names, there, confirmed=True)
    if asks:
        with pytest.raises(InputError, match="--yes"):
            removals.confirm_missing(names, there, confirmed=False)
    else:
        removals.confirm_missing(names, there, confirmed=False)
