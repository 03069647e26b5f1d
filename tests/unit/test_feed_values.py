"""Values as shops write them: prices, sales, availability, addresses, descriptions."""

import time
from datetime import datetime

import pytest

from lookalike.feeds.dates import time_of, times_of
from lookalike.feeds.prices import price_of
from lookalike.feeds.reports import BadValue
from tests.support.feeds import products, read


def ms(text: str) -> float:
    return datetime.fromisoformat(text).timestamp() * 1000


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("15", (15.0, "")),
        ("15.00", (15.0, "")),
        ("15.00 USD", (15.0, "USD")),
        ("USD 15.00", (15.0, "USD")),
        ("usd15.00", (15.0, "USD")),
        ("$15", (15.0, "USD")),
        ("US$ 15", (15.0, "USD")),
        ("$15.00 CAD", (15.0, "CAD")),
        ("CA$15", (15.0, "CAD")),
        ("€ 19,90", (19.9, "EUR")),
        ("19,90€", (19.9, "EUR")),
        ("19,9 Euro", (19.9, "EUR")),
        ("1.299,00 €", (1299.0, "EUR")),
        ("1,299.00", (1299.0, "")),
        ("1 299,00 zł", (1299.0, "PLN")),
        ("1\u00a0299,00\u00a0€", (1299.0, "EUR")),
        ("1\u202f299,00\u202f€", (1299.0, "EUR")),
        ("1'299.00 CHF", (1299.0, "CHF")),
        ("CHF 19.-", (19.0, "CHF")),
        ("Rs. 1,499", (1499.0, "INR")),
        ("₹1,49,999", (149999.0, "INR")),
        ("¥1,200", (1200.0, "JPY")),
        ("1.234.567", (1234567.0, "")),
        ("1,234,567.89", (1234567.89, "")),
        ("199 kr", (199.0, "")),  # of four countries
        ("0", (0.0, "")),
        (".99", (0.99, "")),
        ("0.125", (0.125, "")),
        ("19.989999771118164", (19.989999771118164, "")),
    ],
)
def test_prices(text: str, price: tuple[float, str]) -> None:
    assert price_of(text) == price


def test_what_can_be_read_both_ways_follows_the_other_prices_of_the_file() -> None:
    assert price_of("1.299", decimal_comma=True) == (1299.0, "")
    assert price_of("1,299", decimal_comma=True) == (1.299, "")
    assert price_of("1.299", decimal_comma=False) == (1.299, "")
    assert price_of("1,299", decimal_comma=False) == (1299.0, "")
    found = products(read('id,price\n1,"1.299"\n2,"19,90"\n3,"5,00"\n4,7.50\n'))
    assert [found[product]["price"] for product in "1234"] == [1299.0, 19.9, 5.0, 7.5]


@pytest.mark.parametrize(
    "text",
    [
        "-5",
        "−5.00 €",
        "USD -5",
        "free",
        "5 apples",
        "10-20",
        "10 - 20 EUR",
        "from 9.99",
        "15.00 FOO",
        "5 EUR USD",
        "(5)",
        *["1e5", "1.2.3", "12,34,5.6.7", "NaN", "inf", "9" * 14, "١٢٫٥٠", "€", "5%", "1,23,45"],
    ],
)
def test_what_is_no_price(text: str) -> None:
    with pytest.raises(BadValue):
        price_of(text)


def test_a_bad_price_is_left_out_and_the_rest_of_its_row_counts() -> None:
    feed = read("id,name,price,sale_price\n1,Shirt,-5,4\n2,Hat,ask,\n3,Shoe,5,4\n")
    assert products(feed) == {
        "1": {"name": "Shirt", "sale_price": 4.0},
        "2": {"name": "Hat"},
        "3": {"name": "Shoe", "price": 5.0, "sale_price": 4.0},
    }
    assert [(bad.line, bad.product_id, bad.code, bad.detail) for bad in feed.bad] == [
        (2, "1", "bad-price", "price: '-5' is below zero"),
        (3, "2", "bad-price", "price: 'ask' is no price"),
    ]
    assert (feed.rows, feed.bad_rows, feed.bad_total) == (3, 0, 2)


def test_currencies_of_columns() -> None:
    assert products(read("id,Price (EUR)\n1,5\n")) == {"1": {"price": 5.0, "currency": "EUR"}}
    assert products(read("id,price_usd\n1,5\n")) == {"1": {"price": 5.0, "currency": "USD"}}
    assert products(read("id;Preis in €\n1;5,50\n")) == {"1": {"price": 5.5, "currency": "EUR"}}
    assert products(read("id,price,currency\n1,5,eur\n2,5 EUR,EUR\n")) == {
        "1": {"price": 5.0, "currency": "EUR"},
        "2": {"price": 5.0, "currency": "EUR"},
    }


def test_prices_in_two_currencies_are_not_compared() -> None:
    feed = read("id,price,sale_price,currency\n1,5 EUR,4 USD,\n2,5 USD,,EUR\n3,5,,x\n")
    assert products(feed) == {
        "1": {"price": 5.0, "currency": "EUR"},
        "2": {"currency": "EUR"},
        "3": {"price": 5.0},
    }
    assert [bad.code for bad in feed.bad] == ["bad-price", "bad-price", "bad-currency"]


@pytest.mark.parametrize(
    ("header", "row", "price", "sale"),
    [
        ("price,sale_price", "20,15", 20.0, 15.0),
        ("regular_price,sale_price", "20,15", 20.0, 15.0),
        ("price,compare_at_price", "15,20", 20.0, 15.0),
        ("price,compare_at_price", "15,15", 15.0, None),
        ("price,compare_at_price", "15,10", 15.0, None),
        ("price,compare_at_price", "15,0", 15.0, None),
        ("price,UVP,special_price", "15,20,12", 20.0, 12.0),
        ("regular_price", "20", 20.0, None),
    ],
)
def test_a_regular_price_above_the_price_makes_a_sale(header: str, row: str, price: float, sale: float | None) -> None:
    values = products(read(f"id,{header}\n1,{row}\n"))["1"]
    assert (values.get("price"), values.get("sale_price")) == (price, sale)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-27T09:00+01:00", "2026-11-27T08:00:00+00:00"),
        ("2026-11-27T09:00-0800", "2026-11-27T17:00:00+00:00"),
        ("2026-11-27T09:00:30Z", "2026-11-27T09:00:30+00:00"),
        ("2026-11-27 09:00", "2026-11-27T09:00:00+00:00"),
        ("2026-11-27 09:00:00 +0100", "2026-11-27T08:00:00+00:00"),
        ("2026-11-27", "2026-11-27T00:00:00+00:00"),
        ("27.11.2026", "2026-11-27T00:00:00+00:00"),
        ("7.1.2026 14:30", "2026-01-07T14:30:00+00:00"),
        ("2026/11/27", "2026-11-27T00:00:00+00:00"),
        ("27/11/2026", "2026-11-27T00:00:00+00:00"),
        ("11/27/2026 10:00", "2026-11-27T10:00:00+00:00"),
        ("1795158000", "2026-11-20T07:00:00+00:00"),
        ("1795158000000", "2026-11-20T07:00:00+00:00"),
    ],
)
def test_dates(text: str, time: str) -> None:
    assert time_of(text) == ms(time)


def test_a_day_ends_with_its_last_millisecond() -> None:
    assert time_of("2026-11-27", ends=True) == ms("2026-11-28T00:00:00+00:00") - 1
    assert time_of("2026-11-27T09:00Z", ends=True) == ms("2026-11-27T09:00:00+00:00")
    assert times_of("2026-11-27/2026-11-27") == (ms("2026-11-27T00:00+00:00"), ms("2026-11-28T00:00:00+00:00") - 1)
    assert times_of("/2026-11-27T09:00Z") == (None, ms("2026-11-27T09:00:00+00:00"))


@pytest.mark.parametrize("text", ["soon", "02/03/2026", "2026-13-01", "2026-02-30", "99999-01-01", "31.02.2026", "12"])
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(BadValue):
        time_of(text)


def test_a_sale_whose_dates_cannot_be_read_is_left_out() -> None:
    feed = read("id,price,sale_price,sale_price_effective_date\n1,5,4,tomorrow\n2,5,4,2026-01-01/2026-02-01\n")
    found = products(feed)
    assert found["1"] == {"price": 5.0}
    assert found["2"] == {
        "price": 5.0,
        "sale_price": 4.0,
        "sale_starts": ms("2026-01-01T00:00+00:00"),
        "sale_ends": ms("2026-02-02T00:00+00:00") - 1,
    }
    assert [(bad.line, bad.code) for bad in feed.bad] == [(2, "bad-date")]


@pytest.mark.parametrize(
    ("text", "availability"),
    [
        ("in stock", "in_stock"),
        ("in_stock", "in_stock"),
        ("InStock", "in_stock"),
        ("https://schema.org/InStock", "in_stock"),
        ("TRUE", "in_stock"),
        ("1", "in_stock"),
        ("25", "in_stock"),
        ("auf Lager", "in_stock"),
        ("out of stock", "out_of_stock"),
        ("http://schema.org/OutOfStock", "out_of_stock"),
        ("SoldOut", "out_of_stock"),
        ("no", "out_of_stock"),
        ("0", "out_of_stock"),
        ("-3", "out_of_stock"),
        ("ausverkauft", "out_of_stock"),
        ("Pre-Order", "preorder"),
        ("on backorder", "backorder"),
        ("discontinued", "discontinued"),
        ("only in Oslo", "only in Oslo"),
    ],
)
def test_availability(text: str, availability: str) -> None:
    assert products(read(f"id,availability\n1,{text}\n")) == {"1": {"availability": availability}}


def test_a_number_in_stock_tells_the_availability_where_no_column_does() -> None:
    feed = read("id,qty\n1,0\n2,7\n3,many\n")
    assert products(feed) == {
        "1": {"availability": "out_of_stock", "qty": 0.0},
        "2": {"availability": "in_stock", "qty": 7.0},
        "3": {},
    }
    assert [(bad.line, bad.code) for bad in feed.bad] == [(4, "bad-number")]
    assert products(read("id,qty,availability\n1,0,preorder\n")) == {"1": {"availability": "preorder", "qty": 0.0}}


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("https://shop.example/p/1", "https://shop.example/p/1"),
        ("HTTP://shop.example", "HTTP://shop.example"),
        ("//shop.example/p", "https://shop.example/p"),
        ("www.shop.example/p", "https://www.shop.example/p"),
        ("https://shop.example/a b", "https://shop.example/a%20b"),
        ("https://shop.example/größe?a=b#c", "https://shop.example/größe?a=b#c"),
    ],
)
def test_links(text: str, link: str) -> None:
    assert products(read(f"id,link,image_link\n1,{text},{text}\n")) == {"1": {"link": link, "image_link": link}}


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\0script:alert(1)",
        "data:text/html,x",
        "ftp://shop.example",
        "/p/1",
        "shop",
        "https://",
        "https:///p",
        "mailto:a@shop.example",
        "https://shop.example/" + "x" * 3000,
    ],
)
def test_a_link_that_is_none_is_left_out_and_reported(text: str) -> None:
    feed = read(f'id,name,link\n1,Shirt,"{text}"\n')
    assert products(feed) == {"1": {"name": "Shirt"}}
    assert [(bad.line, bad.product_id, bad.code) for bad in feed.bad] == [(2, "1", "bad-link")]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<p>Washed <b>lin</b>en.</p><p>Two</p>", "Washed linen. Two"),
        ("a<br>b<br/>c", "a b c"),
        ("<script>alert(1)</script>text<style>p {}</style>", "text"),
        ("<script>never closed", ""),
        ("x <!-- hidden --> y", "x y"),
        ("Tom &amp; Jerry &lt;3 &euro;5", "Tom & Jerry <3 €5"),
        ("5 < 6 and 7 > 2", "5 < 6 and 7 > 2"),
        ("cut <a href=", "cut"),
        ("plain & simple", "plain & simple"),
    ],
)
def test_descriptions_are_texts_without_html(text: str, shown: str) -> None:
    values = products(read(f'id,description\n1,"{text}"\n'))["1"]
    assert values.get("description", "") == shown


def test_what_spreadsheets_write_for_errors_is_no_value() -> None:
    assert products(read("id,name,size\n1,#N/A,#REF!\n2,#1 hit,#VALUE!\n")) == {"1": {}, "2": {"name": "#1 hit"}}


def test_lists() -> None:
    feed = read('id,tags,categories\n1,"new,  sale,new,","Shoes > Boots, Sale"\n')
    assert products(feed) == {"1": {"tags": ("new", "sale"), "categories": ("Shoes > Boots", "Sale")}}


@pytest.mark.parametrize(
    "text",
    ["<a " * 20_000, "<script " * 10_000, "&#" + "9" * 100_000 + ";", "x" * 150_000, " ." * 70_000, "<!--" * 40_000],
)
def test_texts_that_would_take_for_ever(text: str) -> None:
    columns = ["description", "name", "price", "link", "availability", "tags", "sale_ends", "size"]
    started = time.process_time()
    for column in columns:
        assert read(f'id,sale_price,{column}\n1,4,"{text}"\n2,5,\n').rows == 2
    read(f"id,{text}\n{text},2\n")
    assert time.process_time() - started < 5


def test_entities_of_names() -> None:
    found = products(read("id,name\n1,Tom &amp; Jerry &#8211; &#10;new&#8238;\n2,&#99999999999;\n"))
    assert found == {"1": {"name": "Tom & Jerry – new"}, "2": {"name": "�"}}


def test_of_two_columns_for_the_name_the_likeliest_counts_wherever_it_stands() -> None:
    found = products(read("id,name,title\n1,Long name,Title\n2,Long name,\n"))
    assert [found[product]["name"] for product in "12"] == ["Title", "Long name"]


def test_each_row_with_the_same_bad_value_is_reported() -> None:
    feed = read("id,price,qty\n1,ask,1\n2,ask,1\n3,ask,1\n")
    assert [(bad.line, bad.product_id) for bad in feed.bad] == [(2, "1"), (3, "2"), (4, "3")]
