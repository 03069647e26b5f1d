#!/usr/bin/env python3
"""Take a deployed stack down: `make undeploy`.

    python -m scripts.undeploy                                          # the stack in samconfig.toml
    python -m scripts.undeploy --stack-name shop --region eu-west-1

Everything goes but the photos and the embeddings: those two buckets stay, are named at the end, and cost what they store.
A stack whose first deployment failed is removed, too. Asks for the stack's name before it does anything.
"""

import argparse
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from scripts.common.paths import ROOT
from scripts.common.template_yaml import yaml_parse
from scripts.deploy import published, run_sam
from scripts.deployment import parameters, site
from scripts.deployment.stack import (
    AWS_ERRORS,
    DeployError,
    Stack,
    Target,
    add_target_options,
    existing_stack,
    find_stack,
    refusal,
    target,
)

_SITE: Final = "SiteBucket"
_KEPT: Final = ("CatalogueBucket", "StoreBucket")


def main(arguments: list[str] | None = None, ask: Callable[[str], str] = input) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_target_options(parser)
    parser.add_argument("--site-dir", type=Path, default=ROOT / "static_site", help=argparse.SUPPRESS)
    parser.add_argument("--yes", action="store_true", help="do not ask")
    options = parser.parse_args(arguments)
    try:
        chosen = target(options)
        stack = existing_stack(chosen)
        _refuse(stack)
        if not (options.yes or _confirmed(chosen, ask)):
            print("Nothing was done.")
            return 1
        buckets = _buckets(chosen)
        try:
            # CloudFormation deletes empty buckets only. This one holds copies of static_site/.
            if _SITE in buckets:
                site.empty(chosen.client("s3"), buckets[_SITE])
            run_sam([str(options.sam), "delete", "--no-prompts", *chosen.arguments], options.project)
        except (DeployError, *AWS_ERRORS):
            _restore_page(options.site_dir, chosen, stack)
            raise
    except DeployError as error:
        print(error, file=sys.stderr)
        return 1
    except AWS_ERRORS as error:
        print(refusal(error), file=sys.stderr)
        return 1
    print(_ended(chosen, buckets, parameters.chosen(_declared(), stack.parameters)))
    return 0


def _refuse(stack: Stack) -> None:
    """Raise DeployError where CloudFormation would refuse, or the stack is another's."""
    if not stack.is_ours:
        raise DeployError(f"The stack {stack.name} ({stack.status}) is none of Lookalike's. Nothing was done.")
    if stack.protected:
        raise DeployError(
            f"The stack {stack.name} is protected from being deleted. Nothing was done. Switch its termination protection "
            "off first, in CloudFormation's console or with\n"
            f"    aws cloudformation update-termination-protection --no-enable-termination-protection "
            f"--stack-name {shlex.quote(stack.name)}"
        )


def _confirmed(chosen: Target, ask: Callable[[str], str]) -> bool:
    try:
        answer = ask(f"This takes down the stack {chosen.stack_name} and its page. Type the stack's name to go on: ")
    except EOFError as error:
        raise DeployError("There is nobody to ask. Say --yes to do it without a question.") from error
    return answer.strip() == chosen.stack_name


def _buckets(chosen: Target) -> dict[str, str]:
    """The buckets that the stack still has, by their logical ids. A stack that failed has them and no outputs."""
    pages = chosen.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=chosen.stack_name)
    return {
        item["LogicalResourceId"]: item["PhysicalResourceId"]
        for page in pages
        for item in page["StackResourceSummaries"]
        if item["ResourceType"] == "AWS::S3::Bucket"
        and item.get("PhysicalResourceId")
        and item["ResourceStatus"] not in ("CREATE_FAILED", "DELETE_COMPLETE")
    }


def _restore_page(site_dir: Path, chosen: Target, before: Stack) -> None:
    """Publish the page again where the stack is still what it was: a shop that goes on must not go on without a page."""
    try:
        after = find_stack(chosen)
        if after is None or after.status != before.status or not after.outputs:
            return
        print(f"The stack is still there. {published(site_dir, chosen, after.outputs)}", file=sys.stderr)
    except (site.SiteError, *AWS_ERRORS) as error:
        print(
            f"The page may be missing and could not be published again: {refusal(error)}\n"
            "Where the stack is still there, `.venv/bin/python -m scripts.deploy --site-only` does it.",
            file=sys.stderr,
        )


def _declared() -> Mapping[str, Any]:
    declared: Mapping[str, Any] = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))["Parameters"]
    return declared


def _ended(chosen: Target, buckets: Mapping[str, str], forgotten: Sequence[str]) -> str:
    lines = [f"\nThe stack {chosen.stack_name} is gone."]
    kept = [buckets[name] for name in _KEPT if name in buckets]
    if kept:
        profile = f" --profile {shlex.quote(chosen.profile)}" if chosen.profile else ""
        lines[0] += " These buckets are still there; this deletes them for good:"
        lines += [f"    aws s3 rb --force s3://{bucket}{profile}" for bucket in kept]
    if forgotten:
        lines.append("Its parameters are forgotten with it. This deploys it again with those that it had:")
        lines.append(f"    .venv/bin/python -m scripts.deploy --parameters {shlex.join(forgotten)}")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
