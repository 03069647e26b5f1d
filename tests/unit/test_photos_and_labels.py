"""Folders and zips of photos as people have them, with the labels of their CSV: what is sent, and what is told."""

import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.photos.catalogue import product_of
from scripts.common.catalogue import Catalogue, open_catalogue
from scripts.common.labels import InputError, parse_labels

Write = Callable[[Path, dict[str, bytes]], Path]


def folder(path: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    target = path.with_suffix(".zip")
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return target


def files(*names: str) -> dict[str, bytes]:
    return {name: name.encode() for name in names}


def rows(*ids: str) -> str:
    return "id,name\n" + "".join(f'"{product}","Name of {product}"\n' for product in ids)


@contextmanager
def opening(
    tmp_path: Path, content: dict[str, bytes], text: str | None = None, write: Write = zipped
) -> Iterator[Catalogue]:
    """What is made of files and of the labels beside them."""
    labels = None
    if text is not None:
        labels = tmp_path / "labels.csv"
        labels.write_text(text, encoding="utf-8")
    with open_catalogue(write(tmp_path / "fashion", content), labels) as catalogue:
        yield catalogue


def opened(tmp_path: Path, content: dict[str, bytes], text: str | None = None, write: Write = zipped) -> Catalogue:
    with opening(tmp_path, content, text, write) as catalogue:
        return catalogue


def keys(catalogue: Catalogue) -> list[str]:
    return [photo.key for photo in catalogue.photos]


def names(catalogue: Catalogue) -> dict[str, str | None]:
    """The name that each key is sent with."""
    return {photo.key: photo.labels.get("name") for photo in catalogue.photos}


def data_of(catalogue: Catalogue) -> Mapping[str, Mapping[str, str]]:
    """What the file of product data says of each product."""
    assert catalogue.data is not None
    with catalogue.data.open() as file:
        return parse_labels(file.read(), catalogue.data.name, catalogue.data.id_column).texts


PRODUCTS = [str(number) for number in range(70000, 70006)]
STYLES = (
    "id,gender,masterCategory,productDisplayName\n"
    + "".join(f"{product},Men,Apparel,Shirt {product}\n" for product in PRODUCTS[:-1])
    + "70005,Men,Apparel,Shirt, with stray commas,70005\n99999999,Men,Apparel,No image\n"
)


def large_download() -> dict[str, bytes]:
    """The large form of "Fashion Product Images": photos, a JSON of each product and two CSVs, and all of it once more."""
    tree = {f"images/{product}.jpg": product.encode() for product in PRODUCTS}
    tree |= {f"styles/{product}.json": json.dumps({"data": {"id": product}}).encode() for product in PRODUCTS}
    tree |= {"styles.csv": STYLES.encode(), "images.csv": b"filename,link\n70000.jpg,http://x/1.jpg\n"}
    roots = ("fashion-dataset", "fashion-dataset/fashion-dataset")
    return {f"{root}/{name}": data for root in roots for name, data in tree.items()}


def small_download() -> dict[str, bytes]:
    """The small form: photos and styles.csv, and both once more in a folder."""
    tree = {f"images/{product}.jpg": product.encode() for product in PRODUCTS} | {"styles.csv": STYLES.encode()}
    return {f"{root}{name}": data for root in ("", "myntradataset/") for name, data in tree.items()}


@pytest.mark.parametrize("write", [folder, zipped])
@pytest.mark.parametrize(
    ("download", "second", "others"),
    [
        (large_download(), "fashion-dataset/fashion-dataset/images/70000.jpg", "16, such as"),
        (small_download(), "myntradataset/images/70000.jpg", "2, such as myntradataset/styles.csv, styles.csv"),
    ],
)
def test_both_downloads_of_the_fashion_catalogue(
    tmp_path: Path, write: Write, download: dict[str, bytes], second: str, others: str
) -> None:
    catalogue = opened(tmp_path, download, STYLES, write)
    assert keys(catalogue) == [f"images/{product}.jpg" for product in PRODUCTS]
    assert names(catalogue)["images/70005.jpg"] == "Shirt, with stray commas,70005"
    first, *told = catalogue.report.splitlines()
    assert first == "6 photos of 6 products, 6 of them labelled."
    assert any("1 row with more values than columns" in line for line in told)
    assert any(f"second copies of photos: 6, such as {second}, " in line for line in told)
    assert any(f"files without the suffix of a photo: {others}" in line for line in told)
    assert "Labels without a photo: 1, such as 99999999." in told
    assert "Warning" not in catalogue.report


@pytest.mark.parametrize(
    ("names", "ids", "expected"),
    [
        (["dresses/1.jpg", "shoes/2.jpg"], "12", ["1.jpg", "2.jpg"]),
        (["Shirts/A1.jpg", "Shoes/B2/front.jpg"], ["A1", "B2"], ["A1.jpg", "B2/front.jpg"]),
        (["A1.jpg", "Shirts/A2.jpg"], ["A1"], ["A1.jpg", "A2.jpg"]),
        (["A1.jpg", "B2/front.jpg"], ["A1", "B2"], ["A1.jpg", "B2/front.jpg"]),
        (["Men/Shoes/A1/close/1.jpg", "Men/Hats/B2/1.jpg"], ["A1", "B2"], ["A1/close/1.jpg", "B2/1.jpg"]),
        # Numbers of views that are ids, too.
        (["1563/1.jpg", "1563/2.jpg", "1580/1.jpg"], ["1563", "1580", "1", "2"], ["1563/1.jpg", "1563/2.jpg", "1580/1.jpg"]),
        (["1563/1.jpg", "1563/2.jpg", "1580/1.jpg"], ["1563", "1", "2"], ["1563/1.jpg", "1563/2.jpg", "1580/1.jpg"]),
        # Numbers of categories that are ids, too.
        (["10/1563.jpg", "11/1580.jpg", "11/1590.jpg"], ["10", "1563", "1580", "1590"], ["1563.jpg", "1580.jpg", "1590.jpg"]),
        (["1563_1.jpg", "1563-front.jpg", "1563 (2).jpg", "1563.1.jpg", "1563.jpg"], ["1563"],
         ["1563.jpg", "1563/1563 (2).jpg", "1563/1563-front.jpg", "1563/1563.1.jpg", "1563/1563_1.jpg"]),
        (["A-1_2.jpg", "A-1.jpg"], ["A", "A-1"], ["A-1.jpg", "A-1/A-1_2.jpg"]),
        (["Shirts/1563_1.jpg", "Hats/1580 b.jpg"], ["1563", "1580"], ["1563/1563_1.jpg", "1580/1580 b.jpg"]),
        # An unlabelled product is named as the labelled ones are, and its views are no products of their own.
        (["Shirts/A1/front.jpg", "Shirts/B2/1.jpg", "Hats/C3/1.jpg"], ["A1", "B2"], ["A1/front.jpg", "B2/1.jpg", "C3/1.jpg"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("write", [folder, zipped])
def test_labels_decide_which_part_of_a_path_is_the_product(
    tmp_path: Path, write: Write, names: list[str], ids: list[str], expected: list[str]
) -> None:
    catalogue = opened(tmp_path, files(*names), rows(*ids), write)
    assert keys(catalogue) == [f"images/{name}" for name in expected]
    for photo in catalogue.photos:
        product = photo.key.removeprefix("images/").partition("/")[0].removesuffix(".jpg")
        assert (photo.product_id, bool(photo.labels)) == (product, product in ids)


def test_products_that_are_read_in_another_way_than_most_are_told(tmp_path: Path) -> None:
    catalogue = opened(tmp_path, files("A/1.jpg", "B/1.jpg", "C/2.jpg", "D/7_1.jpg"), rows("A", "B", "2", "7"))
    assert keys(catalogue) == ["images/2.jpg", "images/A/1.jpg", "images/B/1.jpg", "images/D/7_1.jpg"]
    assert "another part of the path than most: 1, such as C/2.jpg (2)" in catalogue.report
    suffixed = opened(tmp_path, files("1563_1.jpg", "1563-2.jpg", "1580.jpg"), rows("1563", "1580"))
    assert "more than the id: 2, such as 1563-2.jpg (1563), 1563_1.jpg (1563)" in suffixed.report


NAMES = st.sampled_from(
    ["1", "01", "1_2", "1.0", "2-a", "A", "a b", "é", "e\N{COMBINING ACUTE ACCENT}", "x.", "...", "images", "1e2"]
)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)


@given(paths=st.sets(PATHS, min_size=1), ids=st.none() | st.sets(NAMES, min_size=1))
def test_the_functions_read_the_same_product_from_the_key(paths: set[str], ids: set[str] | None) -> None:
    with TemporaryDirectory() as folder_path:
        content = {f"{path}.jpg": b"same" for path in paths}
        try:
            catalogue = opened(Path(folder_path), content, None if ids is None else rows(*sorted(ids)))
        except InputError:
            return
    assert [product_of(photo.key) for photo in catalogue.photos] == [photo.product_id for photo in catalogue.photos]
    assert len(set(keys(catalogue))) == len(catalogue.photos)


@pytest.mark.parametrize(
    ("names", "ids", "message"),
    [
        (["Shirts/1.jpg", "Shoes/1.jpg"], ["1"], r"Shirts/1\.jpg and Shoes/1\.jpg are both images/1\.jpg"),
        (["1563/1.jpg", "1563/2.jpg", "1580/3.jpg"], ["1563", "1", "2", "3"], r"1563/1\.jpg .* 1563 or of product 1:"),
        (
            ["A.jpg", "B.jpg", "C.jpg", "D.jpg"],
            ["1", "2", "3", "4"],
            r"photos: A\.jpg, B\.jpg, C\.jpg\. .* ids: 1, 2, 3\.",
        ),
    ],
)
def test_labels_that_do_not_decide_it_are_refused(
    tmp_path: Path, names: list[str], ids: list[str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        opened(tmp_path, files(*names), rows(*ids))


def test_labels_of_few_products_are_a_warning(tmp_path: Path) -> None:
    few = opened(tmp_path, files("A.jpg", "B.jpg", "C.jpg"), rows("A", "X", "Y"))
    assert few.report.splitlines() == [
        "3 photos of 3 products, 1 of them labelled.",
        "labels.csv: read as CSV; column id names the product; 3 rows.",
        "Products without labels: 2, such as B, C.",
        "Labels without a photo: 2, such as X, Y.",
        "Warning: fewer than half of the products are labelled. Compare the ids with the names of the photos.",
    ]
    assert "Warning" not in opened(tmp_path, files("A.jpg", "B.jpg"), rows("A")).report


def test_the_same_photo_in_two_places_is_sent_once(tmp_path: Path) -> None:
    content = {"old/1.jpg": b"same", "new/1.jpg": b"same", "new/2.jpg": b"a", "x/new/2.jpg": b"other bytes"}
    with opening(tmp_path, content, rows("1", "2")) as catalogue:
        assert [photo.read() for photo in catalogue.photos] == [b"same", b"a"]
    assert keys(catalogue) == ["images/1.jpg", "images/2.jpg"]
    assert "second copies of photos: 2, such as old/1.jpg, x/new/2.jpg." in catalogue.report


def test_photos_without_labels_do_not_stop_the_others(tmp_path: Path) -> None:
    catalogue = opened(tmp_path, files("Shirts/1.jpg", "Shirts/x.jpg", "Shoes/2.jpg", "Shoes/x.jpg"), rows("1", "2"))
    assert keys(catalogue) == ["images/1.jpg", "images/2.jpg", "images/Shoes/x.jpg", "images/x.jpg"]


@pytest.mark.parametrize(
    ("photos", "ids", "expected"),
    [
        (["00123.jpg", "1/00124.jpg"], ["123", "124"], {"00123": "123", "00124": "124"}),  # lost zeros
        (["010/0108775015.jpg", "010/0108775044.jpg"], ["108775015", "108775044"], {"0108775015": "108775015", "0108775044": "108775044"}),
        (["123.jpg"], ["00123"], {"123": "00123"}),
        (["70000.jpg", "70001.jpg", "123.jpg"], ["70000.0", "70001,00", "123"], {"70000": "70000.0", "70001": "70001,00", "123": "123"}),
        (["70000.jpg", "70001.jpg", "8.jpg"], ["7.00E+04", "70001"], {"70000": "7.00E+04", "70001": "70001"}),
        (["4006381333931.jpg"], ["4.00638E+12"], {"4006381333931": "4.00638E+12"}),
        (["00123_1.jpg", "00123_2.jpg"], ["123"], {"00123": "123"}),
        (["AB-1.jpg", "1163.jpg"], ["ab-1", "1163.jpg"], {"AB-1": "ab-1", "1163": "1163.jpg"}),
        # Where two could be meant, neither is.
        (["70000.jpg", "70001.jpg", "9.jpg"], ["7.00E+04", "9"], {"9": "9"}),
        (["0123.jpg", "00123.jpg", "9.jpg"], ["123", "9"], {"9": "9"}),
        (["123.jpg", "9.jpg"], ["0123", "00123", "9"], {"9": "9"}),
        (["123.jpg", "0123.jpg"], ["123"], {"123": "123"}),  # what is equal comes before what is like it
        (["A/1.jpg", "B/1.jpg", "C/01.jpg"], ["A", "B", "1"], {"A": "A", "B": "B"}),  # a view is no product
    ],
)  # fmt: skip
def test_ids_that_a_spreadsheet_changed_are_matched_where_one_alone_can_be_meant(
    tmp_path: Path, photos: list[str], ids: list[str], expected: dict[str, str]
) -> None:
    catalogue = opened(tmp_path, files(*photos), rows(*ids))
    labelled = {photo.product_id: photo.labels["name"] for photo in catalogue.photos if photo.labels}
    assert labelled == {product: f"Name of {row}" for product, row in expected.items()}
    assert {product: texts["name"] for product, texts in data_of(catalogue).items() if product in expected} == labelled
    changed = [(row, product) for product, row in expected.items() if product != row]
    assert all(f"{row} ({product})" in catalogue.report for row, product in changed)
    assert ("in another form" in catalogue.report) == bool(changed)


E_ACUTE = "\N{COMBINING ACUTE ACCENT}"


@pytest.mark.parametrize("write", [folder, zipped])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_are_compared_and_sent_in_nfc(tmp_path: Path, write: Write, form: str) -> None:
    names = [normalize("NFD", name) for name in ("Chaise-bébé.jpg", "Jäckchen/front.jpg")]
    text = normalize("NFC" if form == "NFC" else "NFD", rows("Chaise-bébé", "Jäckchen"))
    with opening(tmp_path, files(*names), text, write) as catalogue:
        assert [photo.read().decode() for photo in catalogue.photos] == names
    assert catalogue.report.startswith("2 photos of 2 products, 2 of them labelled.")
    assert keys(catalogue) == [normalize("NFC", f"images/{name}") for name in names]


def test_a_zip_of_an_old_mac_has_utf_8_without_its_flag(tmp_path: Path) -> None:
    source = zipped(tmp_path / "fashion", files("Jaeckchen.jpg", "A.jpg"))
    source.write_bytes(source.read_bytes().replace(b"Jaeckchen", "Jäckchen".encode()))
    with open_catalogue(source) as catalogue:
        assert keys(catalogue) == ["images/A.jpg", "images/Jäckchen.jpg"]
    dos = source.read_bytes().replace("Jäckchen".encode(), "Jäeckchen".encode("cp437"))
    source.write_bytes(dos)
    with open_catalogue(source) as catalogue:
        assert keys(catalogue) == ["images/A.jpg", "images/Jäeckchen.jpg"]


def test_every_file_that_is_left_out_is_counted_and_named(tmp_path: Path) -> None:
    names = [
        "1.jfif",
        "2.JPG",
        "3.jpe",
        "4.JPEG",
        "5.tif",
        "6.TIFF",
        "A.HEIC",
        "B",
        "C.jpg ",
        "D.jxl",
        "E.svg",
        "F.heif",
    ]
    system = [".DS_Store", "__MACOSX/._2.JPG", ".thumbs/1.jpg"]
    catalogue = opened(tmp_path, files(*names, *system))
    assert [photo.key for photo in catalogue.photos] == [f"images/{name}" for name in names[:6]]
    assert [photo.content_type for photo in catalogue.photos] == ["image/jpeg"] * 4 + ["image/tiff"] * 2
    assert catalogue.report.splitlines() == [
        "6 photos of 6 products.",
        "Left out, files of the system: 3, such as .DS_Store, .thumbs/1.jpg, __MACOSX/._2.JPG.",
        "Left out, pictures in formats that are not read (save them as JPEG): 4, such as A.HEIC, D.jxl, E.svg.",
        "Left out, files without the suffix of a photo: 2, such as B, 'C.jpg '.",
    ]


def test_links_to_folders_are_not_followed_in_silence(tmp_path: Path) -> None:
    folder(tmp_path / "elsewhere", files("9.jpg"))
    folder(tmp_path / "fashion", files("1.jpg"))
    (tmp_path / "fashion" / "more").symlink_to(tmp_path / "elsewhere")
    assert "links to folders: 1, such as more." in opened(tmp_path, {}, write=folder).report


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_a_name_that_a_zip_has_twice_the_last_counts(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("1.jpg", "older")
        archive.writestr("1.jpg", "newer")
    with open_catalogue(tmp_path / "x.zip") as catalogue:
        assert [photo.read() for photo in catalogue.photos] == [b"newer"]
        assert "earlier files of a name that comes again: 1, such as 1.jpg" in catalogue.report


def test_no_name_leaves_the_prefix(tmp_path: Path) -> None:
    assert keys(opened(tmp_path, files("../../1.jpg", "/2.jpg", "a\\3.jpg", "b//4.jpg"))) == [
        "images/1.jpg",
        "images/2.jpg",
        "images/a/3.jpg",
        "images/b/4.jpg",
    ]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["images/1.jpg", "images/2/a.jpg"], ["1.jpg", "2/a.jpg"]),
        (["fashion/1.jpg", "fashion/photos/2.jpg"], ["1.jpg", "photos/2.jpg"]),  # named like the zip
        (["1563/front.jpg", "1563/back.jpg"], ["1563/back.jpg", "1563/front.jpg"]),
        (["1563.jpg", "1563_1.jpg"], ["1563.jpg", "1563_1.jpg"]),
    ],
)
def test_without_labels_the_first_part_is_the_product(tmp_path: Path, names: list[str], expected: list[str]) -> None:
    catalogue = opened(tmp_path, files(*names))
    assert keys(catalogue) == [f"images/{name}" for name in expected]


def test_a_folder_of_a_usual_name_that_became_a_product_is_a_warning(tmp_path: Path) -> None:
    content = small_download()
    del content["styles.csv"], content["myntradataset/styles.csv"]
    report = opened(tmp_path, content).report
    assert report.startswith("12 photos of 2 products.")
    assert "Warning: the folder images is taken for a product" in report


@pytest.mark.parametrize("write", [folder, zipped])
@pytest.mark.parametrize("content", [small_download(), large_download()])
def test_a_csv_beside_the_photos_names_their_products_and_is_sent_along(
    tmp_path: Path, write: Write, content: dict[str, bytes]
) -> None:
    catalogue = opened(tmp_path, content, write=write)
    assert keys(catalogue) == [f"images/{product}.jpg" for product in PRODUCTS]
    assert catalogue.report.startswith("6 photos of 6 products, 6 of them labelled.")
    (path,) = [name for name in content if name.endswith("styles.csv") and name.count("/") < 2][:1]
    assert f"{path} among the photos has the ids of 6 of the products: it names them, and is sent" in catalogue.report
    assert data_of(catalogue)["70000"]["name"] == "Shirt 70000"
    source = tmp_path / ("fashion" if write is folder else "fashion.zip")
    with open_catalogue(source, Path(path)) as taken:
        assert data_of(taken) == data_of(catalogue)


def test_a_csv_beside_the_photos_that_is_about_something_else_changes_nothing(tmp_path: Path) -> None:
    content = files("Shirts/1.jpg", "Shoes/1.jpg") | {"a.csv": b"id\n77\n", "b.csv": b"what\n", "c.csv": b'id\n"1'}
    assert keys(opened(tmp_path, content)) == ["images/Shirts/1.jpg", "images/Shoes/1.jpg"]


def test_one_photo_is_a_catalogue(tmp_path: Path) -> None:
    photo = folder(tmp_path, files("my-product.jpg")) / "my-product.jpg"
    with open_catalogue(photo) as catalogue:
        assert keys(catalogue) == ["images/my-product.jpg"]
        assert catalogue.report == "1 photo of 1 product."
        assert catalogue.photos[0].read() == b"my-product.jpg"


def test_labels_may_lie_in_the_folder_of_the_photos(tmp_path: Path) -> None:
    source = folder(tmp_path / "fashion", files("1.jpg") | {"labels.csv": rows("1").encode()})
    with open_catalogue(source, source / "labels.csv") as catalogue:
        assert names(catalogue) == {"images/1.jpg": "Name of 1"}
        assert "Left out" not in catalogue.report


@pytest.mark.parametrize(
    ("name", "message"),
    [("missing", "does not exist"), ("empty", "no photos"), ("x.txt", "neither"), ("only.zip", "no photos.* 1.json")],
)
def test_a_source_that_cannot_be_used_says_why(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "x.txt").write_text("no zip", encoding="utf-8")
    zipped(tmp_path / "only", files("1.json"))
    with pytest.raises(InputError, match=message), open_catalogue(tmp_path / name):
        pass


def test_labels_that_are_not_there_say_so(tmp_path: Path) -> None:
    source = folder(tmp_path / "fashion", files("1.jpg"))
    with pytest.raises(InputError, match="does not exist"), open_catalogue(source, tmp_path / "no.csv"):
        pass


def test_names_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    report = opened(tmp_path, files("1.jpg", "\x1b[2Jx.json"), rows("1", "\x1b[2J")).report
    assert "\x1b" not in report
