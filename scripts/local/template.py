"""template.yaml as plain values: functions, queues, buckets, and the events and paths that lead to them.

SAM's own translator reads the template, and nothing of the wiring is repeated here. A construct that the local stack
cannot honour raises ``UnsupportedTemplateError``.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from scripts.local.cors import Cors
from scripts.local.distribution import Distribution, read_distribution
from scripts.local.http_api import Route, read_cors, read_routes
from scripts.local.intrinsics import Names, Resolver, UnsupportedTemplateError
from scripts.local.translation import translate

STACK_NAME: Final = "lookalike"


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function: its handler is in ``code_dir``, and /opt consists of ``layer_dirs``, one over the other.

    ``snap_start``: its published versions start from a snapshot.
    """

    logical_id: str
    name: str
    arn: str
    handler: str
    code_dir: Path
    environment: Mapping[str, str]
    timeout_s: float
    memory_mb: int
    reserved_concurrency: int | None
    layer_dirs: tuple[Path, ...] = ()
    snap_start: bool = False


@dataclass(frozen=True, slots=True)
class Queue:
    """An SQS queue; ``attributes`` as CreateQueue takes them."""

    name: str
    arn: str
    attributes: Mapping[str, str]
    dead_letter_arn: str | None


@dataclass(frozen=True, slots=True)
class Bucket:
    """An S3 bucket; ``notifications`` as PutBucketNotificationConfiguration takes its queue configurations.

    ``cors_rules``: as PutBucketCors takes them.
    """

    name: str
    versioned: bool
    notifications: tuple[Mapping[str, Any], ...]
    cors_rules: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class EventSource:
    """A queue that feeds a function."""

    function_id: str
    queue_arn: str
    batch_size: int
    window_s: float
    max_concurrency: int | None
    reports_item_failures: bool


@dataclass(frozen=True, slots=True)
class Schedule:
    """A function that runs every ``every_s`` seconds."""

    rule: str
    function_id: str
    every_s: float


@dataclass(frozen=True, slots=True)
class Template:
    """The template: its resources and their wiring. ``functions`` by logical id, ``outputs`` by name.

    ``cors``: the pages of other origins that the HTTP API answers; None for none.
    """

    functions: Mapping[str, Function]
    queues: tuple[Queue, ...]
    buckets: tuple[Bucket, ...]
    event_sources: tuple[EventSource, ...]
    routes: tuple[Route, ...]
    schedules: tuple[Schedule, ...]
    distribution: Distribution
    outputs: Mapping[str, str]
    cors: Cors | None = None


_WITH_LOCAL_EFFECT: Final = re.compile(
    r"AWS::Lambda::(Function|EventSourceMapping)|AWS::ApiGatewayV2::Api|AWS::Events::Rule"
    r"|AWS::SQS::Queue|AWS::S3::Bucket|AWS::CloudFront::Distribution"
)
# Permissions, logs, alarms and packaging change nothing on this machine.
_WITHOUT_LOCAL_EFFECT: Final = re.compile(
    r"AWS::(IAM|Logs|CloudWatch|SNS|Budgets)::\w+"
    r"|AWS::Lambda::(Permission|LayerVersion|EventInvokeConfig|Version|Alias)"
    r"|AWS::S3Vectors::\w+"  # the index is in a folder here: see ``stack``
    r"|AWS::S3::BucketPolicy|AWS::SQS::QueuePolicy|AWS::ApiGatewayV2::Stage"
    r"|AWS::CloudFront::(OriginAccessControl|CachePolicy|OriginRequestPolicy|ResponseHeadersPolicy)"
)
_NAMES: Final = {
    "AWS::S3::Bucket": "BucketName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::Lambda::Function": "FunctionName",
}
_RATE: Final = re.compile(r"rate\((\d+) (second|minute|hour|day)s?\)")
_RATE_UNITS_S: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


def read_template(path: Path, *, endpoint_url: str, parameters: Mapping[str, str] | None = None) -> Template:
    """Translate and read a SAM template. ``parameters`` override the template's defaults.

    ``endpoint_url`` will be that of the local SQS. Raises UnsupportedTemplateError.
    """
    sources, document, values = translate(path, dict(parameters or {}))
    names = Names(document["Resources"], STACK_NAME, endpoint_url)
    resolver = Resolver(names, values, document.get("Conditions"))
    resources = {
        logical_id: resource
        for logical_id, resource in document["Resources"].items()
        if "Condition" not in resource or resolver.resolve({"Condition": resource["Condition"]})
    }
    _refuse_unknown(resources)

    def of_type(kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for logical_id, resource in resources.items():
            if resource["Type"] == kind:
                yield logical_id, resolver.resolve(resource.get("Properties", {}))

    # SAM gives a layer version another logical id for each content; its address has the one in the template.
    layers = {
        names.ref(logical_id): (path.parent / sources[properties["Content"]["S3Key"]]).resolve()
        for logical_id, properties in of_type("AWS::Lambda::LayerVersion")
    }
    functions = {
        logical_id: _function(logical_id, names, properties, path.parent / sources[logical_id], layers)
        for logical_id, properties in of_type("AWS::Lambda::Function")
    }
    by_arn = {function.arn: function.logical_id for function in functions.values()}
    # A function has one version here, the one in its folder, and every alias leads to it.
    by_arn |= {
        names.ref(logical_id): by_arn[names.attribute(resource["Properties"]["FunctionName"]["Ref"], "Arn")]
        for logical_id, resource in resources.items()
        if resource["Type"] == "AWS::Lambda::Alias"
    }
    by_name = {function.name: function.logical_id for function in functions.values()}
    return Template(
        functions=functions,
        queues=tuple(_queue(names, logical_id, item) for logical_id, item in of_type("AWS::SQS::Queue")),
        buckets=tuple(_bucket(names, logical_id, item) for logical_id, item in of_type("AWS::S3::Bucket")),
        event_sources=tuple(
            _event_source(item, by_name | by_arn) for _, item in of_type("AWS::Lambda::EventSourceMapping")
        ),
        routes=tuple(route for _, item in of_type("AWS::ApiGatewayV2::Api") for route in read_routes(item, by_arn)),
        schedules=tuple(
            schedule for name, item in of_type("AWS::Events::Rule") for schedule in _schedules(name, item, by_arn)
        ),
        distribution=read_distribution(resources, resolver, names),
        outputs={name: str(resolver.resolve(output["Value"])) for name, output in document.get("Outputs", {}).items()},
        cors=next((cors for _, item in of_type("AWS::ApiGatewayV2::Api") if (cors := read_cors(item))), None),
    )


def _refuse_unknown(resources: Mapping[str, Any]) -> None:
    for logical_id, resource in resources.items():
        kind = resource["Type"]
        if not _WITH_LOCAL_EFFECT.fullmatch(kind) and not _WITHOUT_LOCAL_EFFECT.fullmatch(kind):
            raise UnsupportedTemplateError(f"{logical_id} is a {kind}, which the local stack does not run")
        if _NAMES.get(kind) in resource.get("Properties", {}):
            raise UnsupportedTemplateError(f"{logical_id} has a name of its own; the local stack makes names up")


def _function(
    logical_id: str, names: Names, properties: dict[str, Any], code_dir: Path, layers: Mapping[str, Path]
) -> Function:
    if properties.get("PackageType", "Zip") != "Zip":
        raise UnsupportedTemplateError(f"{logical_id} is a container image, which the local stack does not run")
    foreign = [name for name in properties.get("Layers", ()) if name not in layers]
    if foreign:
        raise UnsupportedTemplateError(f"{logical_id} uses the layer {foreign[0]}, which the template does not define")
    variables = properties.get("Environment", {}).get("Variables", {})
    reserved = properties.get("ReservedConcurrentExecutions")
    return Function(
        logical_id=logical_id,
        name=names.ref(logical_id),
        arn=names.attribute(logical_id, "Arn"),
        handler=properties["Handler"],
        code_dir=code_dir.resolve(),
        environment={name: str(value) for name, value in variables.items()},
        timeout_s=float(properties.get("Timeout", 3)),
        memory_mb=int(properties.get("MemorySize", 128)),
        reserved_concurrency=None if reserved is None else int(reserved),
        layer_dirs=tuple(layers[name] for name in properties.get("Layers", ())),
        snap_start=properties.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions",
    )


_QUEUE_ATTRIBUTES: Final[tuple[str, ...]] = (
    "VisibilityTimeout",
    "MessageRetentionPeriod",
    "DelaySeconds",
    "ReceiveMessageWaitTimeSeconds",
    "MaximumMessageSize",
)


def _queue(names: Names, logical_id: str, properties: dict[str, Any]) -> Queue:
    if properties.get("FifoQueue"):
        raise UnsupportedTemplateError(f"{logical_id} is a FIFO queue, which the local stack does not run")
    attributes = {name: str(properties[name]) for name in _QUEUE_ATTRIBUTES if name in properties}
    redrive = properties.get("RedrivePolicy")
    if redrive:
        attributes["RedrivePolicy"] = json.dumps(redrive)
    return Queue(
        name=names.physical(logical_id),
        arn=names.attribute(logical_id, "Arn"),
        attributes=attributes,
        dead_letter_arn=redrive["deadLetterTargetArn"] if redrive else None,
    )


# CloudFormation's names, and those of S3's API.
_CORS_NAMES: Final = {"ExposedHeaders": "ExposeHeaders", "MaxAge": "MaxAgeSeconds", "Id": "ID"}


def _bucket(names: Names, logical_id: str, properties: dict[str, Any]) -> Bucket:
    configuration = properties.get("NotificationConfiguration", {})
    others = sorted(configuration.keys() - {"QueueConfigurations"})
    if others:
        raise UnsupportedTemplateError(f"{logical_id} sends notifications by {others[0]}; only queues are run here")
    notifications = []
    for item in configuration.get("QueueConfigurations", ()):
        rules = item.get("Filter", {}).get("S3Key", {}).get("Rules", [])
        notification: dict[str, Any] = {"QueueArn": item["Queue"], "Events": [item["Event"]]}
        if rules:
            notification["Filter"] = {"Key": {"FilterRules": rules}}
        notifications.append(notification)
    return Bucket(
        name=names.ref(logical_id),
        versioned=properties.get("VersioningConfiguration", {}).get("Status") == "Enabled",
        notifications=tuple(notifications),
        cors_rules=tuple(
            {_CORS_NAMES.get(name, name): value for name, value in rule.items()}
            for rule in properties.get("CorsConfiguration", {}).get("CorsRules", ())
        ),
    )


def _event_source(properties: dict[str, Any], functions: Mapping[str, str]) -> EventSource:
    if "FilterCriteria" in properties:
        raise UnsupportedTemplateError("an event source with FilterCriteria is not run here")
    concurrency = properties.get("ScalingConfig", {}).get("MaximumConcurrency")
    return EventSource(
        function_id=functions[properties["FunctionName"]],
        queue_arn=properties["EventSourceArn"],
        batch_size=int(properties.get("BatchSize", 10)),
        window_s=float(properties.get("MaximumBatchingWindowInSeconds", 0)),
        max_concurrency=None if concurrency is None else int(concurrency),
        reports_item_failures="ReportBatchItemFailures" in properties.get("FunctionResponseTypes", ()),
    )


def _schedules(rule: str, properties: dict[str, Any], functions: Mapping[str, str]) -> Iterator[Schedule]:
    expression = properties.get("ScheduleExpression", "")
    match = _RATE.fullmatch(expression)
    if match is None:
        raise UnsupportedTemplateError(f"{rule} runs at {expression or 'an event'}; only rate(...) is run here")
    if properties.get("State", "ENABLED") != "ENABLED":
        return
    for target in properties["Targets"]:
        yield Schedule(rule, functions[target["Arn"]], int(match[1]) * _RATE_UNITS_S[match[2]])
