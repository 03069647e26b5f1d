"""Labelled catalogues, their halves, and the measures over their labels."""

from pathlib import PurePosixPath

import numpy as np
import pytest

from scripts.common.catalogue import Photo
from scripts.common.labels import InputError
from scripts.common.photos import SourceFile
from scripts.common.places import Place
from scripts.evaluation.data import LabelledCatalogue, by_product, half_of, photo_set, sample
from scripts.evaluation.measures import found_within, precision
from scripts.evaluation.neighbours import Answers


def photo(product: str, view: str = "", data: bytes = b"", **labels: str) -> Photo:
    path = PurePosixPath(f"{product}/{view}.jpg" if view else f"{product}.jpg")
    return Photo(SourceFile(path, lambda: data), Place(-2 if view else -1, product), labels)


def test_photos_stand_product_by_product():
    catalogue = LabelledCatalogue([photo("b", "2"), photo("a"), photo("b", "1")])
    assert catalogue.products == ["a", "b"]
    assert catalogue.product_of.tolist() == [0, 1, 1]
    assert [str(one.file.path) for one in catalogue.photos] == ["a.jpg", "b/1.jpg", "b/2.jpg"]
    assert catalogue.only(np.array([True, False, True])).product_of.tolist() == [0, 1]


def test_values_of_a_pair_are_equal_where_both_are_and_missing_where_one_is():
    catalogue = LabelledCatalogue(
        [
            photo("a", colour="red", kind="bag"),
            photo("b", colour="red", kind="cap"),
            photo("c", colour="red", kind="bag"),
            photo("d", colour="red"),
        ]
    )
    assert catalogue.values("Colour").tolist() == [0, 0, 0, 0]
    pair = catalogue.values("colour+kind")
    assert pair[0] == pair[2] != pair[1]
    assert pair[3] == -1
    with pytest.raises(InputError, match="colour, kind"):
        catalogue.values("size")


def test_attributes_are_useful_that_products_share_and_that_tell_them_apart():
    catalogue = LabelledCatalogue(
        photo(
            str(number),
            name=f"product {number}",
            shop="ours",
            colour="red" if number % 2 else "blue",
            rare="x" if number < 5 else "",
        )
        for number in range(40)
    )
    assert catalogue.useful_attributes() == ["colour"]


def test_halves_are_disjoint_about_equal_and_depend_on_the_id_alone():
    names = [str(number) for number in range(1000)]
    catalogue = LabelledCatalogue(map(photo, names))
    choose, report = set(catalogue.in_half("choose").tolist()), set(catalogue.in_half("report").tolist())
    assert choose | report == set(catalogue.in_half("all").tolist())
    assert not choose & report
    assert 450 < len(choose) < 550
    smaller = LabelledCatalogue(map(photo, names[::3]))
    assert {smaller.products[number] for number in smaller.in_half("report")} == {
        name for name in names[::3] if half_of(name) == 1
    }


def test_a_digest_tells_other_photos_and_another_order_apart():
    one, two = photo("a", data=b"1"), photo("b", data=b"2")
    digests = {photo_set("x", photos).digest for photos in ([one, two], [two, one], [one], [one, one])}
    assert len(digests) == 4
    assert photo_set("x", [one, two]).digest == photo_set("y", [one, two]).digest


def test_a_sample_is_ascending_and_the_same_for_the_same_seed():
    candidates = np.arange(100, 200)
    chosen = sample(candidates, 20, 0).tolist()
    assert chosen == sorted(set(chosen)) == sample(candidates, 20, 0).tolist() != sample(candidates, 20, 1).tolist()
    assert set(chosen) <= set(candidates.tolist())
    assert sample(candidates, 500, 0).tolist() == candidates.tolist()


def test_other_photos_go_with_the_products_they_are_of():
    known = by_product([photo("b"), photo("z"), photo("a", "1")], ["a", "b"])
    assert [number for number, _ in known] == [1, 0]
    with pytest.raises(InputError, match="z"):
        by_product([photo("z")], ["a", "b"])


def test_precision_is_the_share_of_answers_with_the_value_of_the_query():
    values = np.array([0, 0, 1, -1, 0])
    answers = Answers(np.array([[1, 2, 4], [0, 3, -1], [0, 1, 4], [0, 1, 2]]), np.zeros((4, 3)))
    found = precision(answers, values, np.array([0, 1, 2, 3]))
    np.testing.assert_allclose(found, [2 / 3, 1 / 3, 0, np.nan])


def test_a_product_is_found_among_the_first_answers_only():
    answers = Answers(np.array([[7, 3], [3, 7], [1, -1]]), np.zeros((3, 2)))
    assert found_within(answers, np.array([7, 7, 7]), 1).tolist() == [1, 0, 0]
    assert found_within(answers, np.array([7, 7, 7]), 2).tolist() == [1, 1, 0]
