"""Who may do what, what is encrypted, and what browsers are told."""

import json
from typing import Any

import pytest

from tests.browser.stub import POLICY
from tests.infra.translated import Resources

BUCKETS = {"CatalogueBucket", "StoreBucket", "SiteBucket"}
QUEUES = {"ImageQueue", "DeadLetterQueue"}

# Everything a function may do, spelled out: a permission is added here on purpose or not at all.
GRANTS = {
    "IngestRole": {
        "ImageQueue.Arn": {
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ChangeMessageVisibility",
        },
        "${CatalogueBucket.Arn}/images/*": {"s3:GetObject"},
        "${CatalogueBucket.Arn}/products/*": {"s3:GetObject"},
        "CatalogueBucket.Arn": {"s3:ListBucket"},
        "${StoreBucket.Arn}/*": {"s3:GetObject", "s3:PutObject"},
        "${StoreBucket.Arn}/*/attempts/*": {"s3:DeleteObject"},
        "StoreBucket.Arn": {"s3:ListBucket"},
        "IngestLogGroup.Arn": {"logs:CreateLogStream", "logs:PutLogEvents"},
        "*": {"xray:PutTraceSegments", "xray:PutTelemetryRecords"},
    },
    "QueryRole": {
        "ImageQueue.Arn": {"sqs:GetQueueAttributes"},
        "DeadLetterQueue.Arn": {"sqs:GetQueueAttributes"},
        "${CatalogueBucket.Arn}/images/*": {"s3:GetObject"},
        "${StoreBucket.Arn}/*": {"s3:GetObject"},
        "StoreBucket.Arn": {"s3:ListBucket"},
        "VectorIndex.IndexArn": {"s3vectors:QueryVectors", "s3vectors:GetVectors"},
        "QueryLogGroup.Arn": {"logs:CreateLogStream", "logs:PutLogEvents"},
        "*": {"xray:PutTraceSegments", "xray:PutTelemetryRecords"},
    },
    "CompactRole": {
        "${StoreBucket.Arn}/*": {"s3:GetObject", "s3:PutObject", "s3:DeleteObject"},
        "StoreBucket.Arn": {"s3:ListBucket"},
        "CompactLogGroup.Arn": {"logs:CreateLogStream", "logs:PutLogEvents"},
        "*": {"xray:PutTraceSegments", "xray:PutTelemetryRecords"},
    },
    "FollowRole": {
        "${StoreBucket.Arn}/*": {"s3:GetObject"},
        "${StoreBucket.Arn}/*/index/*": {"s3:PutObject", "s3:DeleteObject"},
        "StoreBucket.Arn": {"s3:ListBucket"},
        "VectorIndex.IndexArn": {
            "s3vectors:PutVectors",
            "s3vectors:DeleteVectors",
            "s3vectors:GetVectors",
            "s3vectors:ListVectors",
        },
        "FollowLogGroup.Arn": {"logs:CreateLogStream", "logs:PutLogEvents"},
        "*": {"xray:PutTraceSegments", "xray:PutTelemetryRecords"},
    },
}
CATALOGUE = {"Fn::If": ["MakeCatalogue", {"Ref": "CatalogueBucket"}, {"Ref": "ExistingCatalogueBucket"}]}
SITE_CSP = {
    "default-src": {"'none'"},
    "script-src": {"'self'"},
    "style-src": {"'self'"},
    "img-src": {"'self'", "blob:", "data:"},
    "connect-src": {"'self'"},
    "form-action": {"'none'"},
    "base-uri": {"'none'"},
    "frame-ancestors": {"'none'"},
    "manifest-src": {"'self'"},
}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def name_of(resource: Any) -> str:
    """A resource as GRANTS writes it."""
    if isinstance(resource, str):
        return resource
    if "Fn::GetAtt" in resource:
        return ".".join(resource["Fn::GetAtt"])
    if isinstance(resource.get("Fn::Sub"), list):
        return of_catalogue(resource["Fn::Sub"])
    return resource["Ref"] if "Ref" in resource else resource["Fn::Sub"]


def of_catalogue(substituted: list[Any]) -> str:
    """An ARN of the catalogue, whichever bucket that is, as if it were the stack's own."""
    text, values = substituted
    assert values == {"Catalogue": CATALOGUE}
    name = text.replace("arn:${AWS::Partition}:s3:::${Catalogue}", "${CatalogueBucket.Arn}")
    return name if name != "${CatalogueBucket.Arn}" else "CatalogueBucket.Arn"


def statements(document: dict[str, Any]) -> list[dict[str, Any]]:
    """All statements of a policy, those that depend on a condition included."""
    return [item["Fn::If"][1] if "Fn::If" in item else item for item in document["Statement"]]


@pytest.mark.parametrize("function", ["Ingest", "Query", "Compact"])
def test_a_function_may_do_what_it_does_and_nothing_else(resources: Resources, function: str) -> None:
    assert resources[f"{function}Function"]["Role"] == {"Fn::GetAtt": [f"{function}Role", "Arn"]}
    role = resources[f"{function}Role"]
    assert "ManagedPolicyArns" not in role
    granted: dict[str, set[str]] = {}
    for policy in role["Policies"]:
        for statement in statements(policy["PolicyDocument"]):
            assert statement["Effect"] == "Allow"
            assert not statement.keys() & {"NotAction", "NotResource"}
            for resource in as_list(statement["Resource"]):
                granted.setdefault(name_of(resource), set()).update(as_list(statement["Action"]))
    assert granted == GRANTS[f"{function}Role"]


@pytest.mark.parametrize("function", ["Ingest", "Query", "Compact"])
@pytest.mark.parametrize(("tracing", "allowed"), [("Active", True), ("PassThrough", False)])
def test_traces_may_be_written_where_there_are_any(
    resources: Resources, function: str, tracing: str, allowed: bool
) -> None:
    (policy,) = resources.resolved(resources[f"{function}Role"]["Policies"], Tracing=tracing)
    names = {statement["Sid"] for statement in policy["PolicyDocument"]["Statement"]}
    assert ("WriteTraces" in names) == allowed


def test_there_is_no_role_beside_the_three(resources: Resources) -> None:
    assert set(resources.of_type("AWS::IAM::Role")) == set(GRANTS)
    for role in resources.of_type("AWS::IAM::Role").values():
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_no_permission_has_a_wildcard_but_for_the_objects_of_a_bucket(resources: Resources) -> None:
    documents = [
        policy["PolicyDocument"] for role in resources.of_type("AWS::IAM::Role").values() for policy in role["Policies"]
    ]
    for kind in ("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"):
        documents += [policy["PolicyDocument"] for policy in resources.of_type(kind).values()]
    allowed = [
        statement for document in documents for statement in statements(document) if statement["Effect"] == "Allow"
    ]
    assert allowed
    for statement in allowed:
        assert "*" not in json.dumps(statement["Action"])
        assert "*" not in json.dumps(statement.get("Principal", ""))
        if all(action.startswith("xray:") for action in as_list(statement["Action"])):
            continue  # X-Ray has no resources to name
        for resource in as_list(statement["Resource"]):
            name = name_of(resource)
            # A store is below a prefix that is its model's fingerprint.
            assert "*" not in name.removesuffix("/*").replace("StoreBucket.Arn}/*/", "StoreBucket.Arn}/"), name
            assert "*" not in name or "Bucket.Arn}/" in name, name


@pytest.mark.parametrize("bucket", sorted(BUCKETS))
def test_buckets_are_private_and_encrypted(resources: Resources, bucket: str) -> None:
    properties = resources[bucket]
    assert properties["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    }
    (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert "BucketName" not in properties, "a fixed name can be taken by another stack, or another account"


def test_every_bucket_and_queue_is_known_to_these_tests(resources: Resources) -> None:
    assert set(resources.of_type("AWS::S3::Bucket")) == BUCKETS
    assert set(resources.of_type("AWS::SQS::Queue")) == QUEUES


@pytest.mark.parametrize("bucket", sorted(BUCKETS))
def test_buckets_talk_tls_only(resources: Resources, bucket: str) -> None:
    policy = resources[f"{bucket}Policy"]
    assert policy["Bucket"] == {"Ref": bucket}
    (deny,) = (item for item in policy["PolicyDocument"]["Statement"] if item["Effect"] == "Deny")
    assert (deny["Principal"], deny["Action"]) == ("*", "s3:*")
    assert {name_of(resource) for resource in deny["Resource"]} == {f"{bucket}.Arn", f"${{{bucket}.Arn}}/*"}
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize("queue", sorted(QUEUES))
def test_queues_are_encrypted_and_talk_tls_only(resources: Resources, queue: str) -> None:
    assert resources[queue]["SqsManagedSseEnabled"] is True
    policy = resources[f"{queue}Policy"]
    assert policy["Queues"] == [{"Ref": queue}]
    (deny,) = (item for item in policy["PolicyDocument"]["Statement"] if item["Effect"] == "Deny")
    assert (deny["Principal"], deny["Action"]) == ("*", "sqs:*")
    assert name_of(deny["Resource"]) == f"{queue}.Arn"
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_only_alarms_of_this_account_are_published_and_over_tls_only(resources: Resources) -> None:
    policy = resources["AlarmTopicPolicy"]
    assert policy["Topics"] == [{"Ref": "AlarmTopic"}]
    allow, deny = policy["PolicyDocument"]["Statement"]
    assert (allow["Effect"], allow["Action"]) == ("Allow", "sns:Publish")
    assert allow["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allow["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert (deny["Effect"], deny["Principal"], deny["Action"]) == ("Deny", "*", "sns:Publish")
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_only_s3_for_buckets_of_this_account_sends_to_the_queue(resources: Resources) -> None:
    allowed = [
        statement
        for policy in resources.of_type("AWS::SQS::QueuePolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    (send,) = allowed
    assert send["Principal"] == {"Service": "s3.amazonaws.com"}
    assert send["Action"] == "sqs:SendMessage"
    assert send["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_nobody_but_this_distribution_reads_a_bucket_from_outside(resources: Resources) -> None:
    allowed = [
        (policy["Bucket"]["Ref"], statement)
        for policy in resources.of_type("AWS::S3::BucketPolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    assert {bucket for bucket, _ in allowed} == {"CatalogueBucket", "SiteBucket"}, "the store is for functions only"
    for _, statement in allowed:
        assert statement["Principal"] == {"Service": "cloudfront.amazonaws.com"}
        assert statement["Action"] in {"s3:GetObject", "s3:ListBucket"}
        (source,) = statement["Condition"]["StringEquals"].values()
        assert source["Fn::Sub"].endswith(":distribution/${Distribution}")


def test_nothing_can_be_listed_through_the_distribution(resources: Resources) -> None:
    """It may list, to tell a missing object from a forbidden one: so no query string and no bucket root may reach S3."""
    config = resources["Distribution"]["DistributionConfig"]
    assert config["DefaultRootObject"] == "index.html"
    for behaviour in (config["DefaultCacheBehavior"], *config["CacheBehaviors"]):
        if behaviour["TargetOriginId"] == "api":
            continue
        assert "OriginRequestPolicyId" not in behaviour
        forwarded = resources[behaviour["CachePolicyId"]["Ref"]]["CachePolicyConfig"]
        strings = forwarded["ParametersInCacheKeyAndForwardedToOrigin"]["QueryStringsConfig"]
        assert strings == {"QueryStringBehavior": "none"}


def test_origins_are_reached_over_tls_and_signed(resources: Resources) -> None:
    for origin in resources["Distribution"]["DistributionConfig"]["Origins"]:
        if origin["Id"] == "api":
            assert origin["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
        else:
            assert origin["OriginAccessControlId"] == {"Fn::GetAtt": ["OriginAccessControl", "Id"]}
    control = resources["OriginAccessControl"]["OriginAccessControlConfig"]
    assert (control["SigningBehavior"], control["SigningProtocol"]) == ("always", "sigv4")


def test_shoppers_talk_tls_only(resources: Resources) -> None:
    config = resources["Distribution"]["DistributionConfig"]
    policies = {
        behaviour["TargetOriginId"]: behaviour["ViewerProtocolPolicy"]
        for behaviour in (config["DefaultCacheBehavior"], *config["CacheBehaviors"])
    }
    assert policies == {"site": "redirect-to-https", "catalogue": "redirect-to-https", "api": "https-only"}


def headers_of(resources: Resources, origin: str) -> dict[str, Any]:
    config = resources["Distribution"]["DistributionConfig"]
    (behaviour,) = (
        behaviour
        for behaviour in (config["DefaultCacheBehavior"], *config["CacheBehaviors"])
        if behaviour["TargetOriginId"] == origin and behaviour.get("PathPattern") != "/lookalike.js"
    )
    policy = resources[behaviour["ResponseHeadersPolicyId"]["Ref"]]
    return policy["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]


def directives(headers: dict[str, Any]) -> dict[str, set[str]]:
    policy = headers["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    parsed = [directive.split() for directive in policy.split(";")]
    return {name: set(sources) for name, *sources in parsed}


@pytest.mark.parametrize("origin", ["site", "api"])
def test_pages_run_the_site_s_own_scripts_and_nothing_else(resources: Resources, origin: str) -> None:
    assert directives(headers_of(resources, origin)) == SITE_CSP


def test_the_page_is_tested_under_the_policy_that_it_has() -> None:
    assert directives({"ContentSecurityPolicy": {"ContentSecurityPolicy": POLICY}}) == SITE_CSP


def test_a_photo_that_is_really_a_page_runs_nothing(resources: Resources) -> None:
    policy = directives(headers_of(resources, "catalogue"))
    assert policy["default-src"] == {"'none'"}
    assert policy["sandbox"] == set()
    assert not policy.keys() & {"script-src", "style-src", "connect-src"}


@pytest.mark.parametrize("origin", ["site", "api", "catalogue"])
def test_every_answer_carries_the_other_security_headers(resources: Resources, origin: str) -> None:
    headers = headers_of(resources, origin)
    assert headers["StrictTransportSecurity"]["AccessControlMaxAgeSec"] >= 31536000
    assert headers["StrictTransportSecurity"]["IncludeSubdomains"] is False, (
        "other hosts of the merchant's are not ours"
    )
    assert headers["ContentTypeOptions"] == {"Override": True}
    assert headers["ReferrerPolicy"]["ReferrerPolicy"] == "no-referrer"
    assert all(header["Override"] for header in headers.values()), "an origin must not be able to weaken them"


def test_logs_are_kept_for_a_while_and_go_with_the_stack(resources: Resources) -> None:
    groups = resources.of_type("AWS::Logs::LogGroup")
    assert set(groups) == {"IngestLogGroup", "QueryLogGroup", "CompactLogGroup", "FollowLogGroup", "ApiLogGroup"}
    for name, group in groups.items():
        assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}
        assert resources.whole(name)["DeletionPolicy"] == "Delete"
    for function in ("Ingest", "Query", "Compact"):
        assert resources[f"{function}Function"]["LoggingConfig"] == {"LogGroup": {"Ref": f"{function}LogGroup"}}


def test_photos_and_embeddings_survive_the_stack(resources: Resources) -> None:
    for bucket in ("CatalogueBucket", "StoreBucket"):
        # Kept but for the empty one that a failed first deployment has just made, which nobody would find again.
        assert resources.whole(bucket)["DeletionPolicy"] == "RetainExceptOnCreate"
        assert resources.whole(bucket)["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("bucket", sorted(BUCKETS))
def test_garbage_is_not_paid_for_forever(resources: Resources, bucket: str) -> None:
    rules = resources[bucket]["LifecycleConfiguration"]["Rules"]
    assert all(rule["Status"] == "Enabled" for rule in rules)
    assert [rule for rule in rules if "AbortIncompleteMultipartUpload" in rule]
    old_versions = [rule for rule in rules if "NoncurrentVersionExpiration" in rule]
    assert bool(old_versions) == (bucket != "CatalogueBucket"), "there it would be taken for deleted photos"


def test_no_rule_deletes_what_is_in_use(resources: Resources) -> None:
    for bucket in BUCKETS:
        for rule in resources[bucket]["LifecycleConfiguration"]["Rules"]:
            assert not rule.keys() & {"ExpirationInDays", "ExpirationDate", "Expiration", "Transitions", "Transition"}


def test_what_can_be_tagged_says_whose_it_is(resources: Resources) -> None:
    # What the bill has lines for.
    kinds = ("S3::Bucket", "SQS::Queue", "Lambda::Function", "Logs::LogGroup", "CloudFront::Distribution")
    kinds += ("SNS::Topic", "CloudWatch::Alarm", "IAM::Role", "ApiGatewayV2::Stage")
    for kind in kinds:
        found = resources.of_type(f"AWS::{kind}")
        assert found, kind
        for name, properties in found.items():
            tags = properties["Tags"]
            tags = tags if isinstance(tags, dict) else {tag["Key"]: tag["Value"] for tag in tags}
            assert tags["Application"] == "lookalike", name
