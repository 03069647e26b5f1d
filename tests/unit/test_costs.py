"""The cost calculator: against sums done by hand, and against the template it speaks of."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from scripts import costs
from scripts.common.template_yaml import yaml_parse
from scripts.costs import bill, first_load
from scripts.deployment import prices
from scripts.deployment.workload import MONTH_S, TooLargeError, Workload

ROOT = Path(__file__).resolve().parents[2]
SHOP = Workload(products=44_000, queries=1_000_000)


def usd(work: Workload, group: str, what: str, *, free_tier: bool = False) -> float:
    (line,) = (line for line in bill(work, free_tier=free_tier) if (line.group, line.item) == (group, what))
    return line.usd


def total(work: Workload, *, free_tier: bool = False) -> float:
    return sum(line.usd for line in bill(work, free_tier=free_tier))


def test_a_million_queries_by_hand() -> None:
    # 1,000,000 x 60 ms and 10,000 starts of 2 s, each on 1,769 MB.
    seconds = 1_000_000 * 0.060 + 10_000 * 2.0
    assert usd(SHOP, "answers", "Lambda, time") == pytest.approx(seconds * 1769 / 1024 * 0.0000166667)
    assert usd(SHOP, "answers", "Lambda, requests") == pytest.approx(0.20)
    assert usd(SHOP, "answers", "HTTP API") == pytest.approx(1.00)
    assert usd(SHOP, "answers", "X-Ray") == pytest.approx(5.00)
    assert usd(SHOP, "answers", "CloudFront, photos to the API") == pytest.approx(1e6 * 60 * 1024 / 2**30 * 0.02)
    assert usd(SHOP, "photos shown", "CloudFront, bytes") == pytest.approx(10e6 * 60 * 1024 / 2**30 * 0.085)
    assert usd(SHOP, "photos shown", "S3") == pytest.approx(10e6 / 1000 * 0.0004)


def test_an_index_of_a_hundred_million_by_hand() -> None:
    work = Workload(products=1e8, queries=1e6, engine="index")
    filterable, entry = 869 * 4 + 32 + 40, 869 * 4 + 32 + 40 + 120  # bytes
    assert usd(work, "index", "S3 Vectors, storage") == pytest.approx(1e8 * entry / 2**30 * 0.06)
    assert usd(work, "index", "S3 Vectors, new photos") == pytest.approx(1e7 * entry / 2**30 * 0.20)
    assert usd(work, "index", "S3 Vectors, queries") == pytest.approx(2.50)
    processed = sum(line.usd for line in bill(work) if line.price.unit == "TB")
    tiers = 100_000 * 0.004 + 9_900_000 * 0.002 + 90_000_000 * 0.0004
    assert processed == pytest.approx(1e6 * tiers * filterable / 1e12)
    assert first_load(work) == pytest.approx(first_load(replace(work, engine="exact")) + 1e8 * entry / 2**30 * 0.20)


def test_an_index_of_few_photos_has_one_price_for_what_it_processes() -> None:
    lines = [line for line in bill(replace(SHOP, engine="index")) if line.price.unit == "TB"]
    assert [line.price.usd for line in lines] == [0.004]


def test_the_exact_search_takes_memory_and_time_by_the_photo() -> None:
    large = Workload(products=10e6, queries=1e6)
    assert large.memory_mb == pytest.approx(735 + 10e6 * 426 / 1e6)
    processors = large.memory_mb / 1769
    assert large.search_ms == pytest.approx(60 + (10e6 - 44_000) * 21.4e-6 / processors)
    assert SHOP.search_ms == 60


def test_more_photos_than_one_function_holds_need_the_index(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TooLargeError, match="--engine index"):
        bill(Workload(products=1e8, queries=1))
    assert costs.main(["--products", "1e8", "--queries", "1"]) == 2
    assert "--engine index" in capsys.readouterr().err


def test_taking_in_the_catalogue_by_hand() -> None:
    time = 44_000 * 0.060 * 1769 / 1024 * 0.0000166667
    requests = 440 * 0.2e-6 + 44_000 * 1.2 * 0.4e-6 + 44_440 * 0.005e-3 + 44_000 * 0.0004e-3
    # 44,000 rows of product data in one file, and half a second for the file.
    data = (0.5 + 44_000 * 45e-6) * 1769 / 1024 * 0.0000166667 + 0.2e-6 + 4 * 0.005e-3
    assert first_load(SHOP) == pytest.approx(time + requests + data)


def test_how_long_taking_in_lasts_by_hand() -> None:
    assert SHOP.ingest_s == pytest.approx((44_000 * 0.060 + 0.5 + 44_000 * 45e-6) / 5)
    assert replace(SHOP, ingest_concurrency=50).ingest_s == pytest.approx(SHOP.ingest_s / 10)
    assert SHOP.upload_s == pytest.approx(44_000 * (60 * 1024 + 270) * 8 / 50e6)


def test_product_data_costs_by_its_files() -> None:
    without = replace(SHOP, data_files=0)
    assert total(SHOP) > total(without)
    assert usd(SHOP, "product data", "Lambda, time") == pytest.approx(
        60 * usd(replace(SHOP, data_files=1), "product data", "Lambda, time")
    )
    assert first_load(without) < first_load(SHOP)


def test_a_warm_function_looks_for_new_photos_once_in_its_staleness_at_most() -> None:
    busy = replace(SHOP, queries=1e8, query_ms=0)
    assert busy.refreshes == pytest.approx(MONTH_S / 5, rel=0.01)
    assert replace(busy, max_staleness_s=60).refreshes == pytest.approx(MONTH_S / 60, rel=0.01)
    assert replace(SHOP, queries=100).refreshes == pytest.approx(100, rel=0.01), "of few queries, each finds it old"
    assert replace(SHOP, max_staleness_s=0).refreshes == SHOP.queries


def test_traces_are_sampled_where_there_are_many() -> None:
    assert replace(SHOP, queries=1000).traced == pytest.approx(1000)
    ten_a_second = replace(SHOP, queries=10 * MONTH_S)
    assert ten_a_second.traced == pytest.approx(MONTH_S * 1.45)
    assert replace(ten_a_second, tracing=False).traced == 0


def test_what_queries_send_is_paid_for_in_the_hours_that_have_one() -> None:
    assert usd(replace(SHOP, queries=0), "standing", "metrics, of queries") == 0
    assert usd(replace(SHOP, queries=73), "standing", "metrics, of queries") == pytest.approx(4 * 0.30 / 10)
    assert usd(SHOP, "standing", "metrics, of queries") == pytest.approx(4 * 0.30)


def test_a_problem_is_a_metric_in_the_hours_in_which_it_happens() -> None:
    def asked(work: Workload) -> float:
        return usd(work, "standing", "metrics, of problems")

    assert asked(replace(SHOP, queries=2e6)) == pytest.approx(costs.PROBLEM_METRICS * 0.30), (
        "twenty thousand in a month: every kind in every hour"
    )
    # A hundred of 730 hours have one.
    assert asked(replace(SHOP, queries=10_000)) == pytest.approx(100 / 730 * 0.30)
    assert asked(replace(SHOP, problem_share=0)) == 0


def test_snapstart_costs_while_nobody_asks() -> None:
    idle = replace(SHOP, queries=0)
    difference = total(replace(idle, snapstart=True)) - total(idle)
    assert difference == pytest.approx(MONTH_S * 1769 / 1024 * 0.0000015046)
    assert 6 < difference < 7.5, "template.yaml and the docs say about 7 USD"


def test_what_is_free_is_free_once() -> None:
    busy = replace(SHOP, queries=3e6)
    requests = [line for line in bill(busy, free_tier=True) if line.price is prices.CLOUDFRONT_REQUESTS]
    assert sum(line.usd for line in requests) == pytest.approx((3e6 + 30e6 - 10e6) / 10_000 * 0.01)


def test_a_shop_that_nobody_asks_pays_for_little_but_storage() -> None:
    assert total(replace(SHOP, queries=0), free_tier=True) < 0.60


def test_an_empty_shop_has_no_division_by_nothing() -> None:
    empty = Workload(products=0, queries=0)
    assert first_load(empty) == 0


def test_what_is_assumed_of_the_stack_is_in_the_template() -> None:
    template = yaml_parse((ROOT / "template.yaml").read_text("utf-8"))
    resources, parameters = template["Resources"], template["Parameters"]
    memory = {name: resources[f"{name}Function"]["Properties"]["MemorySize"] / 1024 for name in ("Query", "Ingest")}
    assert memory == {"Query": SHOP.memory_mb / 1024, "Ingest": costs.INGEST_GB}
    assert resources["CompactFunction"]["Properties"]["MemorySize"] / 1024 == costs.COMPACT_GB
    alarms = [item for item in resources.values() if item["Type"] == "AWS::CloudWatch::Alarm"]
    of_index = [alarm for alarm in alarms if alarm.get("Condition") == "UsesIndex"]
    assert (len(alarms) - len(of_index), len(of_index)) == (costs.ALARMS, costs.INDEX_ALARMS)
    assert resources["FollowFunction"]["Properties"]["MemorySize"] / 1024 == costs.COMPACT_GB
    assert parameters["CompactSchedule"]["Default"] == "rate(15 minutes)"
    assert costs.COMPACTIONS * 15 * 60 == MONTH_S
    assert parameters["MaxStalenessSeconds"]["Default"] == SHOP.max_staleness_s
    assert (parameters["SnapStart"]["Default"] == "true") == SHOP.snapstart
    assert (parameters["Tracing"]["Default"] == "Active") == SHOP.tracing
    assert parameters["IngestConcurrency"]["Default"] == SHOP.ingest_concurrency
    batch = resources["IngestFunction"]["Properties"]["Events"]["Images"]["Properties"]["BatchSize"]
    assert batch == costs.INGEST_BATCH


def test_every_price_says_where_it_is_written() -> None:
    for price in vars(prices).values():
        if isinstance(price, prices.Price):
            assert price.usd > 0
            assert price.per > 0
            assert "/" in price.source


def test_the_table_adds_up_and_json_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--products", "44000", "--queries", "1e6", "--tracing", "off", "--architecture", "arm64"]
    assert costs.main(asked) == 0
    table = capsys.readouterr().out
    assert costs.main([*asked, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    work = replace(SHOP, tracing=False, architecture="arm64")
    assert document["month_usd"] == pytest.approx(total(work))
    assert document["month_usd"] == pytest.approx(sum(line["usd"] for line in document["lines"]))
    assert f"{total(work):.2f}" in table


def test_a_day_of_abuse_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--products", "44000", "--flood", "50", "--query-kb", "4096", "--query-ms", "3000", "--cold-share", "0"]
    assert costs.main([*asked, "--tracing", "off", "--json"]) == 0
    day = json.loads(capsys.readouterr().out)
    usd = {line["item"]: line["usd"] for line in day["lines"]}
    queries = 50 * 86400
    assert usd["Lambda, time"] == pytest.approx(queries * 3 * 1769 / 1024 * 0.0000166667)
    assert usd["HTTP API"] == pytest.approx(queries * 8 * 1e-6), "4 MB are eight requests of 512 KB"
    assert usd["CloudFront, photos to the API"] == pytest.approx(queries / 256 * 0.02)
    assert day["day_usd"] == pytest.approx(sum(usd.values()))
    to_cloudfront = sum(amount for item, amount in usd.items() if "CloudFront" in item)
    assert day["day_direct_usd"] == pytest.approx(day["day_usd"] - to_cloudfront)


def test_the_page_says_what_a_day_of_abuse_costs(capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "costs.md").read_text("utf-8")
    rate = yaml_parse((ROOT / "template.yaml").read_text("utf-8"))["Parameters"]["ThrottleRate"]["Default"]
    commands = re.findall(rf"scripts\.costs (.*--flood {rate}.*)", page)
    assert len(commands) == 2
    for command in commands:
        costs.main([*command.split(), "--json"])
        day = json.loads(capsys.readouterr().out)
        assert f"| {day['day_usd']:.2f} | {day['day_direct_usd']:.2f} |" in page


@pytest.mark.parametrize("count", ["-1", "nan", "inf", "many"])
def test_a_number_that_is_none_is_refused(count: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        costs.main(["--products", "10", "--queries", count])
    assert "--queries" in capsys.readouterr().err


def test_the_page_on_costs_says_what_the_calculator_says() -> None:
    page = (ROOT / "docs" / "costs.md").read_text("utf-8")
    rows = {row[0].strip("* "): row[1:] for line in page.splitlines() if len(row := line.strip("|").split(" | ")) > 1}
    by_queries = [replace(SHOP, queries=queries) for queries in (0, 1e5, 1e6)]
    for name, free_tier in (("with what is always free** (`--free-tier`)", True), ("without", False)):
        told = [cell.strip("*| ") for cell in rows[name]]
        assert told == [f"{total(work, free_tier=free_tier):.2f}" for work in by_queries]


def test_the_page_on_growth_says_what_the_calculator_says() -> None:
    page = (ROOT / "docs" / "growth.md").read_text("utf-8")
    sizes = ((1e7, "exact"), (1e7, "index"), (1e8, "index"), (1e9, "index"))
    works = [Workload(products=products, queries=1e6, engine=engine) for products, engine in sizes]
    assert f"| **a month** | {' | '.join(f'**{total(work):,.2f}**' for work in works)} |" in page
    assert f"| once, to take the catalogue in | {' | '.join(f'{first_load(work):,.2f}' for work in works)} |" in page


def test_the_page_on_deploying_says_how_long_and_how_much_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    commands = re.findall(r"scripts\.costs (--products \d+ --queries 0.*)", page)
    assert len(commands) == 2
    for command in commands:
        costs.main([*command.split(), "--json"])
        told = json.loads(capsys.readouterr().out)
        fast = replace(Workload(int(command.split()[1]), 0), ingest_concurrency=50)
        hours = [told["upload_h"], told["ingest_h"], fast.ingest_s / 3600]
        assert " | ".join(f"{value:.2f}" for value in (*hours, told["first_load_usd"])) in page
