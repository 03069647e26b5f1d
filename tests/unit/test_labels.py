"""CSV files as people have them: separators, encodings, quotes and ids."""

import codecs
from io import BytesIO

import pytest

from lookalike.feeds.feed import read_feed
from scripts.common.labels import InputError, LabelTable, parse_labels, with_ids


def parse(text: str | bytes, id_column: str | None = None) -> LabelTable:
    return parse_labels(text.encode() if isinstance(text, str) else text, "x.csv", id_column)


def test_columns_become_metadata_in_lower_case() -> None:
    table = parse("id,baseColour,Usage Notes,season,productDisplayName\n1563,Navy Blue,  two \n")
    assert table.texts == {"1563": {"basecolour": "Navy Blue", "usage-notes": "two"}}


def test_the_name_may_have_either_column() -> None:
    texts = parse("ID,productDisplayName,name\n1,Shirt,\n2,,Jeans\n3,Shirt,Jeans\n").texts
    assert [texts[product]["name"] for product in "123"] == ["Shirt", "Jeans", "Shirt"]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "text",
    [
        "id;name;price\n1;Shirt, blue;19,90\n",
        "id\tname\tprice\n1\tShirt, blue\t19,90\n",
        "id|name|price\n1|Shirt, blue|19,90\n",
        'id,name,price\n1,"Shirt, blue","19,90"\n',
        "sep=;\nid;name;price\n1;Shirt, blue;19,90\n",
        '"sep=^"\nid^name^price\n1^Shirt, blue^19,90\n',
        '\n"name, long";price;id\nShirt, blue;19,90;1\n',
    ],
)
def test_the_separator_is_found_out(text: str, ending: str) -> None:
    (texts,) = parse(text.replace("\n", ending)).texts.values()
    assert sorted(texts.values()) == ["19,90", "Shirt, blue"]


@pytest.mark.parametrize(
    "data",
    [
        codecs.BOM_UTF8 + "id,name\n1,Grün\n".encode(),
        codecs.BOM_UTF16_LE + "id,name\n1,Grün\n".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "id,name\n1,Grün\n".encode("utf-16-be"),
    ],
)
def test_encodings_with_a_byte_order_mark(data: bytes) -> None:
    assert parse(data).texts == {"1": {"name": "Grün"}}


def test_text_of_an_old_spreadsheet_is_read_and_told() -> None:
    table = parse("id,name\n1,Grün, 5 €\n".encode("cp1252"))
    assert table.texts == {"1": {"name": "Grün, 5 €"}}
    assert "Windows-1252" in table.remark


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('id,name\n70000,"Classic tee\n70001,Jeans\n70002,Hat\n', 2),
        ('id,name\n1,Hat\n\n2,"Tee\n3,"Jeans"\n4,Belt\n', 4),  # a later quote closes it, and more follows
        ('id,name\n1,"two\nlines"\n2,"Tee', 4),
        ('id,name\n1,"Tee\n' + "2,Jeans\n" * 50_000, 2),
    ],
)
def test_a_quote_that_is_not_closed_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(InputError, match=f"line {line}: a quote opens"):
        parse(text)


def test_quotes_that_do_no_harm_are_read() -> None:
    table = parse('id,name\n1,5" pipe\n2,"two\nlines\tand a tab"\n3,"Fossil" watch\n4,"a ""b"""')
    assert "1 row with a text of several lines" in table.remark
    assert [item["name"] for item in table.texts.values()] == [
        '5" pipe',
        "two lines and a tab",
        "Fossil watch",
        'a "b"',
    ]


def test_surplus_values_are_the_last_columns_and_counted() -> None:
    table = parse("id,colour,name\n1,red,Shirt, with a comma\n2,blue,Jeans,,\n3\n4,red,a,b,c,\n")
    assert [item.get("name") for item in table.texts.values()] == ["Shirt, with a comma", "Jeans", None, "a,b,c"]
    assert "2 rows with more values than columns" in table.remark


def test_rows_of_one_id_and_rows_without_are_counted() -> None:
    table = parse("id,name\n1,a\n1,b\n2,c\n1,d\n,e\n\n")
    assert table.texts == {"1": {"name": "d"}, "2": {"name": "c"}}
    assert "5 rows" in table.remark
    assert "2 rows with an id that had come before" in table.remark
    assert "1 row without an id" in table.remark


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("id,name", "id"),
        ("name, ID ", "ID"),
        ("Product ID,name", "Product ID"),
        ("name,product_id", "product_id"),
        ("sku,name", "sku"),
        ("Handle,Title", "Handle"),
        ("article_id,name", "article_id"),
        ("sku,id", "id"),
    ],
)
def test_the_column_that_names_the_product_is_found_and_told(header: str, taken: str) -> None:
    table = parse(f"{header}\n7,7\n")
    assert list(table.texts) == ["7"]
    assert f"column {taken} " in table.remark


def test_the_column_can_be_chosen() -> None:
    table = parse("id,Number;name,\n1,A1,x\n".replace(";", ","), "number")
    assert table.texts == {"A1": {"id": "1", "name": "x"}}
    with pytest.raises(InputError, match=r"no column named code\. Its columns: id, name"):
        parse("id,name\n1,x\n", "code")


def test_ids_are_as_on_the_shelf() -> None:
    """In NFC, without blanks, and without the formula that keeps a spreadsheet from changing them."""
    assert list(parse('id\n Cafe\N{COMBINING ACUTE ACCENT} \n="00123"\n').texts) == ["Café", "00123"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"product,name\n1,x\n", r"no column named id .* --id-column.* product, name"),
        (b"", "none"),
        (b"id,name\n,Shirt\n", "no row"),
        (b"PK\3\4\0\0", "CSV"),
        ("id,name\n1,x\n".encode("utf-16-le"), "CSV"),  # no byte order mark
        (b"id,name\n1,\x81\n", "UTF-8"),
    ],
)
def test_labels_that_cannot_be_used_say_why(content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(content)


def test_a_csv_with_other_ids_says_the_same_of_them() -> None:
    text = 'sep=;\nid;name;note\n123;"Hose; kurz";"zwei\nZeilen"\n="00777";Hut\n5;a;b;c\n;;\n'
    changed = with_ids(text.encode("cp1252"), "x.csv", None, {"123": "00123", "9": "none"})
    assert parse(changed).texts == {
        "00123": {"name": "Hose; kurz", "note": "zwei Zeilen"},
        "00777": {"name": "Hut"},
        "5": {"name": "a", "note": "b;c"},
    }
    # By its separator a reader judges what a comma in a number is.
    assert changed.startswith(b"id;name;note\n")


def test_a_csv_of_which_nothing_changes_keeps_its_bytes() -> None:
    data = 'sep=;\r\n\r\nid;name\r\n1;Hüt\r\n="2";\r\n'.encode("utf-16")
    assert with_ids(data, "x.csv", None, {"1": "1", "3": "4"}) == data


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
