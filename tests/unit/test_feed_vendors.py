"""The files that Google Merchant, Shopify and WooCommerce have, read without an option: every column that a shopper has use for."""

from datetime import UTC, datetime

import pytest

from lookalike.tables.table import Kind
from tests.support.feeds import products, read, read_file


def ms(text: str) -> float:
    return datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000


def test_google_merchant() -> None:
    feed = read_file("google.tsv")
    shirt = products(feed)["LN-204-M"]
    assert shirt == {
        "name": "Linen shirt Alba",
        "price": 59.0,
        "currency": "EUR",
        "sale_price": 44.5,
        "sale_starts": ms("2026-11-20T08:00+01:00"),
        "sale_ends": ms("2026-12-01T23:59+01:00"),
        "link": "https://shop.example/p/alba?size=m",
        "brand": "Nordsee",
        "availability": "in_stock",
        "product_type": "Clothing > Shirts",
        "colour": ("White", "Blue"),
        "description": "A light shirt of washed linen with coconut buttons & a straight hem.",
        "image_link": "https://shop.example/i/alba.jpg",
        "additional_image_link": ("https://shop.example/i/alba-back.jpg", "https://shop.example/i/alba-w,200.jpg"),
        "gtin": "04012345678901",
        "mpn": "ALBA-204",
        "condition": "new",
        "google_product_category": "212",
        "size": "M",
        "gender": "female",
        "age_group": "adult",
        "material": "linen",
        "item_group_id": "LN-204",
        "shipping": "DE:::4.90 EUR",
        "custom_label_0": "summer",
    }
    assert (feed.rows, feed.bad_total, feed.id_column) == (4, 0, "id")
    assert "TSV of Google Merchant" in feed.remarks[0]


def test_google_merchant_has_each_availability_and_a_price_with_thousands() -> None:
    found = products(read_file("google.tsv"))
    assert {product_id: values["availability"] for product_id, values in found.items()} == {
        "LN-204-M": "in_stock",
        "LN-204-L": "out_of_stock",
        "BT-77": "preorder",
        "CP-9": "backorder",
    }
    assert (found["BT-77"]["price"], found["BT-77"]["currency"]) == (1249.0, "USD")
    assert found["BT-77"]["name"] == 'Ankle boot "Fjord"'
    assert found["BT-77"]["availability_date"] == "2027-01-15T09:00+0100"


def test_what_a_product_costs_the_shop_is_told_to_nobody() -> None:
    for name, column in [
        ("google.tsv", "cost_of_goods_sold"),
        ("shopify.csv", "Cost per item"),
        ("shopify-2025.csv", "Cost per item"),
        ("woocommerce.csv", "Meta: _wc_cog_cost"),
    ]:
        feed = read_file(name)
        assert column not in feed.fields
        assert column not in feed.table.columns
    assert products(read("id,Cost,EK,price\n1,3.10,2,9.90\n")) == {"1": {"price": 9.9}}


def test_shopify_puts_the_variants_of_a_product_together() -> None:
    feed = read_file("shopify.csv")
    assert products(feed)["alba-shirt"] == {
        "name": "Alba shirt",
        "price": 49.0,
        "sale_price": 39.0,
        "brand": "Nordsee",
        "availability": "in_stock",
        "product_type": "Shirts",
        "Product Category": "Apparel & Accessories > Clothing > Shirts",
        "colour": ("White", "Sea blue"),
        "Size": ("S", "M"),
        "tags": ("linen", "summer", "new in"),
        "Variant SKU": ("ALBA-S-W", "ALBA-M-W", "ALBA-M-B"),
        "Variant Barcode": ("4012345678901",),
        "Variant Grams": 210.0,
        "Google Shopping / Gender": "female",
        "description": "Washed linen. coconut buttons straight hem",
        "image_link": "https://cdn.shop.example/alba-1.jpg",
        "additional_image_link": (
            "https://cdn.shop.example/alba-2.jpg",
            "https://cdn.shop.example/alba-blue.jpg",
            "https://cdn.shop.example/alba-3.jpg",
        ),
    }
    assert (feed.rows, len(feed.table), feed.bad_total, feed.id_column) == (8, 4, 0, "Handle")
    assert "8 rows of 4 products" in feed.remarks


def test_shopify_tells_what_can_be_bought() -> None:
    found = products(read_file("shopify.csv"))
    assert found["gift-box"]["availability"] == "in_stock"  # its stock is not counted
    assert found["fjord-boot"]["availability"] == "backorder"  # none left of one size, which is sold on
    assert found["winter-coat"]["availability"] == "unpublished"
    assert "sale_price" not in found["fjord-boot"]  # compared with the same price
    assert "Title" not in found["gift-box"]  # the option of a product without options


def test_shopify_with_the_column_names_of_2025() -> None:
    feed = read_file("shopify-2025.csv")
    assert products(feed) == {
        "alba-shirt": {
            "name": "Alba shirt",
            "price": 59.0,
            "sale_price": 49.0,
            "brand": "Nordsee",
            "availability": "backorder",
            "product_type": "Shirts",
            "Product category": "Apparel & Accessories > Clothing > Shirts",
            "colour": ("white", "blue"),
            "Size": ("S", "M"),
            "tags": ("linen", "summer"),
            "SKU": ("ALBA-S", "ALBA-M"),
            "Barcode": ("4012345678901",),
            "Weight value (grams)": 210.0,
            "description": "Washed linen.",
            "image_link": "https://cdn.shop.example/alba-1.jpg",
        },
        "cap": {
            "name": "Cap",
            "price": 15.0,
            "brand": "Nordsee",
            "availability": "unpublished",
            "product_type": "Hats",
            "SKU": ("CAP",),
        },
    }
    assert feed.id_column == "URL handle"


def test_rows_of_a_product_need_not_stand_together() -> None:
    head = "Handle,Title,Option1 Name,Option1 Value,Variant Price,Image Src,Published\n"
    rows = [
        "shirt,Shirt,Size,S,20,https://a.example/1.jpg,true\n",
        "coat,Coat,Title,Default Title,90,,false\n",
        "shirt,,,M,15,https://a.example/2.jpg,\n",
        "coat,,,,95,,\n",
        "shirt,,,L,25,,\n",
    ]
    together = [row for handle in ("shirt", "coat") for row in rows if row.startswith(handle)]
    assert products(read(head + "".join(rows))) == products(read(head + "".join(together)))
    assert products(read(head + "".join(rows))) == {
        "shirt": {
            "name": "Shirt",
            "price": 15.0,
            "Size": ("S", "M", "L"),
            "image_link": "https://a.example/1.jpg",
            "additional_image_link": ("https://a.example/2.jpg",),
        },
        "coat": {"name": "Coat", "price": 90.0, "availability": "unpublished"},
    }


def test_woocommerce() -> None:
    feed = read_file("woocommerce.csv")
    found = products(feed)
    assert found["CAP-9"] == {
        "name": "Wool cap – grey",
        "price": 19.9,
        "sale_price": 14.9,
        "sale_starts": ms("2026-11-20T00:00Z"),
        "sale_ends": ms("2026-11-30T23:59:59.999Z"),
        "brand": "Nordsee",
        "availability": "in_stock",
        "product_type": "Accessories > Hats",
        "categories": ("Accessories", "Accessories > Hats"),
        "tags": ("wool", "winter"),
        "GTIN, UPC, EAN, or ISBN": "4012345678925",
        "Short description": "Warm.",
        "Stock": 14.0,
        "Weight (kg)": 0.12,
        "Material": ("Merino",),
        "description": "Knitted of merino. One size.",
        "image_link": "https://shop.example/i/cap.jpg",
        "additional_image_link": ("https://shop.example/i/cap-back.jpg",),
    }
    assert (feed.rows, len(feed.table), feed.bad_total) == (7, 4, 0)
    assert "column SKU names the product, and ID where it is empty" in feed.remarks


def test_woocommerce_puts_variations_to_their_product() -> None:
    found = products(read_file("woocommerce.csv"))
    assert found["ALBA"] == {
        "name": "Alba shirt",
        "price": 52.0,
        "sale_price": 39.0,  # the variation that costs least; one at 1 is not published
        "availability": "in_stock",
        "product_type": "Clothing > Shirts",
        "categories": ("Clothing > Shirts",),
        "Size": ("S", "M"),
        "colour": ("White", "Sea blue"),
        "image_link": "https://shop.example/i/alba.jpg",
        "additional_image_link": ("https://shop.example/i/alba-s.jpg",),
    }


def test_woocommerce_products_without_sku_have_their_number() -> None:
    found = products(read_file("woocommerce.csv"))
    assert found["106"]["name"] == "Shoe tree"
    assert found["106"]["link"] == "https://other.example/tree"
    assert found["106"]["availability"] == "backorder"
    assert found["PAT-1"]["availability"] == "unpublished"


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 0, 1)])
def test_variations_find_their_product_in_any_order(order: tuple[int, ...]) -> None:
    rows = [
        "7,variable,SHIRT,Shirt,,,Size,S\n",
        "8,variation,,Shirt - S,20,id:7,Size,S\n",
        "9,variation,SHIRT-M,Shirt - M,15,SHIRT,Size,M\n",
    ]
    head = "ID,Type,SKU,Name,Regular price,Parent,Attribute 1 name,Attribute 1 value(s)\n"
    (shirt,) = products(read(head + "".join(rows[place] for place in order))).values()
    assert set(shirt.pop("Size")) == {"S", "M"}
    assert shirt == {"name": "Shirt", "price": 15.0}


def test_a_variation_of_a_product_in_another_file_speaks_of_that_product() -> None:
    head = "ID,Type,SKU,Regular price,Parent\n"
    assert products(read(head + "8,variation,A-S,20,id:7\n9,variation,B-S,15,B\n")) == {
        "7": {"price": 20.0},
        "B": {"price": 15.0},
    }


def test_the_dataset_of_fashion_products() -> None:
    feed = read(
        "id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,productDisplayName\n"
        "15970,Men,Apparel,Topwear,Shirts,Navy Blue,Fall,2011,Casual,A shirt\n"
        "10268,Women,Footwear,Shoes,Heels,Red,Summer,2012,,A shoe, with a comma\n"
    )
    assert products(feed)["10268"] == {
        "name": "A shoe, with a comma",
        "gender": "Women",
        "masterCategory": "Footwear",
        "subCategory": "Shoes",
        "articleType": "Heels",
        "baseColour": "Red",
        "season": "Summer",
        "year": 2012.0,
    }
    assert feed.kinds["year"] is Kind.NUMBER
    assert feed.fields["productDisplayName"] == "name"


def test_an_option_does_not_take_the_place_of_an_attribute() -> None:
    head = "Handle,Title,Option1 Name,Option1 Value,Variant Price\n"
    assert products(read(head + "cap,Cap,Price,high,5\n")) == {
        "cap": {"name": "Cap", "price": 5.0, "Option Price": ("high",)}
    }


def test_a_file_with_some_columns_of_woocommerce_is_not_of_it() -> None:
    feed = read("sku,type,regular_price\nA,Shirt,20\n")
    assert products(feed) == {"A": {"price": 20.0, "product_type": "Shirt"}}


def test_costs_are_known_in_any_currency_and_place() -> None:
    assert products(read("id,cost_eur,Cost (USD),Wholesale Price,size\n1,3,4,5,S\n")) == {"1": {"size": "S"}}
    line = '{"id": 1, "cost": {"value": "3", "currency": "EUR"}, "shop": {"cost": 3, "shelf": "B"}}\n'
    assert products(read(line, "x.jsonl")) == {"1": {"shop.shelf": "B"}}


def test_entities_of_html_in_categories_and_brands() -> None:
    feed = read('id,brand,categories\n1,Tom &amp; Co,"Men &amp; Women, Shoes"\n')
    assert products(feed) == {"1": {"brand": "Tom & Co", "categories": ("Men & Women", "Shoes")}}
