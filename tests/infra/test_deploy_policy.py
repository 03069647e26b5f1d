"""docs/deploy-policy.json: the permissions of the person who deploys."""

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from tests.infra.deploy_actions import ACCOUNT, COMMANDS, NEEDED, REGION, STACK
from tests.infra.translated import Resources

FILE = Path(__file__).resolve().parents[2] / "docs" / "deploy-policy.json"


def policy(stack: str = STACK) -> str:
    text = FILE.read_text(encoding="utf-8")
    return text.replace("STACK", stack).replace("REGION", REGION).replace("ACCOUNT", ACCOUNT)


def as_list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def allows(statement: dict[str, Any], action: str, resource: str) -> bool:
    """Actions are compared without case, resources with it; * stands for any text, as in IAM."""
    acts = any(fnmatchcase(action.lower(), pattern.lower()) for pattern in as_list(statement["Action"]))
    return acts and any(fnmatchcase(resource, pattern) for pattern in as_list(statement["Resource"]))


def refused(needed: set[tuple[str, str]]) -> list[tuple[str, str]]:
    statements = json.loads(policy())["Statement"]
    return sorted(pair for pair in needed if not any(allows(statement, *pair) for statement in statements))


def test_every_type_of_resource_is_known(resources: Resources) -> None:
    types = {resource["Type"] for resource in resources.document["Resources"].values()}
    assert types == NEEDED.keys(), (
        "add what CloudFormation calls for it to tests/infra/deploy_actions.py and the policy"
    )


@pytest.mark.parametrize("kind", sorted(NEEDED))
def test_every_resource_can_be_made_changed_and_deleted(kind: str) -> None:
    assert refused(NEEDED[kind]) == []


def test_the_commands_can_do_their_work() -> None:
    assert refused(COMMANDS) == []


def test_nothing_else_is_allowed() -> None:
    """Every action that the policy names is one that somebody needs."""
    needed = {action.lower() for pairs in (*NEEDED.values(), COMMANDS) for action, _ in pairs}
    # Which of the two CloudFormation calls depends on the caller's tools.
    needed |= {"cloudformation:createstack", "cloudformation:deletechangeset", "cloudformation:describestackresources"}
    for statement in json.loads(policy())["Statement"]:
        assert statement["Effect"] == "Allow"
        for pattern in as_list(statement["Action"]):
            assert any(fnmatchcase(action, pattern.lower()) for action in needed), pattern


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:GetObject", f"arn:aws:s3:::{STACK}-cataloguebucket-x/images/1.jpg"),
        ("s3:DeleteObject", f"arn:aws:s3:::{STACK}-storebucket-x/log/1"),
        ("s3:ListBucket", "arn:aws:s3:::somebody-elses"),
        ("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/Admin"),
        ("iam:AttachRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/{STACK}-QueryRole-x"),
        ("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/x"),
        ("lambda:UpdateFunctionCode", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:other"),
        ("cloudformation:DeleteStack", f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/other/1"),
        ("sqs:ReceiveMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:{STACK}-ImageQueue-x"),
    ],
)
def test_what_is_none_of_the_stack_s_is_refused(action: str, resource: str) -> None:
    assert refused({(action, resource)}) == [(action, resource)]


def test_a_role_is_passed_to_functions_only() -> None:
    (passing,) = (item for item in json.loads(policy())["Statement"] if "iam:PassRole" in as_list(item["Action"]))
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}


def test_it_fits_into_one_managed_policy() -> None:
    longest = json.dumps(json.loads(policy("s" * 24)), separators=(",", ":"))
    assert len(longest) <= 6144, "IAM's limit, white space not counted"


def test_names_are_the_template_s(resources: Resources) -> None:
    """Resources that are granted by name have names that begin with the stack's, or are made up from it."""
    assert resources["QueryLogGroup"]["LogGroupName"] == {"Fn::Sub": "/aws/lambda/${AWS::StackName}-query"}
    assert resources["ApiLogGroup"]["LogGroupName"] == {"Fn::Sub": "/aws/vendedlogs/${AWS::StackName}-api"}
    named = {"AWS::Lambda::LayerVersion": "LayerName", "AWS::CloudWatch::Alarm": "AlarmName"}
    for kind, name in named.items():
        for properties in resources.of_type(kind).values():
            assert properties[name]["Fn::Sub"].startswith("${AWS::StackName}-")
