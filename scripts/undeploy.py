#!/usr/bin/env python3
"""Take a deployed stack down: `make undeploy`.

    python -m scripts.undeploy                                          # the stack in samconfig.toml
    python -m scripts.undeploy --stack-name shop --region eu-west-1

The buckets of the photos and of the embeddings stay; they are named at the end, and cost their storage. Everything else is
deleted, also of a stack whose first deployment failed. Asks for the stack's name first.
"""

import argparse
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from scripts.common.arguments import command_parser
from scripts.common.paths import ROOT
from scripts.common.template_yaml import yaml_parse
from scripts.deploy import published, run_sam
from scripts.deployment import deployed, parameters, site
from scripts.deployment.deployed import DeployedStack, DeployError, Target

_SITE: Final = "SiteBucket"
_KEPT: Final = ("CatalogueBucket", "StoreBucket")


def main(arguments: list[str] | None = None, ask: Callable[[str], str] = input) -> int:
    parser = command_parser("undeploy", __doc__)
    deployed.add_target_options(parser)
    parser.add_argument("--site-dir", type=Path, default=ROOT / "static_site", help=argparse.SUPPRESS)
    parser.add_argument("--yes", action="store_true", help="take the stack down without asking")
    options = parser.parse_args(arguments)
    try:
        target = deployed.target_of(options)
        stack = deployed.existing_stack(target)
        _refuse(stack)
        if not (options.yes or _confirmed(target, ask)):
            print("Nothing was done.")
            return 1
        buckets = _buckets(target)
        try:
            # CloudFormation deletes empty buckets only. This one holds copies of static_site/.
            if _SITE in buckets:
                site.empty(target.client("s3"), buckets[_SITE])
            run_sam([str(options.sam), "delete", "--no-prompts", *target.arguments], options.project)
        except (DeployError, *deployed.AWS_ERRORS):
            _restore_page(options.site_dir, target, stack)
            raise
    except (DeployError, *deployed.AWS_ERRORS) as error:
        print(deployed.refusal(error), file=sys.stderr)
        return 1
    print(_ended(target, buckets, parameters.set_by_user(_declared(), stack.parameters)))
    secrets = [name for name, value in stack.parameters.items() if value == parameters.KEPT]
    if secrets:
        print(f"Without {', '.join(secrets)}: AWS does not show secrets. Give it again if there was one.")
    return 0


def _refuse(stack: DeployedStack) -> None:
    """Raise DeployError if CloudFormation would refuse, or the stack is not Lookalike's."""
    if not stack.is_ours:
        raise DeployError(f"The stack {stack.name} ({stack.status}) is not Lookalike's. Nothing was done.")
    if stack.protected:
        raise DeployError(
            f"The stack {stack.name} is protected from being deleted. Nothing was done. Switch its termination protection "
            "off first, in CloudFormation's console or with\n"
            f"    aws cloudformation update-termination-protection --no-enable-termination-protection "
            f"--stack-name {shlex.quote(stack.name)}"
        )


def _confirmed(target: Target, ask: Callable[[str], str]) -> bool:
    try:
        answer = ask(f"This takes down the stack {target.stack_name} and its page. Type the stack's name to go on: ")
    except EOFError as error:
        raise DeployError("No terminal to ask on. Say --yes to do it without a question.") from error
    return answer.strip() == target.stack_name


def _buckets(target: Target) -> dict[str, str]:
    """The buckets of the stack, by their logical ids. A stack whose deployment failed has them and no outputs."""
    pages = target.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=target.stack_name)
    return {
        item["LogicalResourceId"]: item["PhysicalResourceId"]
        for page in pages
        for item in page["StackResourceSummaries"]
        if item["ResourceType"] == "AWS::S3::Bucket"
        and item.get("PhysicalResourceId")
        and item["ResourceStatus"] not in ("CREATE_FAILED", "DELETE_COMPLETE")
    }


def _restore_page(site_dir: Path, target: Target, before: DeployedStack) -> None:
    """Publish the page again if the stack is unchanged: a shop that stays must not be without a page."""
    try:
        after = deployed.find_stack(target)
        if after is None or after.status != before.status or not after.outputs:
            return
        print(f"The stack is still there. {published(site_dir, (), target, after.outputs)}", file=sys.stderr)
    except (site.SiteError, *deployed.AWS_ERRORS) as error:
        print(
            f"The page may be missing and could not be published again: {deployed.refusal(error)}\n"
            "If the stack is still there, `.venv/bin/python -m scripts.deploy --site-only` does it.",
            file=sys.stderr,
        )


def _declared() -> Mapping[str, Any]:
    declared: Mapping[str, Any] = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))["Parameters"]
    return declared


def _ended(target: Target, buckets: Mapping[str, str], forgotten: Sequence[str]) -> str:
    lines = [f"\nThe stack {target.stack_name} is gone."]
    kept = [buckets[name] for name in _KEPT if name in buckets]
    if kept:
        profile = f" --profile {shlex.quote(target.profile)}" if target.profile else ""
        lines[0] += " These buckets are still there; this deletes them for good:"
        lines += [f"    aws s3 rb --force s3://{bucket}{profile}" for bucket in kept]
    if forgotten:
        lines.append("Its parameters are forgotten with it. This deploys it again with the same:")
        lines.append(f"    .venv/bin/python -m scripts.deploy --parameters {shlex.join(forgotten)}")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
