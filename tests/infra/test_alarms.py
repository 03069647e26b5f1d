"""Alarms watch metrics that exist, tell the topic, and are all on the dashboard and in docs/operations.md."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lookalike.index.memory import MemoryIndex
from lookalike.photos.embedder import DRIFT_TOLERANCE
from lookalike.store.recall import Recall, publish
from scripts import costs
from tests.infra.translated import Resources
from tests.support import fakes, functions
from tests.support.api import query_function

ROOT = Path(__file__).resolve().parents[2]
OWN = "Lookalike/lookalike"

# What AWS sends by itself: the dimension that chooses one thing, and the names (as AWS documents them for each service).
NATIVE = {
    "AWS/Lambda": ("FunctionName", {"Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions"}),
    "AWS/SQS": ("QueueName", {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"}),
    # Of HTTP APIs. REST APIs have others: 5XXError.
    "AWS/ApiGateway": ("ApiId", {"4xx", "5xx", "Count", "Latency", "IntegrationLatency", "DataProcessed"}),
}
ALARMS = {
    "DeadLettersAlarm": "DeadLetterQueue",
    "QueueAgeAlarm": "ImageQueue",
    "IngestErrorsAlarm": "IngestFunction",
    "DataFileRejectedAlarm": "IngestFunction",
    "QueryErrorsAlarm": "QueryFunction",
    "CompactErrorsAlarm": "CompactFunction",
    "CompactMissingAlarm": "CompactFunction",
    "FollowErrorsAlarm": "FollowFunction",
    "IndexBehindAlarm": "FollowFunction",
    "IndexRecallAlarm": "FollowFunction",
    "LogSegmentsAlarm": "QueryFunction",
    "LogAgeAlarm": "QueryFunction",
    "ModelDriftAlarm": "IngestFunction",
    "StaleAnswersAlarm": "QueryFunction",
    "SlowAnswersAlarm": "HttpApi",
    "ServerErrorsAlarm": "HttpApi",
    "StoreUnavailableAlarm": "QueryFunction",
}
OF_DATA = {"DataFiles", "DataFilesRejected", "ProductRows", "BadRows"}


Sent = dict[str, set[tuple[str, str]]]


@pytest.fixture(scope="module")
def sent() -> Sent:
    """The metrics of each function, as (service, name): one call of each, over a store in memory."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in functions.ENVIRONMENT.items():
            patch.setenv(name, value)
        calls = {"query": search, "outage": search_in_vain, "ingest": ingest, "data": ingest_data, "compact": compact}
        calls["follow"] = follow
        return {name: sent_by(call(patch)) for name, call in calls.items()}


def sent_by(call: Callable[[], object]) -> set[tuple[str, str]]:
    with redirect_stdout(StringIO()) as printed:
        call()
    return {
        (line["service"], metric["Name"])
        for line in functions.sent_metrics(printed.getvalue())
        for directive in line["_aws"]["CloudWatchMetrics"]
        for metric in directive["Metrics"]
    }


def search(patch: pytest.MonkeyPatch) -> Callable[[], object]:
    api = query_function(patch, rows=[fakes.put_row("images/1.jpg", fakes.photo("red"))])
    return lambda: api.search(fakes.photo("red"))


def search_in_vain(patch: pytest.MonkeyPatch) -> Callable[[], object]:
    api = query_function(patch)
    api.store.down = {"list"}
    return lambda: api.search(fakes.photo("red"))


def ingest(patch: pytest.MonkeyPatch, event: str = "sqs_put") -> Callable[[], object]:
    app, catalogue = functions.load("ingest"), fakes.FakeCatalogue()
    catalogue.put("images/1563.jpg", fakes.photo("red"))
    catalogue.put("products/prices.csv", b"id,price\n1563,10\n")
    patch.setattr(app, "S3Store", lambda *place: fakes.OutageStore())
    patch.setattr(app, "S3Catalogue", lambda *place: catalogue)
    patch.setattr(app, "Embedder", lambda folder, **options: fakes.FakeEmbedder())
    return lambda: app.handler(functions.event(event), functions.Context())


def ingest_data(patch: pytest.MonkeyPatch) -> Callable[[], object]:
    return ingest(patch, "sqs_data_put")


def compact(patch: pytest.MonkeyPatch) -> Callable[[], object]:
    app, photos, products = functions.load("compact"), fakes.OutageStore(), fakes.OutageStore()
    fakes.fill(photos, [fakes.put_row("images/1.jpg", fakes.photo("red"))])
    patch.setattr(app, "store_prefixes", lambda *place: ["aa/"])
    patch.setattr(app, "S3Store", lambda client, bucket, prefix: photos if prefix == "aa/" else products)
    return lambda: app.handler({}, functions.Context())


def follow(patch: pytest.MonkeyPatch) -> Callable[[], object]:
    app, store, index = functions.load("follow"), fakes.OutageStore(), MemoryIndex(fakes.LAYOUT.dimensions)
    publish(store, Recall(index.name, at=5, queries=1, found=4, wanted=5, version=1, measured_ms=1))
    patch.setattr(app, "ModelSpec", SimpleNamespace(load=lambda folder: fakes.FakeEmbedder.spec))
    patch.setattr(app, "S3Store", lambda *place: store)
    patch.setattr(app, "open_index", lambda *place: index)
    return lambda: app.handler({}, functions.Context())


def assert_exists(resources: Resources, sent: Sent, namespace: str, name: str, dimension: tuple[str, str]) -> None:
    key, value = dimension
    if namespace == OWN:
        assert key == "service"
        senders = ["ingest", "query"] if value == "embedder" else [value]
        if name.startswith("Problem-"):
            senders = ["outage"]
        if name in OF_DATA:
            senders = ["data"]
        assert all((value, name) in sent[function] for function in senders)
        return
    assert (key, name) in {(NATIVE[namespace][0], native) for native in NATIVE[namespace][1]}
    of = {"FunctionName": "AWS::Lambda::Function", "QueueName": "AWS::SQS::Queue", "ApiId": "AWS::ApiGatewayV2::Api"}
    assert value in {resources.resolved({"Ref": item}).rpartition("/")[2] for item in resources.of_type(of[key])}


@pytest.mark.parametrize("alarm", sorted(ALARMS))
def test_an_alarm_watches_a_metric_that_is_sent(resources: Resources, sent: Sent, alarm: str) -> None:
    properties = resources.resolved(resources[alarm])
    (dimension,) = properties["Dimensions"]
    watched = (dimension["Name"], dimension["Value"])
    assert_exists(resources, sent, properties["Namespace"], properties["MetricName"], watched)
    assert ("Statistic" in properties) != ("ExtendedStatistic" in properties)
    evaluated_s = properties["Period"] * properties["EvaluationPeriods"]
    assert evaluated_s <= 86400, "CloudWatch looks back no further"


def test_a_message_that_keeps_killing_functions_is_noticed_while_sqs_still_counts_its_age(resources: Resources) -> None:
    """SQS leaves a message out of the metric once it was received three times."""
    hidden_s = resources["ImageQueue"]["VisibilityTimeout"]
    assert hidden_s < resources["QueueAgeAlarm"]["Threshold"] < 2 * hidden_s


def test_every_alarm_is_known_here_and_tells_the_topic(resources: Resources) -> None:
    alarms = resources.of_type("AWS::CloudWatch::Alarm")
    assert set(alarms) == set(ALARMS)
    for properties in alarms.values():
        assert properties["AlarmActions"] == properties["OKActions"] == [{"Ref": "AlarmTopic"}]
        assert properties["AlarmDescription"]
        assert properties["TreatMissingData"] in {"breaching", "notBreaching"}


def test_silence_is_fine_but_for_compaction(resources: Resources) -> None:
    alarms = resources.of_type("AWS::CloudWatch::Alarm")
    breaching = {name for name, alarm in alarms.items() if alarm["TreatMissingData"] == "breaching"}
    assert breaching == {"CompactMissingAlarm"}


def test_the_alarm_for_drift_rings_where_the_function_warns(resources: Resources) -> None:
    assert resources["ModelDriftAlarm"]["Threshold"] == DRIFT_TOLERANCE
    assert resources["ModelDriftAlarm"]["ComparisonOperator"] == "GreaterThanThreshold"


def test_old_answers_ring_while_there_is_time_and_fresh_ones_never(resources: Resources) -> None:
    query, compact = (resources[name]["Environment"]["Variables"] for name in ("QueryFunction", "CompactFunction"))
    assert query["GRACE_S"] == compact["GRACE_S"], "what answers may be read from is what is kept"
    freshest_s = (
        resources.document["Parameters"]["MaxStalenessSeconds"]["MaxValue"] + resources["QueryFunction"]["Timeout"]
    )
    assert freshest_s < resources["StaleAnswersAlarm"]["Threshold"] < float(query["GRACE_S"]) / 2


def test_every_function_has_an_alarm_for_its_errors(resources: Resources) -> None:
    watched = {
        alarm["Dimensions"][0]["Value"]["Ref"]
        for alarm in resources.of_type("AWS::CloudWatch::Alarm").values()
        if alarm["MetricName"] == "Errors"
    }
    assert watched == set(resources.of_type("AWS::Lambda::Function"))


def test_functions_send_their_metrics_where_the_alarms_look(resources: Resources) -> None:
    for function in resources.of_type("AWS::Lambda::Function").values():
        assert resources.resolved(function["Environment"]["Variables"]["POWERTOOLS_METRICS_NAMESPACE"]) == OWN


def test_compaction_runs_more_often_than_its_alarm_looks(resources: Resources) -> None:
    schedule = resources.resolved(resources.of_type("AWS::Events::Rule")["CompactFunctionTimer"]["ScheduleExpression"])
    minutes = re.fullmatch(r"rate\((\d+) minutes\)", schedule)
    assert minutes
    assert int(minutes[1]) * 60 * 2 <= resources["CompactMissingAlarm"]["Period"]


def test_the_log_may_be_as_old_as_the_rarest_schedule_lets_it_become(resources: Resources) -> None:
    rarest_s = resources["CompactMissingAlarm"]["Period"]
    assert rarest_s + resources["CompactFunction"]["Timeout"] < resources["LogAgeAlarm"]["Threshold"] < 2 * rarest_s


def test_an_address_is_subscribed_only_where_one_is_given(resources: Resources) -> None:
    subscription = resources.whole("AlarmSubscription")
    condition = {"Condition": subscription["Condition"]}
    assert not resources.resolved(condition)
    assert resources.resolved(condition, AlarmEmail="shop@example.com")
    assert subscription["Properties"]["TopicArn"] == {"Ref": "AlarmTopic"}
    assert subscription["Properties"]["Endpoint"] == {"Ref": "AlarmEmail"}


def test_every_metric_that_is_sent_is_on_the_bill(sent: Sent) -> None:
    own = {function: [name for service, name in sent[function] if service == function] for function in sent}
    assert len(own["ingest"]) + len(own["compact"]) == costs.METRICS
    assert len(own["query"]) == costs.QUERY_METRICS
    assert {name for _, name in sent["data"] - sent["ingest"]} == OF_DATA
    assert len(OF_DATA) == costs.DATA_METRICS
    assert (
        len({problem.slug for problem in functions.load("query", "http_api").PROBLEMS.values()})
        == costs.PROBLEM_METRICS
    )


@pytest.fixture(scope="module")
def widgets(resources: Resources) -> list[dict[str, Any]]:
    body = json.dumps(resources["Dashboard"]["DashboardBody"])
    alarm_arn = json.loads(re.sub(r"\$\{(\w+)\.Arn\}", r"arn:\1", body))
    widgets: list[dict[str, Any]] = json.loads(resources.resolved(alarm_arn, Engine="index"))["widgets"]
    assert len(json.loads(resources.resolved(alarm_arn))["widgets"]) == len(widgets) - 1, "one is of the index"
    return widgets


def lines(widgets: list[dict[str, Any]]) -> Iterator[list[Any]]:
    for widget in widgets:
        yield from widget["properties"].get("metrics", [])


def test_the_dashboard_draws_metrics_that_are_sent(
    resources: Resources, sent: Sent, widgets: list[dict[str, Any]]
) -> None:
    drawn = list(lines(widgets))
    assert len(drawn) > 20
    for namespace, name, key, value, *_ in drawn:
        assert_exists(resources, sent, namespace, name, (key, value))
    assert len({tuple(line[:4]) for line in drawn}) <= 50, "three dashboards of fifty metrics are free"


def test_the_dashboard_shows_every_alarm_and_nothing_lies_on_anything_else(widgets: list[dict[str, Any]]) -> None:
    (alarms,) = (widget["properties"]["alarms"] for widget in widgets if widget["type"] == "alarm")
    assert {arn.removeprefix("arn:") for arn in alarms} == set(ALARMS)
    cells = [
        (x, y)
        for widget in widgets
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_operators_find_every_alarm_in_the_docs(resources: Resources) -> None:
    told = (ROOT / "docs" / "operations.md").read_text("utf-8")
    for alarm in resources.of_type("AWS::CloudWatch::Alarm").values():
        name = alarm["AlarmName"]["Fn::Sub"].removeprefix("${AWS::StackName}-")
        assert f"### {name}\n" in told
