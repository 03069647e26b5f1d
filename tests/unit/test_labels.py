"""Labels beside photos: the texts of each product, and the same data with the ids that the photos have.

How files are read is shown by the tests of product data.
"""

from io import BytesIO

import pytest

from lookalike.feeds.feed import read_feed
from scripts.common.labels import InputError, LabelTable, parse_labels, with_ids


def parse(text: str | bytes, id_column: str | None = None, file: str = "x.csv") -> LabelTable:
    return parse_labels(text.encode() if isinstance(text, str) else text, file, id_column)


def test_columns_are_texts_by_their_names_in_lower_case() -> None:
    table = parse(
        "id,baseColour,Usage Notes,type,year,price,productDisplayName\n1563,Navy Blue,  two ,Shirt,2011,19.90 EUR,Alba\n"
    )
    assert table.texts == {
        "1563": {
            "name": "Alba",
            "basecolour": "Navy Blue",
            "usage-notes": "two",
            "type": "Shirt",
            "year": "2011",
            "price": "19.9",
            "currency": "EUR",
        }
    }
    assert next(iter(table.texts["1563"])) == "name"


def test_lists_are_texts_with_commas() -> None:
    assert parse('id,tags\n1,"new, sale"\n').texts == {"1": {"tags": "new, sale"}}
    assert parse('{"id": 1, "sizes": ["S", "M"]}\n', file="x.jsonl").texts == {"1": {"sizes": "S, M"}}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('id,name\n70000,"Classic tee\n70001,Jeans\n70002,Hat\n', 2),
        ('id,name\n1,Hat\n\n2,"Tee\n3,"Jeans"\n4,Belt\n', 4),
        ('id,name\n1,"two\nlines"\n2,"Tee', 4),
        ('id,name\n1,"Tee\n' + "2,Jeans\n" * 50_000, 2),
    ],
)
def test_a_quote_that_is_not_closed_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(InputError, match=f"line {line}: a quote opens"):
        parse(text)


def test_what_was_found_in_the_file_is_told() -> None:
    remark = parse("id,price\n1,5\n1,6\n,7\n2,ask\n").remark
    assert remark.startswith("x.csv: read as CSV; column id names the product; 3 rows of 2 products; 1 row with an id")
    assert "2 bad rows, such as line 4: the row has no id" in remark


def test_the_column_of_the_ids_can_be_chosen() -> None:
    assert parse("id,Number,name\n1,A1,x\n", "number").texts == {"A1": {"id": "1", "name": "x"}}
    with pytest.raises(InputError, match=r"no column named code.*Its columns: id, name"):
        parse("id,name\n1,x\n", "code")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"product,name\n1,x\n", r"no column named id .* product, name.* --id-column"),
        (b"", "empty"),
        (b"id,name\n,Shirt\n", "no row"),
        (b"PK\3\4\0\0", "CSV"),
    ],
)
def test_labels_that_cannot_be_used_say_why(content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(content)


@pytest.mark.parametrize("name", ["x.csv", "x.tsv"])
def test_a_csv_with_other_ids_says_the_same_of_them(name: str) -> None:
    text = 'sep=;\nid;note;name\n123;"Größe; kurz";"zwei\nZeilen"\n="00777";Hut\n5;a;b;c\n;;\n'
    changed = with_ids(text.encode("cp1252"), name, None, {"123": "00123", "9": "none"})
    assert parse_labels(changed, name).texts == {
        "00123": {"note": "Größe; kurz", "name": "zwei Zeilen"},
        "00777": {"note": "Hut"},
        "5": {"note": "a", "name": "b;c"},
    }
    # By its separator a reader judges what a comma in a number is.
    assert changed.startswith(b"id;note;name\n")


def test_json_lines_with_other_ids_say_the_same_of_them() -> None:
    changed = with_ids(
        '{"sku": 123, "name": "Größe"}\n{broken\n{"sku": "5"}\n'.encode(), "x.jsonl", None, {"123": "00123"}
    )
    assert parse_labels(changed, "x.jsonl").texts == {"00123": {"name": "Größe"}, "5": {}}


def test_data_whose_ids_stay_are_sent_as_they_are() -> None:
    data = "sep=;\nid;name\n1;Größe\n".encode("cp1252")
    assert with_ids(data, "x.csv", None, {"1": "1"}) == data


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("Handle,Title,Variant SKU,Variant Price,Option1 Name\npolo,Polo,P-1,10,Size\n", ["polo"]),
        ("ID,Type,SKU,Name,Regular price\n7,simple,W-7,Hat,5\n", ["W-7"]),
        ("id\ttitle\tlink\timage_link\nA1\tShirt\thttps://x/p\thttps://x/1.jpg\n", ["A1"]),
        ("product_id,id,name\n5,9,Hat\n", ["5"]),
    ],
)
def test_labels_name_products_as_product_data_do(text: str, ids: list[str]) -> None:
    assert list(parse(text).texts) == ids
    assert list(read_feed(BytesIO(text.encode()), "x.csv").table.ids) == ids
