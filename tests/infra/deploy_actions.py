"""What CloudFormation calls for each type of resource that the stack has, to make, change, read and delete it.

From the handlers of the types' schemas in CloudFormation's registry (`aws cloudformation describe-type --type RESOURCE
--type-name AWS::SQS::Queue`), without the calls for what template.yaml does not use, such as keys, subnets and replication.
"""

from collections.abc import Mapping

REGION, ACCOUNT, STACK = "eu-west-1", "111122223333", "lookalike"


def _regional(service: str, name: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}"


_FUNCTION = _regional("lambda", f"function:{STACK}-QueryFunction-x")
_LAYER = _regional("lambda", f"layer:{STACK}-model")
_LAYER_VERSION = f"{_LAYER}:1"
_MAPPING = _regional("lambda", "event-source-mapping:0-1")
_ROLE = f"arn:aws:iam::{ACCOUNT}:role/{STACK}-QueryRole-x"
_BUCKET = f"arn:aws:s3:::{STACK}-cataloguebucket-x"
_PACKAGES = "arn:aws:s3:::aws-sam-cli-managed-default-samclisourcebucket-x"
_PACKAGE = f"{_PACKAGES}/{STACK}/x"
_QUEUE = _regional("sqs", f"{STACK}-ImageQueue-x")
_TOPIC = _regional("sns", f"{STACK}-AlarmTopic-x")
_LOGS = _regional("logs", f"log-group:/aws/lambda/{STACK}-query")
_API_LOGS = _regional("logs", f"log-group:/aws/vendedlogs/{STACK}-api")
_RULE = _regional("events", f"rule/{STACK}-CompactFunctionTimer-x")
_ALARM = _regional("cloudwatch", f"alarm:{STACK}-dead-letters")
_DASHBOARD = f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{STACK}-{REGION}"
_API = f"arn:aws:apigateway:{REGION}::/apis/x"
_APIS = f"arn:aws:apigateway:{REGION}::/apis"
_API_TAGS = f"arn:aws:apigateway:{REGION}::/tags/x"
_WEB_ACL = f"arn:aws:wafv2:us-east-1:{ACCOUNT}:global/webacl/x/1"
_STACK_ARN = _regional("cloudformation", f"stack/{STACK}/1")
_MANAGED_ARN = _regional("cloudformation", "stack/aws-sam-cli-managed-default/1")
_VECTORS = _regional("s3vectors", f"bucket/{STACK}-vectorbucket-x")
_SITE = f"arn:aws:s3:::{STACK}-sitebucket-x"


def _cloudfront(kind: str) -> str:
    return f"arn:aws:cloudfront::{ACCOUNT}:{kind}/E1"


def _each(resource: str, *actions: str) -> set[tuple[str, str]]:
    return {(action, resource) for action in actions}


def _verbs(service: str, thing: str, resource: str, *verbs: str) -> set[tuple[str, str]]:
    return _each(resource, *(f"{service}:{verb}{thing}" for verb in verbs or ("Create", "Get", "Update", "Delete")))


_TAGS = ("TagResource", "UntagResource", "ListTagsForResource")
_LOG_GROUP = (
    *("CreateLogGroup", "DeleteLogGroup", "PutRetentionPolicy", "DeleteRetentionPolicy"),
    *("GetDataProtectionPolicy", "DescribeIndexPolicies", *_TAGS),
)
_STACK = (
    *("CreateChangeSet", "DescribeChangeSet", "ExecuteChangeSet", "DescribeStacks", "DescribeStackEvents"),
    *("DeleteStack", "GetTemplate", "ListStackResources"),
)

NEEDED: Mapping[str, set[tuple[str, str]]] = {
    "AWS::S3::Bucket": _each(
        _BUCKET,
        *(f"s3:{name}" for name in ("CreateBucket", "DeleteBucket", "ListBucket", "ListTagsForResource")),
        *(f"s3:{name}" for name in ("TagResource", "UntagResource")),
        *(f"s3:{verb}Bucket{name}" for verb in ("Get", "Put") for name in ("CORS", "Notification", "Tagging")),
        *(f"s3:{verb}Bucket{name}" for verb in ("Get", "Put") for name in ("PublicAccessBlock", "OwnershipControls")),
        *(f"s3:{verb}{name}Configuration" for verb in ("Get", "Put") for name in ("Encryption", "Lifecycle")),
        *(f"s3:GetBucket{name}" for name in ("Logging", "Versioning", "Website", "ObjectLockConfiguration", "Abac")),
        *(f"s3:Get{name}Configuration" for name in ("Accelerate", "Analytics", "Inventory", "Metrics", "Replication")),
        "s3:GetIntelligentTieringConfiguration",
    ),
    "AWS::S3::BucketPolicy": _verbs("s3", "BucketPolicy", _BUCKET, "Get", "Put", "Delete"),
    "AWS::SQS::Queue": _each(
        _QUEUE,
        *(f"sqs:{name}" for name in ("CreateQueue", "DeleteQueue", "GetQueueUrl", "GetQueueAttributes")),
        *(f"sqs:{name}" for name in ("SetQueueAttributes", "ListQueueTags", "TagQueue", "UntagQueue")),
    ),
    "AWS::SQS::QueuePolicy": {("sqs:SetQueueAttributes", _QUEUE)},
    "AWS::Lambda::Function": _each(
        _FUNCTION,
        *(f"lambda:{name}Function" for name in ("Create", "Get", "Delete")),
        *(f"lambda:{verb}FunctionConcurrency" for verb in ("Put", "Delete")),
        *(f"lambda:{verb}FunctionRecursionConfig" for verb in ("Put", "Get")),
        *(f"lambda:{verb}FunctionScalingConfig" for verb in ("Put", "Get")),
        *(f"lambda:{verb}RuntimeManagementConfig" for verb in ("Put", "Get")),
        *(f"lambda:{name}" for name in ("UpdateFunctionConfiguration", "UpdateFunctionCode", "PublishVersion")),
        *(f"lambda:{name}" for name in ("GetFunctionCodeSigningConfig", "ListTags", "TagResource", "UntagResource")),
    )
    | _each(_PACKAGE, "s3:GetObject", "s3:GetObjectVersion")
    | {("lambda:GetLayerVersion", _LAYER_VERSION), ("iam:PassRole", _ROLE)},
    "AWS::Lambda::LayerVersion": _each(_PACKAGE, "s3:GetObject", "s3:GetObjectVersion")
    | {("lambda:PublishLayerVersion", _LAYER)}
    | _each(_LAYER_VERSION, "lambda:GetLayerVersion", "lambda:DeleteLayerVersion"),
    "AWS::Lambda::Version": _each(
        _FUNCTION,
        *(f"lambda:{name}" for name in ("PublishVersion", "GetFunctionConfiguration", "ListVersionsByFunction")),
        *(f"lambda:{name}" for name in ("DeleteFunction", "GetProvisionedConcurrencyConfig")),
    ),
    "AWS::Lambda::Alias": _verbs("lambda", "Alias", _FUNCTION),
    "AWS::Lambda::Permission": _each(_FUNCTION, "lambda:AddPermission", "lambda:RemovePermission", "lambda:GetPolicy"),
    "AWS::Lambda::EventInvokeConfig": _verbs(
        "lambda", "FunctionEventInvokeConfig", _FUNCTION, "Put", "Get", "Update", "Delete"
    ),
    "AWS::Lambda::EventSourceMapping": _verbs("lambda", "EventSourceMapping", _MAPPING)
    | _each(_MAPPING, "lambda:ListTags", "lambda:TagResource", "lambda:UntagResource"),
    "AWS::IAM::Role": _each(
        _ROLE,
        *(f"iam:{verb}Role" for verb in ("Create", "Get", "Update", "Delete", "Tag", "Untag")),
        *(f"iam:{verb}RolePolicy" for verb in ("Put", "Get", "Delete")),
        *(f"iam:{name}" for name in ("ListRolePolicies", "ListAttachedRolePolicies", "ListRoleTags")),
        *(f"iam:{name}" for name in ("UpdateAssumeRolePolicy", "UpdateRoleDescription")),
    ),
    "AWS::Logs::LogGroup": {("logs:DescribeLogGroups", "*"), ("logs:DescribeResourcePolicies", "*")}
    | {(f"logs:{name}", group) for name in _LOG_GROUP for group in (_LOGS, _API_LOGS)},
    "AWS::ApiGatewayV2::Api": _each(_API, *(f"apigateway:{verb}" for verb in ("GET", "PUT", "PATCH", "POST", "DELETE")))
    | {("apigateway:POST", _APIS), ("apigateway:PUT", _APIS), ("apigateway:PUT", _API_TAGS)},
    # It delivers its access log.
    "AWS::ApiGatewayV2::Stage": _each(
        f"{_API}/stages/x", *(f"apigateway:{verb}" for verb in ("GET", "PATCH", "POST", "DELETE"))
    )
    | _each(_API_TAGS, "apigateway:TagResource", "apigateway:UntagResource")
    | _each("*", *(f"logs:{verb}LogDelivery" for verb in ("Create", "Get", "Update", "Delete")))
    | _each("*", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies"),
    "AWS::Events::Rule": _verbs("events", "Rule", _RULE, "Put", "Describe", "Delete")
    | _verbs("events", "Targets", _RULE, "Put", "Remove")
    | _each(_RULE, "events:ListTargetsByRule", *(f"events:{name}" for name in _TAGS)),
    "AWS::CloudFront::Distribution": _verbs("cloudfront", "Distribution", _cloudfront("distribution"))
    | _each(
        _cloudfront("distribution"),
        *("cloudfront:CreateDistributionWithTags", "cloudfront:GetDistributionConfig"),
        *(f"cloudfront:{name}" for name in _TAGS),
    ),
    "AWS::CloudFront::OriginAccessControl": _verbs(
        "cloudfront", "OriginAccessControl", _cloudfront("origin-access-control")
    ),
    "AWS::CloudFront::CachePolicy": _verbs("cloudfront", "CachePolicy", _cloudfront("cache-policy")),
    "AWS::CloudFront::OriginRequestPolicy": _verbs(
        "cloudfront", "OriginRequestPolicy", _cloudfront("origin-request-policy")
    ),
    "AWS::CloudFront::ResponseHeadersPolicy": _verbs(
        "cloudfront", "ResponseHeadersPolicy", _cloudfront("response-headers-policy")
    ),
    "AWS::WAFv2::WebACL": _verbs("wafv2", "WebACL", _WEB_ACL) | _each(_WEB_ACL, *(f"wafv2:{name}" for name in _TAGS)),
    "AWS::SNS::Topic": _verbs("sns", "Topic", _TOPIC, "Create", "Delete")
    | _verbs("sns", "TopicAttributes", _TOPIC, "Get", "Set")
    | _each(_TOPIC, "sns:ListSubscriptionsByTopic", "sns:GetDataProtectionPolicy", *(f"sns:{name}" for name in _TAGS)),
    "AWS::SNS::TopicPolicy": {("sns:SetTopicAttributes", _TOPIC)},
    "AWS::SNS::Subscription": {("sns:Subscribe", _TOPIC), ("sns:Unsubscribe", "*")}
    | _verbs("sns", "SubscriptionAttributes", f"{_TOPIC}:1", "Get", "Set"),
    "AWS::CloudWatch::Alarm": {("cloudwatch:DescribeAlarms", "*")}
    | _each(_ALARM, "cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms", *(f"cloudwatch:{name}" for name in _TAGS)),
    "AWS::CloudWatch::Dashboard": _verbs("cloudwatch", "Dashboard", _DASHBOARD, "Put", "Get")
    | {("cloudwatch:DeleteDashboards", _DASHBOARD)},
    "AWS::S3Vectors::VectorBucket": _verbs("s3vectors", "VectorBucket", _VECTORS, "Create", "Get", "Delete")
    | _verbs("s3vectors", "", _VECTORS, *_TAGS),
    "AWS::S3Vectors::Index": _verbs("s3vectors", "Index", f"{_VECTORS}/index/x", "Create", "Get", "Delete")
    | _verbs("s3vectors", "", f"{_VECTORS}/index/x", *_TAGS),
}

# `sam deploy` and `sam delete`, which keep packages in a bucket of a stack of their own; and this repository's commands.
COMMANDS: set[tuple[str, str]] = (
    {(f"cloudformation:{name}", stack) for name in _STACK for stack in (_STACK_ARN, _MANAGED_ARN)}
    | {("cloudformation:CreateChangeSet", f"arn:aws:cloudformation:{REGION}:aws:transform/Serverless-2016-10-31")}
    | {("cloudformation:GetTemplateSummary", "*"), ("cloudformation:ListChangeSets", _STACK_ARN)}
    | {("lambda:GetAccountSettings", "*"), ("cloudfront:CreateInvalidation", _cloudfront("distribution"))}
    | _each(
        _PACKAGES,
        *("s3:CreateBucket", "s3:ListBucket", "s3:PutBucketVersioning", "s3:PutBucketPolicy", "s3:PutBucketTagging"),
        *("s3:PutEncryptionConfiguration", "s3:PutBucketPublicAccessBlock"),
    )
    | _each(_PACKAGE, "s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:DeleteObjectVersion")
    | _each(f"{_SITE}/index.html", "s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:DeleteObjectVersion")
    | _each(_SITE, "s3:ListBucket", "s3:ListBucketVersions")
)
