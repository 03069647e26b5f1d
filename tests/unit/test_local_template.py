"""The local stack's reading of a template."""

from pathlib import Path

import pytest

from scripts.local.intrinsics import UnsupportedTemplateError
from scripts.local.template import Template, read_template
from tests.support.small_template import TEMPLATE, write_small_stack

ROOT = Path(__file__).resolve().parents[2]
ENDPOINT = "http://127.0.0.1:9"


def read(folder: Path, template: str = TEMPLATE, **parameters: str) -> Template:
    return read_template(write_small_stack(folder, template=template), endpoint_url=ENDPOINT, parameters=parameters)


@pytest.fixture(scope="module")
def stack(tmp_path_factory) -> Template:
    return read(tmp_path_factory.mktemp("small"))


def test_a_function_has_its_code_and_its_limits(stack):
    eater = stack.functions["Eater"]
    assert eater.handler == "app.handler"
    assert (eater.code_dir / "app.py").is_file()
    assert (eater.timeout_s, eater.memory_mb, eater.reserved_concurrency) == (20, 256, None)
    assert stack.functions["Ticker"].reserved_concurrency == 1


def test_a_function_starts_from_a_snapshot_where_the_template_says_so(tmp_path):
    template = TEMPLATE.replace("CodeUri: eater/", "CodeUri: eater/\n      SnapStart: {ApplyOn: PublishedVersions}")
    functions = read(tmp_path, template).functions
    assert functions["Eater"].snap_start
    assert not functions["Teller"].snap_start


LAYERS = """
  First: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: first/}}
  Second: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: second/}}
  Api:"""


def test_a_function_has_its_layers_in_the_order_they_are_laid_over_each_other(tmp_path):
    template = TEMPLATE.replace("\n  Api:", LAYERS).replace(
        "CodeUri: eater/", "CodeUri: eater/\n      Layers: [!Ref Second, !Ref First]"
    )
    functions = read(tmp_path, template).functions
    assert functions["Eater"].layer_dirs == (tmp_path / "second", tmp_path / "first")
    assert functions["Teller"].layer_dirs == ()


def test_a_layer_from_elsewhere_is_refused_by_name(tmp_path):
    foreign = "arn:aws:lambda:us-east-1:1:layer:Insights:1"
    template = TEMPLATE.replace("CodeUri: eater/", f"CodeUri: eater/\n      Layers: ['{foreign}']")
    with pytest.raises(UnsupportedTemplateError, match=f"Eater uses the layer {foreign}"):
        read(tmp_path, template)


def test_an_environment_has_local_names_and_lacks_what_has_no_value(stack):
    assert stack.functions["Eater"].environment == {
        "BUCKET": "lookalike-photos",
        "TABLE": "lookalike-lookalike-photos-${Literal}",
        "THREADS": "1",
    }


def test_parameters_override_defaults_and_switch_conditions(tmp_path):
    template = TEMPLATE.replace("AWS::DynamoDB::Table", "AWS::SNS::Topic")
    stack = read(tmp_path, template, Mode="fancy", Window="3")
    assert stack.functions["Eater"].environment["FANCY"] == "very-fancy"
    assert stack.event_sources[0].window_s == 3


def test_an_event_source_is_read_with_its_limits(stack):
    (source,) = stack.event_sources
    assert (source.function_id, source.batch_size, source.window_s) == ("Eater", 20, 1)
    assert (source.max_concurrency, source.reports_item_failures) == (2, True)
    assert source.queue_arn == "arn:aws:sqs:us-east-1:123456789012:lookalike-events"


def test_queues_know_their_dead_letter_queue(stack):
    by_name = {queue.name: queue for queue in stack.queues}
    events, lost = by_name["lookalike-events"], by_name["lookalike-lost"]
    assert events.dead_letter_arn == lost.arn
    assert events.attributes["VisibilityTimeout"] == "5"
    assert '"maxReceiveCount": 2' in events.attributes["RedrivePolicy"]


def test_notifications_have_the_shape_that_s3_takes(stack):
    photos = next(bucket for bucket in stack.buckets if bucket.name == "lookalike-photos")
    assert photos.notifications == (
        {
            "QueueArn": "arn:aws:sqs:us-east-1:123456789012:lookalike-events",
            "Events": ["s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "images/"}]}},
        },
    )


def test_routes_lead_to_functions(stack):
    routes = {(route.method, route.path): route.function_id for route in stack.routes}
    assert routes == dict.fromkeys(
        [("GET", "/api/{name}"), ("POST", "/api/{first}/{second}"), ("GET", "/api/one/{name}")], "Teller"
    )


def test_a_route_may_take_any_method_and_any_path_below_one(tmp_path):
    any_path = TEMPLATE.replace("Method: POST", "Method: ANY").replace("/api/{first}/{second}", "/api/{rest+}")
    assert ("ANY", "/api/{rest+}") in {(route.method, route.path) for route in read(tmp_path, any_path).routes}


def test_a_rate_is_a_number_of_seconds(stack):
    (schedule,) = stack.schedules
    assert (schedule.function_id, schedule.every_s) == ("Ticker", 1)


@pytest.mark.parametrize(
    ("path", "bucket"),
    [
        ("/", "lookalike-site"),
        ("/app.js", "lookalike-site"),
        ("/images/a/b.jpg", "lookalike-photos"),
        ("/imagesque.jpg", "lookalike-site"),
        ("/api/one/x", None),
        ("//api/one/x", "lookalike-site"),
    ],
)
def test_a_path_leads_to_an_origin(stack, path, bucket):
    assert stack.distribution.behaviour(path).bucket == bucket


def test_behaviours_carry_the_policies(stack):
    page, api = stack.distribution.behaviour("/"), stack.distribution.behaviour("/api/x")
    assert page.headers == {"Content-Security-Policy": "default-src 'self'", "X-Content-Type-Options": "nosniff"}
    assert page.max_age_s == 60
    assert api.added == {"x-came-through": "1"}
    assert api.methods == {"GET", "HEAD", "POST"}
    assert (api.headers, api.max_age_s) == ({}, 0)
    assert stack.distribution.root == "index.html"


FORWARDING = """
  Forwarding:
    Type: AWS::CloudFront::OriginRequestPolicy
    Properties:
      OriginRequestPolicyConfig:
        CookiesConfig: {CookieBehavior: none}
        HeadersConfig: {HeaderBehavior: allExcept, Headers: [host]}
        QueryStringsConfig: {QueryStringBehavior: all}
Outputs:"""
FORWARDED = TEMPLATE.replace("\nOutputs:", FORWARDING).replace(
    "TargetOriginId: api,", "TargetOriginId: api, OriginRequestPolicyId: !Ref Forwarding,"
)


@pytest.mark.parametrize(("cookies", "forwarded"), [("none", False), ("all", True)])
def test_cookies_are_forwarded_where_the_policy_says_so(tmp_path, cookies, forwarded):
    template = FORWARDED.replace("CookieBehavior: none", f"CookieBehavior: {cookies}")
    behaviour = read(tmp_path, template).distribution.behaviour("/api/x")
    assert behaviour.forwards_cookies == forwarded


@pytest.mark.parametrize(
    ("old", "new"),
    [("allExcept, Headers: [host]", "none"), ("QueryStringBehavior: all", "QueryStringBehavior: none")],
)
def test_a_policy_that_forwards_less_than_a_request_is_refused(tmp_path, old, new):
    with pytest.raises(UnsupportedTemplateError, match="leaves out parts"):
        read(tmp_path, FORWARDED.replace(old, new))


def test_the_environment_of_this_machine_has_no_say(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_PROFILE", "somebody-elses")
    assert "us-east-1" in read(tmp_path).functions["Eater"].arn


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("AWS::SQS::Queue}", "AWS::Kinesis::Stream}", "Kinesis"),
        ("rate(1 second)", '"cron(0 12 * * ? *)"', "rate"),
        ("DefaultRootObject: index.html", "Origins2: !FindInMap [A, B, C]\n        DefaultRootObject: x", "FindInMap"),
        ("!Ref Photos\n", "!GetAtt Photos.WebsiteURL\n", "WebsiteURL"),
        ("!Ref Photos\n", "!Ref Elsewhere\n", "Elsewhere"),
        ("VisibilityTimeout: 5", "FifoQueue: true", "FIFO"),
        ("/api/{first}/{second}", "$default", "takes every path"),
        ("ContentTypeOptions: {", "XSSProtection: {", "XSSProtection"),
        ("TargetOriginId: photos,", "TargetOriginId: photos, FunctionAssociations: [x],", "FunctionAssociations"),
        ("DefaultRootObject: index.html", "WebACLId: arn\n        DefaultRootObject: index.html", "web ACL"),
        ("!GetAtt Site.RegionalDomainName", "elsewhere.example.com", "elsewhere.example.com"),
        ("Photos:\n    Type: AWS::S3::Bucket\n    Properties:", "Photos:\n    Type: AWS::S3::Bucket\n    "
         "Properties:\n      BucketName: mine", "name of its own"),
        ("QueueConfigurations:", "TopicConfigurations:", "TopicConfigurations"),
        ("ScalingConfig:", "FilterCriteria: {Filters: []}\n            ScalingConfig:", "FilterCriteria"),
    ],
)  # fmt: skip
def test_what_cannot_run_here_is_refused_by_name(tmp_path, old, new, named):
    assert old in TEMPLATE
    with pytest.raises(UnsupportedTemplateError, match=named):
        read(tmp_path, TEMPLATE.replace(old, new))


@pytest.mark.parametrize(
    ("parameters", "named"), [({"Wimdow": "3"}, "Wimdow.*Window"), ({"Mode": "odd"}, "plain, fancy, not odd")]
)
def test_a_wrong_parameter_is_refused_by_name(tmp_path, parameters, named):
    with pytest.raises(UnsupportedTemplateError, match=named):
        read(tmp_path, **parameters)


def test_a_resource_counts_only_where_its_condition_holds(tmp_path):
    with pytest.raises(UnsupportedTemplateError, match="Rare is a AWS::DynamoDB::Table"):
        read(tmp_path, Mode="fancy")


def test_the_real_template_can_run_here():
    stack = read_template(ROOT / "template.yaml", endpoint_url=ENDPOINT)
    assert {"IngestFunction", "QueryFunction", "CompactFunction"} <= stack.functions.keys()
    assert all((function.code_dir / "app.py").is_file() for function in stack.functions.values())
    assert {source.function_id for source in stack.event_sources} == {"IngestFunction"}
    assert {schedule.function_id for schedule in stack.schedules} == {"CompactFunction"}
    assert ("POST", "/api/search") in {(route.method, route.path) for route in stack.routes}
    assert stack.distribution.behaviour("/api/search").added == {"x-lookalike-distribution": "1"}
    assert stack.outputs["CatalogueBucketName"] in {bucket.name for bucket in stack.buckets if bucket.notifications}


def test_the_real_template_runs_here_with_an_index_too():
    stack = read_template(ROOT / "template.yaml", endpoint_url=ENDPOINT, parameters={"Engine": "index"})
    assert {schedule.function_id for schedule in stack.schedules} == {"CompactFunction", "FollowFunction"}
    places = {stack.functions[name].environment["INDEX"] for name in ("QueryFunction", "FollowFunction")}
    assert len(places) == 1


def test_the_real_template_runs_here_with_a_secret_too():
    secret = "s" * 32
    stack = read_template(ROOT / "template.yaml", endpoint_url=ENDPOINT, parameters={"OriginSecret": f"{secret},1"})
    assert stack.distribution.behaviour("/api/search").added == {"x-lookalike-distribution": secret}
    assert stack.functions["QueryFunction"].environment["ORIGIN_SECRETS"] == f"{secret},1"
