"""What leads where: events to the queue, the queue to a function, routes to a function, paths to origins."""

import copy
import json
import re
from typing import Any

import pytest

from lookalike import settings
from lookalike.aws import SqsQueue
from lookalike.batch import HIDDEN_TIMEOUTS
from lookalike.compaction.policy import Policy
from lookalike.hashes import HASH_BYTES
from lookalike.index.vectors_index import NOT_FILTERED
from lookalike.photos.catalogue import DATA_PREFIX, IMAGES_PREFIX
from lookalike.store.attempts import Attempt, Attempts
from lookalike.store.object_store import MemoryStore
from lookalike.store.records import ORDER_BYTES
from scripts.deployment import site
from tests.infra.translated import Resources, translated
from tests.support import functions
from tests.support.fakes import FakeEmbedder

ROUTES = {*functions.load("query").ROUTES, *functions.load("query", "elsewhere").ELSEWHERE}
ANY_METHOD = "x-amazon-apigateway-any-method"
LAYERS = {
    "IngestFunction": {"LookalikeLayer", "InferenceLayer", "ModelLayer"},
    "QueryFunction": {"LookalikeLayer", "InferenceLayer", "ModelLayer"},
    "CompactFunction": {"LookalikeLayer", "AnalysisLayer"},
    "FollowFunction": {"LookalikeLayer", "InferenceLayer", "ModelLayer"},
}
SETTINGS = {
    "IngestFunction": settings.ingest,
    "QueryFunction": settings.query,
    "CompactFunction": settings.compact,
    "FollowFunction": settings.follow,
}
OF_LAMBDA = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE"}
SECRET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEF_-"
OUTPUTS = {
    "SiteUrl",
    "ApiUrl",
    "CatalogueBucketName",
    "StoreBucketName",
    "SiteBucketName",
    "QueueUrl",
    "DeadLetterQueueUrl",
    "DistributionId",
    "DistributionDomainName",
    "AlarmTopicArn",
    "DashboardUrl",
    "ModelFingerprint",
    "IndexOfCandidates",
}


class Environ(dict[str, str]):
    """An environment that notes the names it is asked for."""

    def __init__(self, values: dict[str, str]) -> None:
        super().__init__(values)
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)


def api_of(resources: Resources) -> dict[str, Any]:
    (api,) = resources.of_type("AWS::ApiGatewayV2::Api").values()
    return api["Body"]


def routes_of(resources: Resources) -> dict[str, dict[str, Any]]:
    return {
        f"{'ANY' if method == ANY_METHOD else method.upper()} {path}": operation
        for path, operations in api_of(resources)["paths"].items()
        for method, operation in operations.items()
    }


def test_the_api_has_the_routes_of_the_function_and_no_other(resources: Resources) -> None:
    assert set(routes_of(resources)) == ROUTES
    for route, operation in routes_of(resources).items():
        declared = [parameter["name"].removesuffix("+") for parameter in operation.get("parameters", [])]
        assert declared == re.findall(r"{(\w+)\+?}", route), "API Gateway warns of others"


def test_every_route_leads_to_the_alias(resources: Resources) -> None:
    for operation in routes_of(resources).values():
        integration = operation["x-amazon-apigateway-integration"]
        assert integration["payloadFormatVersion"] == "2.0"
        assert integration["uri"]["Fn::Sub"].endswith("functions/${QueryFunctionAliaslive}/invocations")


def test_the_alias_is_of_a_version_that_an_update_replaces(resources: Resources) -> None:
    alias = resources["QueryFunctionAliaslive"]
    assert (alias["Name"], alias["FunctionName"]) == ("live", {"Ref": "QueryFunction"})
    (version,) = resources.of_type("AWS::Lambda::Version")
    assert alias["FunctionVersion"] == {"Fn::GetAtt": [version, "Version"]}
    assert resources.whole(version)["DeletionPolicy"] == "Delete"


@pytest.mark.parametrize("changed", sorted(LAYERS["QueryFunction"]))
def test_a_changed_layer_is_a_new_version(resources: Resources, written: dict[str, Any], changed: str) -> None:
    again = translated(written, uris={changed: "s3://bucket/other"})
    (before,), (after,) = (item.of_type("AWS::Lambda::Version") for item in (resources, again))
    assert before != after


def test_a_changed_setting_is_a_new_version(resources: Resources, written: dict[str, Any]) -> None:
    document = copy.deepcopy(written)
    document["Resources"]["QueryFunction"]["Properties"]["MemorySize"] = 2048
    (before,), (after,) = (item.of_type("AWS::Lambda::Version") for item in (resources, translated(document)))
    assert before != after


def test_snapstart_is_for_those_who_ask_for_it(resources: Resources, written: dict[str, Any]) -> None:
    assert resources["QueryFunction"]["SnapStart"] == {
        "ApplyOn": {"Fn::If": ["StartFromSnapshot", "PublishedVersions", "None"]}
    }
    assert written["Parameters"]["SnapStart"]["Default"] == "false"
    # SnapStart's own limits.
    assert resources["QueryFunction"].get("EphemeralStorage", {"Size": 512})["Size"] <= 512
    assert "FileSystemConfigs" not in resources["QueryFunction"]


@pytest.mark.parametrize("chosen", [{"JwtIssuer": "https://issuer"}, {"JwtAudience": "shop"}])
def test_either_half_of_a_token_s_description_closes_every_route(resources: Resources, chosen: dict[str, str]) -> None:
    open_api, closed_api = (resources.resolved(api_of(resources), **values) for values in ({}, chosen))
    assert "components" not in open_api
    assert "token" in closed_api["components"]["securitySchemes"]
    for path, operations in closed_api["paths"].items():
        for method, operation in operations.items():
            assert operation["security"] == [{"token": []}]
            assert "security" not in open_api["paths"][path][method]


def test_tokens_are_checked_against_issuer_and_audience(resources: Resources) -> None:
    api = resources.resolved(api_of(resources), JwtIssuer="https://issuer", JwtAudience="shop,till")
    authorizer = api["components"]["securitySchemes"]["token"]["x-amazon-apigateway-authorizer"]
    assert authorizer["type"] == "jwt"
    assert authorizer["jwtConfiguration"] == {"issuer": "https://issuer", "audience": ["shop", "till"]}


def test_the_distribution_takes_a_domain_of_its_own(resources: Resources) -> None:
    config = resources["Distribution"]["DistributionConfig"]
    as_it_comes = resources.resolved(config)
    assert not as_it_comes.keys() & {"Aliases", "ViewerCertificate"}
    arn = "arn:aws:acm:us-east-1:123456789012:certificate/1"
    own = resources.resolved(config, DomainName="looks.example.com", CertificateArn=arn)
    assert own["Aliases"] == ["looks.example.com"]
    assert own["ViewerCertificate"] == {
        "AcmCertificateArn": arn,
        "SslSupportMethod": "sni-only",
        "MinimumProtocolVersion": "TLSv1.2_2021",
    }


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("AlarmEmail", ["", "shop@example.com"], ["shop", "a b@example.com"]),
        ("JwtIssuer", ["", "https://issuer.example/pool"], ["http://issuer.example", "issuer"]),
        ("JwtAudience", ["", "shop", "shop,till"], ["shop, till", ","]),
        ("DomainName", ["", "looks.example.com"], ["https://example.com", "Looks.example.com", "example"]),
        (
            "CertificateArn",
            ["", "arn:aws:acm:us-east-1:123456789012:certificate/ab-1"],
            ["arn:aws:acm:eu-west-1:123456789012:certificate/ab-1"],
        ),
        ("OriginSecret", ["", SECRET, f"{SECRET},{SECRET[::-1]}", f"{SECRET},1"], ["short", "1", f"1,{SECRET}"]),
        ("RequestsPerClient", ["0", "10", "500"], ["", "5", "05", "many"]),
        (
            "WebAclArn",
            ["", "arn:aws:wafv2:us-east-1:123456789012:global/webacl/shop/ab-1"],
            ["arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/shop/ab-1"],
        ),
        ("CompactSchedule", ["rate(15 minutes)", "cron(0 4 * * ? *)"], ["15 minutes"]),
    ],
)
def test_a_parameter_that_cannot_work_is_refused(
    written: dict[str, Any], name: str, good: list[str], bad: list[str]
) -> None:
    pattern = re.compile(written["Parameters"][name]["AllowedPattern"])
    assert all(pattern.fullmatch(value) for value in good)
    assert not any(pattern.fullmatch(value) for value in bad)


@pytest.mark.parametrize(
    ("rule", "pair"),
    [("JwtIsWhole", ["JwtIssuer", "JwtAudience"]), ("DomainIsWhole", ["DomainName", "CertificateArn"])],
)
def test_half_of_a_pair_is_refused(resources: Resources, written: dict[str, Any], rule: str, pair: list[str]) -> None:
    (assertion,) = written["Rules"][rule]["Assertions"]
    first, second = (dict.fromkeys(names, "x") for names in (pair[:1], pair[1:]))
    assert resources.resolved(assertion["Assert"])
    assert resources.resolved(assertion["Assert"], **first, **second)
    assert not resources.resolved(assertion["Assert"], **first)
    assert not resources.resolved(assertion["Assert"], **second)


def test_the_api_may_call_the_query_function_on_those_routes_only(resources: Resources) -> None:
    permissions = [
        permission
        for permission in resources.of_type("AWS::Lambda::Permission").values()
        if permission["Principal"] == "apigateway.amazonaws.com"
    ]
    assert len(permissions) == len(ROUTES)
    for permission in permissions:
        assert permission["FunctionName"] == {"Ref": "QueryFunctionAliaslive"}
        arn, variables = permission["SourceArn"]["Fn::Sub"]
        assert "${__Stage__}/*" not in arn or arn.endswith("/*/api/*"), "any method"
        assert variables["__ApiId__"] == {"Ref": "HttpApi"}


def test_the_api_throttles_and_logs(resources: Resources) -> None:
    (stage,) = resources.of_type("AWS::ApiGatewayV2::Stage").values()
    assert stage["StageName"] == "$default"
    assert stage["DefaultRouteSettings"] == {
        "ThrottlingRateLimit": {"Ref": "ThrottleRate"},
        "ThrottlingBurstLimit": {"Ref": "ThrottleBurst"},
    }
    assert stage["AccessLogSettings"]["DestinationArn"] == {"Fn::GetAtt": ["ApiLogGroup", "Arn"]}
    assert "sourceIp" not in stage["AccessLogSettings"]["Format"]


def test_the_query_function_answers_before_the_api_gives_up(resources: Resources) -> None:
    assert resources["QueryFunction"]["Timeout"] < 30


@pytest.mark.parametrize("prefix", [IMAGES_PREFIX, DATA_PREFIX])
def test_photos_and_data_files_that_come_and_go_reach_the_queue_once(resources: Resources, prefix: str) -> None:
    configurations = [
        configuration
        for configuration in resources["CatalogueBucket"]["NotificationConfiguration"]["QueueConfigurations"]
        if configuration["Filter"] == {"S3Key": {"Rules": [{"Name": "prefix", "Value": prefix}]}}
    ]
    assert [configuration["Event"] for configuration in configurations] == [
        "s3:ObjectCreated:*",
        "s3:ObjectRemoved:*",
        "s3:LifecycleExpiration:*",
    ]
    assert all(item["Queue"] == {"Fn::GetAtt": ["ImageQueue", "Arn"]} for item in configurations)


def test_no_object_beside_photos_and_data_files_sends_events(resources: Resources) -> None:
    configurations = resources["CatalogueBucket"]["NotificationConfiguration"]["QueueConfigurations"]
    prefixes = {rule["Value"] for item in configurations for rule in item["Filter"]["S3Key"]["Rules"]}
    assert prefixes == {IMAGES_PREFIX, DATA_PREFIX}


def test_a_removed_event_always_means_that_the_photo_is_gone(resources: Resources) -> None:
    """In a versioned bucket it may mean that an old version was tidied away."""
    assert "VersioningConfiguration" not in resources["CatalogueBucket"]


def test_the_queue_lets_s3_send_before_the_bucket_asks(resources: Resources) -> None:
    assert resources.whole("CatalogueBucket")["DependsOn"] == "ImageQueuePolicy"


def test_the_queue_feeds_the_ingest_function(resources: Resources) -> None:
    (source,) = resources.of_type("AWS::Lambda::EventSourceMapping").values()
    assert source["FunctionName"] == {"Ref": "IngestFunction"}
    assert source["EventSourceArn"] == {"Fn::GetAtt": ["ImageQueue", "Arn"]}
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["BatchSize"] <= 10 or source["MaximumBatchingWindowInSeconds"] >= 1, "Lambda refuses it"
    assert source["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "IngestConcurrency"}}


def test_a_message_stays_hidden_while_its_batch_may_be_retried(resources: Resources) -> None:
    (source,) = resources.of_type("AWS::Lambda::EventSourceMapping").values()
    timeout_s = resources["IngestFunction"]["Timeout"]
    hidden_s = resources["ImageQueue"]["VisibilityTimeout"]
    assert hidden_s >= 6 * timeout_s + source["MaximumBatchingWindowInSeconds"]


def test_the_function_knows_how_long_the_messages_of_a_killed_one_stay_hidden(resources: Resources) -> None:
    hidden_s = resources["ImageQueue"]["VisibilityTimeout"]
    assert hidden_s >= HIDDEN_TIMEOUTS * resources["IngestFunction"]["Timeout"]


def test_a_message_that_was_given_back_returns_before_its_attempt_counts_as_proof(resources: Resources) -> None:
    (source,) = resources.of_type("AWS::Lambda::EventSourceMapping").values()
    timeout_s = resources["IngestFunction"]["Timeout"]
    returns_s = functions.load("ingest").retry_delay_s(100, 0.0) + source["MaximumBatchingWindowInSeconds"]
    store = MemoryStore(lambda: 0.0)
    store.put_if_absent(Attempt("m", "images/1.jpg", 1).name, b"")
    attempts = Attempts(store, set(), timeout_s=timeout_s, clock=lambda: returns_s + 120)
    assert not attempts.was_fatal(Attempt("m", "images/1.jpg", 2))


def test_the_reserve_suffices_for_an_append_that_is_read_back_and_for_giving_messages_back(
    resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where every attempt but the last times out, a group of photos has fifteen seconds."""
    asked: list[dict[str, float]] = []
    for name, value in functions.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    app = functions.load("ingest")
    monkeypatch.setattr(app, "Embedder", lambda folder, **options: FakeEmbedder())
    monkeypatch.setattr(app, "s3_client", lambda **options: asked.append(options))
    app._services()
    (s3,) = asked
    a_call_s = s3["attempts"] * (s3["connect_timeout_s"] + s3["read_timeout_s"])
    sqs = SqsQueue("https://sqs.example/queue")._client.meta.config
    a_change_s = sqs.retries["total_max_attempts"] * (sqs.connect_timeout + sqs.read_timeout)
    reserve_s = float(resources["IngestFunction"]["Environment"]["Variables"]["RESERVE_S"])
    assert 2 * a_call_s + a_change_s + 15 < reserve_s < resources["IngestFunction"]["Timeout"] / 2


def test_photos_and_a_data_file_have_room_in_one_call(resources: Resources) -> None:
    """Photos leave the time of a file where both wait, and may not be left without time themselves."""
    function = resources["IngestFunction"]
    reserves = function["Environment"]["Variables"]
    assert float(reserves["RESERVE_S"]) + float(reserves["DATA_RESERVE_S"]) + 60 < function["Timeout"]


def test_the_largest_data_file_fits_on_the_disk_of_the_function(resources: Resources) -> None:
    function = resources["IngestFunction"]
    disk_bytes = function.get("EphemeralStorage", {"Size": 512})["Size"] * 1024 * 1024
    assert int(function["Environment"]["Variables"]["MAX_DATA_BYTES"]) < 0.9 * disk_bytes


def test_the_keys_of_the_largest_store_of_each_engine_fit_on_the_disk_of_compaction(resources: Resources) -> None:
    condition, with_index, without = resources["CompactFunction"]["EphemeralStorage"]["Size"]["Fn::If"]
    assert condition == "UsesIndex"
    assert resources["FollowFunction"]["EphemeralStorage"]["Size"] == with_index
    for size, photos in ((without, 22_000_000), (with_index, 200_000_000)):  # docs/growth.md
        assert photos * (HASH_BYTES + ORDER_BYTES) < 0.95 * size * 1e6


def test_attempts_outlast_an_outage_of_an_hour(resources: Resources) -> None:
    delay_s = functions.load("ingest").retry_delay_s
    attempts = resources["ImageQueue"]["RedrivePolicy"]["maxReceiveCount"]
    shortest_s, longest_s = (sum(delay_s(failures, jitter) for failures in range(1, attempts)) for jitter in (1.0, 0.0))
    assert 3600 < shortest_s < longest_s < 2 * 3600


def test_what_keeps_failing_is_kept_longer_than_it_was_tried(resources: Resources) -> None:
    queue, dead = resources["ImageQueue"], resources["DeadLetterQueue"]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}
    assert 3 <= queue["RedrivePolicy"]["maxReceiveCount"] <= 10
    tried_s = queue["RedrivePolicy"]["maxReceiveCount"] * queue["VisibilityTimeout"]
    assert tried_s < queue["MessageRetentionPeriod"] < dead["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_a_deletion_is_remembered_longer_than_a_queue_holds_an_event(resources: Resources) -> None:
    longest_s = max(queue["MessageRetentionPeriod"] for queue in resources.of_type("AWS::SQS::Queue").values())
    assert Policy().tombstone_s > longest_s


OF_THE_INDEX = {"VectorBucket", "VectorIndex", "FollowFunction", "FollowRole", "FollowLogGroup", "FollowErrorsAlarm"}


def test_an_index_and_its_follower_are_there_for_those_who_ask_for_it(resources: Resources) -> None:
    for logical_id in (*OF_THE_INDEX, "IndexBehindAlarm", "IndexRecallAlarm", "FollowFunctionTimer"):
        assert resources.whole(logical_id)["Condition"] == "UsesIndex"
    assert not resources.resolved({"Condition": "UsesIndex"})
    assert resources.resolved({"Condition": "UsesIndex"}, Engine="index")


def test_query_and_follower_have_the_same_index(resources: Resources) -> None:
    asked = resources["QueryFunction"]["Environment"]["Variables"]
    assert resources.resolved(asked["ENGINE"]) == "exact"
    place = resources.resolved(asked["INDEX"], Engine="index", IndexName="photos-a")
    assert place == resources.resolved(
        resources["FollowFunction"]["Environment"]["Variables"]["INDEX"], IndexName="photos-a"
    )
    assert place.startswith("s3vectors:")
    assert place.endswith("/photos-a")
    index = resources.resolved(resources["VectorIndex"], IndexName="photos-a", IndexDimensions="7")
    assert (index["IndexName"], int(index["Dimension"]), index["DistanceMetric"]) == ("photos-a", 7, "euclidean")
    assert tuple(index["MetadataConfiguration"]["NonFilterableMetadataKeys"]) == NOT_FILTERED


def test_the_follower_is_the_only_one_and_follows_what_compaction_calls_full(resources: Resources) -> None:
    follow, compact = resources["FollowFunction"], resources["CompactFunction"]
    assert follow["ReservedConcurrentExecutions"] == {"Fn::If": ["ReserveCompact", 1, {"Ref": "AWS::NoValue"}]}
    shared = ("GRACE_S", "SEGMENT_BYTES")
    assert all(follow["Environment"]["Variables"][name] == compact["Environment"]["Variables"][name] for name in shared)
    rule = resources["FollowFunctionTimer"]
    assert [target["Arn"] for target in rule["Targets"]] == [{"Fn::GetAtt": ["FollowFunction", "Arn"]}]


def test_compaction_runs_on_its_schedule_one_at_a_time(resources: Resources) -> None:
    rule = resources["CompactFunctionTimer"]
    assert [target["Arn"] for target in rule["Targets"]] == [{"Fn::GetAtt": ["CompactFunction", "Arn"]}]
    assert rule["ScheduleExpression"] == {"Ref": "CompactSchedule"}
    reserved = resources["CompactFunction"]["ReservedConcurrentExecutions"]
    assert reserved == {"Fn::If": ["ReserveCompact", 1, {"Ref": "AWS::NoValue"}]}
    for invocation in resources.of_type("AWS::Lambda::EventInvokeConfig").values():
        assert invocation["MaximumRetryAttempts"] == 0


def test_folded_segments_outlive_every_reader_of_them(resources: Resources, written: dict[str, Any]) -> None:
    grace_s = float(resources["CompactFunction"]["Environment"]["Variables"]["GRACE_S"])
    assert grace_s > written["Parameters"]["MaxStalenessSeconds"]["MaxValue"] + resources["QueryFunction"]["Timeout"]


@pytest.mark.parametrize("function", LAYERS)
def test_functions_run_on_one_python_with_their_layers(resources: Resources, function: str) -> None:
    properties = resources[function]
    assert properties["Runtime"] == "python3.13"
    assert properties["Handler"] == "app.handler"
    used = {reference["Ref"] for reference in properties["Layers"]}
    # SAM appends a hash of the content to a layer's logical id.
    assert {next(name for name in used if name.startswith(layer)) for layer in LAYERS[function]} == used


@pytest.mark.parametrize("function", LAYERS)
def test_functions_find_every_setting_they_read(resources: Resources, function: str) -> None:
    variables = resources.resolved(resources[function]["Environment"]["Variables"])
    environ = Environ(variables)
    SETTINGS[function](environ)
    libraries = ("POWERTOOLS_", "MALLOC_", "ORT_", "JOBLIB_")
    assert {name for name in variables if not name.startswith(libraries)} == environ.names - OF_LAMBDA


@pytest.mark.parametrize("function", [name for name, layers in LAYERS.items() if "InferenceLayer" in layers])
def test_functions_with_onnx_runtime_send_nothing_to_its_maker(resources: Resources, function: str) -> None:
    assert resources[function]["Environment"]["Variables"]["ORT_DISABLE_TELEMETRY"] == "1"


def test_a_query_may_have_what_phones_take(resources: Resources) -> None:
    """Of 4 MB: 24 megapixels (5,712 x 4,284) are what a phone's camera makes today. Ingest takes what studios make."""
    pixels = {
        function: int(resources[function]["Environment"]["Variables"]["MAX_IMAGE_PIXELS"])
        for function in ("IngestFunction", "QueryFunction")
    }
    assert 5712 * 4284 < pixels["QueryFunction"] < pixels["IngestFunction"]


def test_the_catalogue_has_most_of_the_query_function_s_memory(resources: Resources) -> None:
    properties = resources["QueryFunction"]
    variables = resources.resolved(properties["Environment"]["Variables"])
    read = settings.query(variables | {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(properties["MemorySize"])})
    assert read.snapshot_bytes > properties["MemorySize"] * 1024 * 1024 / 2


@pytest.mark.parametrize("function", ["IngestFunction", "QueryFunction"])
def test_what_decodes_photos_hands_its_memory_back(resources: Resources, function: str) -> None:
    """A plane of the samples of a large photo is larger, and an array of a search is not."""
    threshold = int(resources[function]["Environment"]["Variables"]["MALLOC_MMAP_THRESHOLD_"])
    assert 1_000_000 < threshold < 16_000_000


def test_errors_are_not_kept_and_pass_as_they_are(resources: Resources) -> None:
    found = resources["Distribution"]["DistributionConfig"]["CustomErrorResponses"]
    assert {item["ErrorCode"] for item in found} == {404, 500, 502, 503, 504}
    assert all(item.keys() == {"ErrorCode", "ErrorCachingMinTTL"} and not item["ErrorCachingMinTTL"] for item in found)


@pytest.mark.parametrize(
    ("name", "matches"),
    [("", True), ("shop.example.com", True), ("*.example.com", False), ("Shop.example.com", False), ("example", False)],
)
def test_a_domain_is_one_host(written: dict[str, Any], name: str, matches: bool) -> None:
    """The page's address is made of it."""
    assert bool(re.search(written["Parameters"]["DomainName"]["AllowedPattern"], name)) == matches


def test_the_distribution_serves_three_origins(resources: Resources) -> None:
    config = resources["Distribution"]["DistributionConfig"]
    origins = {origin["Id"]: origin for origin in config["Origins"]}
    assert origins["site"]["DomainName"] == {"Fn::GetAtt": ["SiteBucket", "RegionalDomainName"]}
    assert origins["catalogue"]["DomainName"]["Fn::If"][:2] == [
        "MakeCatalogue",
        {"Fn::GetAtt": ["CatalogueBucket", "RegionalDomainName"]},
    ]
    assert origins["api"]["DomainName"]["Fn::Sub"].startswith("${HttpApi}.execute-api.")
    behaviours = {behaviour["PathPattern"]: behaviour for behaviour in config["CacheBehaviors"]}
    assert config["DefaultCacheBehavior"]["TargetOriginId"] == "site"
    assert {path: behaviour["TargetOriginId"] for path, behaviour in behaviours.items()} == {
        "/images/*": "catalogue",
        "/lookalike.js": "site",
        "/api/*": "api",
    }
    assert set(behaviours["/api/*"]["AllowedMethods"]) == {"GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"}


def test_an_edge_keeps_a_photo_for_a_minute_and_a_file_of_the_site_for_as_long_as_it_allows(
    resources: Resources,
) -> None:
    """Photos come without a Cache-Control; a deployment invalidates the files of the site that it changes."""
    policy = resources["CachePolicy"]["CachePolicyConfig"]
    allowed = re.search(r"s-maxage=(\d+)", site.CACHE_CONTROL)
    assert allowed
    assert policy["MinTTL"] == 0
    assert policy["DefaultTTL"] == 60
    assert policy["MaxTTL"] >= int(allowed[1])


@pytest.fixture
def to_the_api(resources: Resources) -> dict[str, Any]:
    """The behaviour of the distribution that leads to the API."""
    behaviours = resources["Distribution"]["DistributionConfig"]["CacheBehaviors"]
    (api,) = (behaviour for behaviour in behaviours if behaviour["TargetOriginId"] == "api")
    return api


def test_answers_of_the_api_are_never_cached(to_the_api: dict[str, Any]) -> None:
    assert to_the_api["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad", "AWS's CachingDisabled"
    assert not to_the_api.get("Compress"), "CloudFront compresses only what it may cache"


def test_the_api_gets_all_of_a_request_but_host_and_cookies(resources: Resources, to_the_api: dict[str, Any]) -> None:
    """The cookies of a parent domain, such as a shop's session, are no business of the API's."""
    policy = resources[to_the_api["OriginRequestPolicyId"]["Ref"]]["OriginRequestPolicyConfig"]
    assert policy["CookiesConfig"] == {"CookieBehavior": "none"}
    # An HTTP API answers to its own host only. The others include Content-Type and Authorization.
    assert policy["HeadersConfig"] == {"HeaderBehavior": "allExcept", "Headers": ["host"]}
    assert policy["QueryStringsConfig"] == {"QueryStringBehavior": "all"}


@pytest.mark.parametrize(("given", "sent"), [("", "1"), ("new", "new"), ("new,old", "new"), ("new,1", "new")])
def test_the_api_is_told_when_a_request_came_through_the_distribution(
    resources: Resources, given: str, sent: str
) -> None:
    for origin in resources.resolved(resources["Distribution"]["DistributionConfig"]["Origins"], OriginSecret=given):
        headers = {header["HeaderName"]: header["HeaderValue"] for header in origin.get("OriginCustomHeaders", [])}
        assert headers == ({"x-lookalike-distribution": sent} if origin["Id"] == "api" else {})


def test_the_function_knows_a_new_secret_before_the_distribution_sends_it(resources: Resources) -> None:
    """CloudFormation updates the distribution after all that it refers to: the API, the alias, its version, the function."""
    every = resources.document["Resources"]
    reached, waiting = set(), ["Distribution"]
    while waiting:
        logical_id = waiting.pop()
        reached.add(logical_id)
        words = set(re.findall(r"\w+", json.dumps(every[logical_id])))
        waiting += [name for name in words if name in every and name not in reached]
    assert "QueryFunction" in reached


def test_the_secret_is_shown_to_nobody(written: dict[str, Any]) -> None:
    assert written["Parameters"]["OriginSecret"]["NoEcho"] is True
    assert "OriginSecret" not in json.dumps(written["Outputs"])


def test_query_functions_are_reserved_where_somebody_says_how_many(resources: Resources) -> None:
    reserved = "ReservedConcurrentExecutions"
    assert reserved not in resources.resolved(resources["QueryFunction"])
    assert resources.resolved(resources["QueryFunction"], QueryConcurrency="20")[reserved] == "20"


def test_clients_are_limited_where_somebody_says_so(resources: Resources) -> None:
    acl = resources.whole("WebAcl")
    assert not resources.resolved({"Condition": acl["Condition"]})
    limited = resources.resolved(acl["Properties"], RequestsPerClient="500")
    assert (limited["Scope"], limited["DefaultAction"]) == ("CLOUDFRONT", {"Allow": {}})
    (rule,) = limited["Rules"]
    assert rule["Statement"] == {
        "RateBasedStatement": {"AggregateKeyType": "IP", "EvaluationWindowSec": 300, "Limit": "500"}
    }
    assert rule["Action"] == {"Block": {"CustomResponse": {"ResponseCode": 429}}}
    for told in (limited, rule):
        assert told["VisibilityConfig"]["SampledRequestsEnabled"] is False, "samples hold shoppers' addresses"


def test_the_distribution_has_the_web_acl_that_was_chosen(resources: Resources) -> None:
    acl = resources["Distribution"]["DistributionConfig"]["WebACLId"]
    own, theirs, none = acl["Fn::If"][1], *acl["Fn::If"][2]["Fn::If"][1:]
    assert acl["Fn::If"][0] == "LimitClients"
    assert acl["Fn::If"][2]["Fn::If"][0] == "OwnWebAcl"
    assert (own, theirs) == ({"Fn::GetAtt": ["WebAcl", "Arn"]}, {"Ref": "WebAclArn"})
    assert none == {"Ref": "AWS::NoValue"}


@pytest.mark.parametrize(
    ("rule", "bad", "good"),
    [
        ("WebAclIsOne", {"RequestsPerClient": "500", "WebAclArn": "arn"}, {"WebAclArn": "arn"}),
        ("WebAclIsOne", {"RequestsPerClient": "500", "WebAclArn": "arn"}, {"RequestsPerClient": "500"}),
        ("WebAclIsWhereCloudFrontLooks", {"RequestsPerClient": "500", "region": "eu-west-1"}, {"region": "eu-west-1"}),
        (
            "WebAclIsWhereCloudFrontLooks",
            {"RequestsPerClient": "500", "region": "eu-west-1"},
            {"RequestsPerClient": "9"},
        ),
    ],
)
def test_a_web_acl_that_cannot_work_is_refused(
    resources: Resources, written: dict[str, Any], rule: str, bad: dict[str, str], good: dict[str, str]
) -> None:
    (assertion,) = written["Rules"][rule]["Assertions"]

    def holds(values: dict[str, str]) -> Any:
        parameters = {"region": "us-east-1", **values}
        region = json.dumps(parameters.pop("region"))
        there = json.dumps(assertion["Assert"]).replace('{"Ref": "AWS::Region"}', region)
        return resources.resolved(json.loads(there), **parameters)

    assert holds({})
    assert holds(good)
    assert not holds(bad)


def test_outputs_name_what_people_need(written: dict[str, Any]) -> None:
    assert set(written["Outputs"]) == OUTPUTS


def test_parameters_say_what_they_are_and_work_as_they_are(written: dict[str, Any]) -> None:
    for name, parameter in written["Parameters"].items():
        assert parameter["Description"].strip(), name
        assert "Default" in parameter, name
    assert written["Parameters"]["Architecture"]["AllowedValues"] == ["x86_64", "arm64"]
    assert written["Parameters"]["Architecture"]["Default"] == "x86_64"
