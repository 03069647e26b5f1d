"""The demo catalogue: drawn the same every time, whole or not at all, and worth looking at."""

import csv
import hashlib
import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scripts import draw_catalogue
from scripts.common.paths import ROOT
from scripts.draw_catalogue import NotOurs, main
from scripts.drawing.products import KINDS, Product, catalogue, draw

SMALL = ["--count", "8", "--size", "60", "--jobs", "1"]


def test_the_same_arguments_draw_the_same_bytes(tmp_path: Path) -> None:
    assert main(["--out", str(tmp_path / "one"), *SMALL]) == 0
    assert main(["--out", str(tmp_path / "two"), *SMALL]) == 0
    assert _digests(tmp_path / "one") == _digests(tmp_path / "two")


def test_the_command_draws_the_same_with_several_processes(tmp_path: Path) -> None:
    assert main(["--out", str(tmp_path / "one"), *SMALL]) == 0
    command = [sys.executable, "-m", "scripts.draw_catalogue", "--out", str(tmp_path / "two"), *SMALL[:-1], "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.startswith("8 products")
    assert _digests(tmp_path / "one") == _digests(tmp_path / "two")


def test_labels_and_files_agree(tmp_path: Path) -> None:
    assert main(["--out", str(tmp_path / "out"), "--count", "24", "--size", "45", "--jobs", "1"]) == 0
    with (tmp_path / "out" / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["id", "name", "price", "currency", "colour", "type", "pattern"]
    assert all(value for row in rows for value in row.values())
    assert len(rows) == 24
    images = tmp_path / "out" / "images"
    single = {path.stem for path in images.glob("*.jpg")}
    several = {path.name for path in images.iterdir() if path.is_dir()}
    assert several
    assert single | several == {row["id"] for row in rows}
    assert not single & several
    for product_id in several:
        assert {path.name for path in (images / product_id).iterdir()} == {"front.jpg", "back.jpg"}
    for path in images.rglob("*.jpg"):
        with Image.open(path) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (45, 60))


def test_every_product_has_a_price_of_a_shop() -> None:
    """Tens or hundreds of euros with their cents, and not the same for all of a cut."""
    assert all(re.fullmatch(r"[1-9]\d{1,2}\.\d\d", str(product.price)) for product in catalogue())
    for kind in KINDS:
        assert len({product.price for product in catalogue() if product.kind is kind}) > len(kind.cuts)


def test_ids_are_unique_and_say_what_the_product_is() -> None:
    products = catalogue()
    assert len({product.id for product in products}) == len(products)
    for product in products:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*-\d\d", product.id)
        assert product.id.startswith(f"{product.kind.prefix}-{product.pattern}-{product.colour}-")
        assert product.name[0].isupper()
        assert product.colour in product.name.lower()


def test_a_product_of_two_words_has_a_readable_name() -> None:
    names = {product.id: product.name for product in catalogue()}
    assert names["tee-plain-yellow-01"] == "Yellow crew-neck T-shirt"
    assert any(re.fullmatch(r"Navy and \w+ colour-block .+", name) for name in names.values())
    assert any(name.endswith("jeans") for name in names.values())


def test_every_kind_comes_in_nearly_every_colour_and_in_all_its_cuts_and_patterns() -> None:
    colours, cuts, patterns = defaultdict(set), defaultdict(set), defaultdict(set)
    for product in catalogue():
        colours[product.kind.prefix].add(product.colour)
        cuts[product.kind.prefix].add(product.cut)
        patterns[product.kind.prefix].add(product.pattern)
    for kind in KINDS:
        assert len(colours[kind.prefix]) >= 10
        assert cuts[kind.prefix] == set(kind.cuts)
        assert patterns[kind.prefix] == set(kind.patterns)


def test_a_product_has_others_of_its_kind_in_its_colour_or_pattern() -> None:
    """What a search for look-alikes can find: some of the kind that share the colour or the pattern."""
    products = catalogue()
    for kind in KINDS:
        range_ = [product for product in products if product.kind is kind]
        alike = Counter(
            product.id
            for product in range_
            for other in range_
            if other is not product and (other.pattern == product.pattern or other.colour == product.colour)
        )
        assert np.median([alike[product.id] for product in range_]) >= 3


def test_a_few_products_already_show_several_kinds() -> None:
    assert {product.kind.prefix for product in catalogue(len(KINDS))} == {kind.prefix for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.prefix)
def test_every_cut_is_a_whole_product_on_a_light_background(kind: object) -> None:
    seen: dict[str, Product] = {}
    for product in catalogue():
        if product.kind is kind and product.colour not in {"white", "beige", "grey"}:
            seen.setdefault(product.cut, product)
    for product in seen.values():
        pixels = np.asarray(draw(product, "front", 90), dtype=float) / 255
        assert pixels.shape == (120, 90, 3)
        border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        assert border.min() > 0.8, f"{product.id} is cut off"
        covered = (np.abs(pixels - 0.95).max(axis=-1) > 0.2).mean()
        assert 0.03 < covered < 0.7, product.id


def test_a_second_view_is_another_picture() -> None:
    for kind in KINDS:
        product = next(product for product in catalogue() if product.kind is kind and product.views)
        front, back = (np.asarray(draw(product, view, 60), dtype=int) for view in product.views)
        assert np.abs(front - back).mean() > 0.5, product.id


def test_a_complete_catalogue_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["--out", str(out), *SMALL]) == 0
    before = (out / "labels.csv").stat().st_ino
    assert main(["--out", str(out), *SMALL]) == 0
    assert "already in" in capsys.readouterr().out
    assert (out / "labels.csv").stat().st_ino == before


@pytest.mark.parametrize("damage", ["a picture is gone", "another size", "an older generator", "a broken stamp"])
def test_anything_else_than_the_whole_catalogue_is_drawn_again(tmp_path: Path, damage: str) -> None:
    out = tmp_path / "out"
    assert main(["--out", str(out), "--count", "2", "--size", "30", "--jobs", "1"]) == 0
    wanted = _digests(out)
    stamp = out / draw_catalogue.STAMP
    if damage == "a picture is gone":
        next((out / "images").rglob("*.jpg")).unlink()
    elif damage == "another size":
        assert main(["--out", str(out), "--count", "2", "--size", "33", "--jobs", "1"]) == 0
        assert _digests(out) != wanted
    elif damage == "an older generator":
        stamp.write_text(stamp.read_text("utf-8").replace(draw_catalogue.generator_version(), "0"), "utf-8")
    else:
        stamp.write_text("{", "utf-8")
    assert main(["--out", str(out), "--count", "2", "--size", "30", "--jobs", "1"]) == 0
    assert _digests(out) == wanted


def test_a_folder_of_something_else_is_never_touched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"mine")
    assert main(["--out", str(tmp_path), *SMALL]) == 1
    assert "--out" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]
    with pytest.raises(NotOurs):
        draw_catalogue.draw_catalogue(tmp_path / "holiday.jpg", catalogue(1), width=30)


def test_drawing_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(draw_catalogue, "draw", fail)
    assert main(["--out", str(tmp_path / "out"), *SMALL]) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["--count", "0"], ["--size", "-3"], ["--jobs", "many"]])
def test_senseless_numbers_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(arguments)
    assert refused.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def _digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
