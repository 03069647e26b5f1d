"""Files of product data as people and programs write them: encodings, separators, ids, and rows that are bad."""

import codecs
import io
from typing import Any

import pytest

from lookalike.errors import FeedError
from lookalike.feeds import feed as feed_module
from lookalike.feeds.feed import Feed, read_feed
from lookalike.feeds.reports import MAX_KEPT
from lookalike.feeds.texts import MAX_TEXT_CHARS
from lookalike.tables.table import Kind
from tests.support.feeds import products, read


def bad(feed: Feed) -> list[tuple[int, str, str]]:
    return [(row.line, row.product_id, row.code) for row in feed.bad]


def refusal(data: str | bytes, name: str = "products.csv", **options: Any) -> FeedError:
    with pytest.raises(FeedError) as caught:
        read(data, name, **options)
    return caught.value


# --- encodings and lines ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        "id,name\n1,Grün\n".encode(),
        codecs.BOM_UTF8 + "id,name\n1,Grün\n".encode(),
        codecs.BOM_UTF16_LE + "id,name\n1,Grün\n".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "id,name\n1,Grün\n".encode("utf-16-be"),
        "id,name\n1,Grün\n".encode("utf-16-le"),
        "id,name\n1,Grün\n".encode("utf-16-be"),
        codecs.BOM_UTF32_LE + "id,name\n1,Grün\n".encode("utf-32-le"),
        "id,name\n1,Grün\n".encode("cp1252"),
        "id,name\n1,Gru\u0308n\n".encode(),  # in Unicode's other form
    ],
)
def test_encodings(data: bytes) -> None:
    assert products(read(data)) == {"1": {"name": "Grün"}}


def test_lines_that_are_not_utf_8_are_read_as_windows_1252_and_told() -> None:
    feed = read("id,name\n1,Grün\n".encode() + "2,Blau für 5 €\n".encode("cp1252") + b"3,\x81\n")
    assert products(feed) == {"1": {"name": "Grün"}, "2": {"name": "Blau für 5 €"}, "3": {"name": "�"}}
    assert "2 lines in Windows-1252, not UTF-8" in feed.remarks


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_ends_of_lines(end: str) -> None:
    text = 'id,name,size\n1,"two\nlines, of text",S\n\n2,Hat,M\n3,Shoe,L'
    feed = read(text.replace("\n", end))
    assert products(feed) == {
        "1": {"name": "two lines, of text", "size": "S"},
        "2": {"name": "Hat", "size": "M"},
        "3": {"name": "Shoe", "size": "L"},
    }
    assert (feed.rows, feed.blank, feed.bad_total) == (3, 1, 0)


def test_other_signs_that_break_lines_are_parts_of_texts() -> None:
    feed = read("id,name\n1,a\u2028b\x0bc\x0cd\x1ce\x85f\n2,g\n")
    assert products(feed) == {"1": {"name": "a b c d e f"}, "2": {"name": "g"}}


def test_control_characters_and_hidden_signs_are_left_out() -> None:
    feed = read("id,name\n1,\ufeffA\0B\x1b[31m  C\u202edesrever\n2,Zero\u200dwidth\n")
    assert products(feed) == {"1": {"name": "A B [31m Cdesrever"}, "2": {"name": "Zero\u200dwidth"}}


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"PK\x03\x04" + bytes(100), "Excel workbook"),
        (b"\x1f\x8b\x08" + bytes(100), "gzip"),
        (b'<?xml version="1.0"?><rss></rss>', "XML"),
        (b"\n<!DOCTYPE html><html>", "web page"),
        (bytes(range(256)) * 10, "no text"),
    ],
)
def test_files_of_other_formats_are_refused_by_their_names(data: bytes, what: str) -> None:
    error = refusal(data)
    assert error.reason == "not-a-table"
    assert what in str(error)


@pytest.mark.parametrize("data", [b"", b"\n\n \n", b"sep=;\n", codecs.BOM_UTF8])
def test_empty_files(data: bytes) -> None:
    assert refusal(data).reason == "empty"
    assert refusal(data, "products.jsonl").reason == "empty"


def test_a_header_alone_says_nothing_of_any_product() -> None:
    feed = read("id,name\n")
    assert (len(feed.table), feed.rows, feed.bad_total) == (0, 0, 0)


def test_the_file_is_read_once_and_left_open() -> None:
    class Pipe(io.BytesIO):
        def seek(self, *_: Any) -> int:
            raise AssertionError("a pipe cannot go back")

    pipe = Pipe(b"id,name\n" + b"".join(b"%d,Shirt\n" % number for number in range(30_000)))
    assert len(read_feed(pipe, "x.csv").table) == 30_000
    assert not pipe.closed


# --- separators and columns ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "id;name;price\n1;Shirt, blue;19,90\n",
        "id\tname\tprice\n1\tShirt, blue\t19,90\n",
        "id|name|price\n1|Shirt, blue|19,90\n",
        'id,name,price\n1,"Shirt, blue","19,90"\n',
        "sep=;\nid;name;price\n1;Shirt, blue;19,90\n",
        '"sep=^"\nid^name^price\n1^Shirt, blue^19,90\n',
        '\n"name, long";price;id\nShirt, blue;19,90;1\n'.replace("name, long", "name"),
        "id;name;price;;\n1;Shirt, blue;19,90;;\n;;;;\n",
    ],
)
@pytest.mark.parametrize("name", ["products.csv", "products.TSV", "feed.txt"])
def test_the_separator_is_found_out(text: str, name: str) -> None:
    assert products(read(text, name)) == {"1": {"name": "Shirt, blue", "price": 19.9}}


def test_german_prices() -> None:
    feed = read("sep=;\nid;name;preis;angebotspreis;gewicht\n1;Hemd;1.299,00 €;999 EUR;0,5\n2;Hose;1.299;;1,25\n")
    assert products(feed) == {
        "1": {"name": "Hemd", "price": 1299.0, "currency": "EUR", "sale_price": 999.0, "gewicht": 0.5},
        "2": {"name": "Hose", "price": 1299.0, "gewicht": 1.25},
    }
    assert "decimals are written with a comma" in feed.remarks
    assert feed.blank == 0


def test_names_are_compared_without_case_and_signs() -> None:
    feed = read("Product_ID,Product Name,BRAND-NAME,g:color\n1,Shirt,Nordsee,Red\n")
    assert products(feed) == {"1": {"name": "Shirt", "brand": "Nordsee", "colour": "Red"}}
    assert feed.fields == {"Product Name": "name", "BRAND-NAME": "brand", "g:color": "colour"}


def test_of_several_columns_for_an_attribute_the_likeliest_is_it() -> None:
    feed = read("id,product_name,title,Short description,Description\n1,Long name,Title,<i>short</i>,<b>long</b>\n")
    assert products(feed) == {
        "1": {"name": "Title", "product_name": "Long name", "Short description": "short", "description": "long"}
    }


def test_of_columns_with_one_name_the_first_value_counts_and_lists_are_one() -> None:
    feed = read("id,size,Size,tags,tags\n1,,S,a,b\n2,M,L,c,\n")
    assert products(feed) == {"1": {"size": "S", "tags": ("a", "b")}, "2": {"size": "M", "tags": ("c",)}}


def test_columns_without_a_name_are_left_out() -> None:
    assert products(read(",id,name,\n0,1,Shirt,x\n")) == {"1": {"name": "Shirt"}}


def test_further_columns_keep_their_names_as_attributes() -> None:
    feed = read("id, Sole  thickness ,Été\n1,thin,oui\n")
    assert products(feed) == {"1": {"Sole thickness": "thin", "Été": "oui"}}


# --- ids -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("sku,id,name", "id"),
        ("id,product_id,name", "product_id"),
        ("name,handle,SKU", "SKU"),
        ("ean,name,x", "ean"),
        ("name,Artikelnummer,y", "Artikelnummer"),
    ],
)
def test_the_column_of_the_ids_is_a_usual_one(header: str, column: str) -> None:
    feed = read(f"{header}\n1,2,3\n")
    assert feed.id_column == column
    assert list(feed.table.ids) == [str(header.split(",").index(column) + 1)]
    assert f"column {column} names the product" in feed.remarks


def test_the_column_of_the_ids_may_be_named() -> None:
    feed = read("id,style no,name\n1,A-7,Shirt\n", id_column="Style_No")
    assert products(feed) == {"A-7": {"id": "1", "name": "Shirt"}}
    assert products(read('{"id": 1, "style": "A-7"}\n', "x.jsonl", id_column="style")) == {"A-7": {"id": "1"}}


def test_without_a_column_of_ids_the_error_names_the_columns() -> None:
    error = refusal("name,price\nShirt,5\n")
    assert error.reason == "no-id-column"
    assert "name, price" in str(error)
    assert "no column named style" in str(refusal("id,name\n1,a\n", id_column="style"))


def test_ids_as_spreadsheets_and_systems_write_them() -> None:
    feed = read('id,name,gtin\n="00123",A,"=""04012"""\n 7 ,B,\'04013\n"x,y",C,\nJa\u0308ckchen,D,\n')
    assert products(feed) == {
        "00123": {"name": "A", "gtin": "04012"},
        "7": {"name": "B", "gtin": "04013"},
        "x,y": {"name": "C"},
        "Jäckchen": {"name": "D"},
    }


def test_rows_without_an_id_are_bad() -> None:
    feed = read("id,name\n,A\n  ,B\n1,C\na\0b,D\n" + "x" * 1025 + ",E\n")
    assert bad(feed) == [(2, "", "no-id"), (3, "", "no-id"), (5, "", "bad-id"), (6, "", "bad-id")]
    assert (feed.rows, feed.bad_rows, list(feed.table.ids)) == (1, 4, ["1"])


def test_of_rows_with_one_id_the_later_values_count() -> None:
    feed = read("id,name,size\n1,A,S\n2,B,\n1,,M\n")
    assert products(feed) == {"1": {"name": "A", "size": "M"}, "2": {"name": "B"}}
    assert "1 row with an id that had come before: the later values count" in feed.remarks


def test_too_many_products_are_refused() -> None:
    text = "id\n" + "\n".join(map(str, range(11)))
    assert refusal(text, max_products=10).reason == "too-many-products"
    assert len(read(text + "\n10", max_products=11).table) == 11


@pytest.mark.parametrize("header", ["id,a,b,c", "Handle,Title,a,Variant Price"], ids=["plain", "Shopify"])
def test_more_columns_for_more_products_than_there_is_room_for_are_refused(
    header: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = header + "\n" + "".join(f"{number},x,y,2\n" for number in range(4))
    assert len(read(text).table) == 4
    monkeypatch.setattr(feed_module, "MAX_PLACES", 8)
    assert refusal(text).reason == "too-large-table"


# --- rows ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "bad_rows", "names"),
    [
        ('id,name\n1,"Tee\n2,Jeans\n3,Hat\n', [(2, "1")], {"2": "Jeans", "3": "Hat"}),
        ('id,name\n1,"Tee\n2,"Jeans"\n3,Belt\n', [(2, "1")], {"2": "Jeans", "3": "Belt"}),
        ('id,name\n1,Hat\n\n2,"Tee', [(4, "2")], {"1": "Hat"}),
        ('id,name\n1,"Tee\n2,"Jeans\n3,"Belt, brown"\n', [(2, "1"), (3, "2")], {"3": "Belt, brown"}),
        ('name,id\n"Tee,1\nJeans,2\n', [(2, "")], {"2": "Jeans"}),
        ('id,name\n1,"a\nb"\n2,"Tee\n3,"a\nb"\n', [(4, "2")], {"1": "a b", "3": "a b"}),
        # A quote after a number of inches would close it: then lines 2 and 3 are no text of line 2, as each has an id.
        ('id,name,size\n10,"Tee,S\n11,TV 40",M\n12,Hat,L\n', [(2, "10")], {"11": 'TV 40"', "12": "Hat"}),
    ],
)
def test_a_quote_that_is_not_closed_costs_its_row_alone(
    text: str, bad_rows: list[tuple[int, str]], names: dict[str, str]
) -> None:
    feed = read(text)
    assert bad(feed) == [(line, product_id, "unclosed-quote") for line, product_id in bad_rows]
    assert {product_id: values["name"] for product_id, values in products(feed).items()} == names


def test_a_file_full_of_quotes_that_are_not_closed_is_read_in_time() -> None:
    for row in ('{},"Tee\n', '{}","""\n', 'a{}"","\n'):
        feed = read("id,name\n" + "".join(row.format(number) for number in range(20_000)) + "last,Hat\n")
        assert products(feed)["last"] == {"name": "Hat"}
        assert feed.rows + feed.bad_rows <= 20_001


def test_quotes_that_do_no_harm_are_read() -> None:
    feed = read('id,name\n1,5" pipe\n2,"two\nlines\tand a tab"\n3,"Fossil" watch\n4,"a ""b"""')
    assert [values["name"] for _, values in sorted(products(feed).items())] == [
        '5" pipe',
        "two lines and a tab",
        "Fossil watch",
        'a "b"',
    ]


def test_a_row_with_more_values_than_columns_is_bad_unless_a_text_stands_last() -> None:
    feed = read("id,name,price\n1,Shirt, blue,5\n2,Hat,6,,\n")
    assert bad(feed) == [(2, "1", "too-many-values")]
    assert products(feed) == {"2": {"name": "Hat", "price": 6.0}}
    feed = read("id,price,name\n1,5,Shirt, blue\n")
    assert products(feed) == {"1": {"price": 5.0, "name": "Shirt, blue"}}
    assert "1 row with more values than columns, which belong to the last column" in feed.remarks


def test_a_row_with_fewer_values_than_columns_lacks_the_last_ones() -> None:
    feed = read("id,name,price\n1,Shirt\n2\n3,Hat,5\n")
    assert products(feed) == {"1": {"name": "Shirt"}, "2": {}, "3": {"name": "Hat", "price": 5.0}}
    assert "2 rows with fewer values than columns" in feed.remarks


def test_rows_without_a_value_are_counted_apart() -> None:
    feed = read("id,name\n\n,\n1,Shirt\n  \n")
    assert (feed.rows, feed.blank, feed.bad_total) == (1, 3, 0)


def test_of_many_bad_rows_all_are_counted_and_the_first_are_kept() -> None:
    feed = read("id,name\n" + ",A\n" * 2500)
    assert (feed.bad_total, len(feed.bad), feed.bad[-1].line) == (2500, MAX_KEPT, MAX_KEPT + 1)


def test_long_texts_are_cut_and_lines_without_end_are_bad() -> None:
    feed = read("id,name\n1," + "x" * 200_000 + "\n2," + "y" * 3_000_000 + "\n3,z\n")
    assert products(feed) == {"1": {"name": "x" * MAX_TEXT_CHARS}, "3": {"name": "z"}}
    assert bad(feed) == [(3, "", "too-long")]
    assert any("was cut" in remark for remark in feed.remarks)


# --- kinds -----------------------------------------------------------------------------------------------------------


def test_a_column_of_plain_numbers_is_a_number_and_one_other_value_makes_it_text() -> None:
    feed = read("id,a,b,c,d,e,f\n1,1,1,01,1e5,,-2\n2,2.50,x,2,7,5,0\n")
    assert {name: kind.value for name, kind in feed.kinds.items()} == {
        "a": "number",
        "b": "text",
        "c": "text",
        "d": "text",
        "e": "number",
        "f": "number",
    }
    assert products(feed) == {
        "1": {"a": 1.0, "b": "1", "c": "01", "d": "1e5", "f": -2.0},
        "2": {"a": 2.5, "b": "x", "c": "2", "d": "7", "e": 5.0, "f": 0.0},
    }


@pytest.mark.parametrize(
    "name", ["gtin", "EAN", "mpn", "variant_sku", "barcode", "styleId", "item_group_id", "zip code"]
)
def test_numbers_that_are_names_stay_texts(name: str) -> None:
    assert read(f"id,{name}\n1,4012345\n").kinds == {name: Kind.TEXT}


def test_numbers_of_more_digits_than_a_float_has_stay_texts() -> None:
    assert read("id,n\n1,12345678901234567890\n").kinds["n"] is Kind.TEXT


def test_the_vocabularys_attributes_come_first() -> None:
    feed = read("id,description,size,price,name,image_link\n1,d,S,5,n,https://a.example/i\n")
    assert list(feed.table.columns) == ["name", "price", "size", "description", "image_link"]
