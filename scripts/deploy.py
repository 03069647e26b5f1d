#!/usr/bin/env python3
"""Deploy the output of `make build`, and publish the page: `make deploy`.

    python -m scripts.deploy                                            # asks which stack the first time
    python -m scripts.deploy --stack-name shop --region eu-west-1       # asks for a confirmation only
    python -m scripts.deploy --parameters AlarmEmail=shop@example.com LogLevel=DEBUG
    python -m scripts.deploy --switch-model                             # the build holds another model than the stack
    python -m scripts.deploy --site-only                                # static_site/ alone
    python -m scripts.deploy --site-only --page-files config.json logo.svg  # the merchant's own, see docs/page.md

`sam deploy` does the work. The stack remembers its parameters: one that is not given keeps its value, or has the default
of template.yaml in a new stack. samconfig.toml remembers the stack's name and region. Words after -- are options of
`sam deploy`. Credentials are those of the AWS command line and are not stored.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import boto3

from lookalike.errors import LookalikeError
from scripts.common.arguments import command_parser
from scripts.common.paths import ROOT
from scripts.deployment import change_sets, deployed, parameters, preflight, site
from scripts.deployment.deployed import DeployError, Target


def main(arguments: list[str] | None = None, ask: Callable[[str], str] = input) -> int:
    parser = command_parser("deploy", __doc__)
    deployed.add_target_options(parser)
    parser.add_argument(
        "--parameters",
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help="parameters of template.yaml to change; the stack keeps the others",
    )
    parser.add_argument("--switch-model", action="store_true", help="answer with another model than the stack does now")
    parser.add_argument("--switch-architecture", action="store_true", help="move the stack to another processor")
    parser.add_argument("--site-only", action="store_true", help="publish the page of an existing stack")
    parser.add_argument(
        "--page-files",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="config.json of the page, and the files that it names, such as a logo; see docs/page.md",
    )
    parser.add_argument("--site-dir", type=Path, default=ROOT / "static_site", help=argparse.SUPPRESS)
    parser.add_argument("sam_arguments", nargs="*", metavar="-- ...", help="options for `sam deploy`")
    options = parser.parse_args(arguments)
    try:
        own = site.own_files(options.page_files)
        if not options.site_only:
            deploy(options, ask)
        target = deployed.target_of(options)
        outputs = deployed.stack_outputs(target)
        print(published(options.site_dir, own, target, outputs))
        print(next_steps(outputs, deployed.repeated(options)))
    except (DeployError, LookalikeError, site.SiteError, *deployed.AWS_ERRORS) as error:
        print(deployed.refusal(error), file=sys.stderr)
        return 1
    return 0


def deploy(options: argparse.Namespace, ask: Callable[[str], str]) -> None:
    """Run `sam deploy` on the build, with a value for every parameter. Raises DeployError."""
    build = preflight.Build.read(options.project / ".aws-sam" / "build")
    given = parameters.given(options.parameters, build.declared)
    refuse_other_lists(options)
    if not (options.stack_name or deployed.saved_parameters(options.project / deployed.SAVED).get("stack_name")):
        given = ask_which(options, ask) | given
    target = deployed.target_of(options)
    stack = deployed.find_stack(target)
    if stack is None:
        given = preflight.affordable_reservation(target, given) | given
    else:
        preflight.refuse_what_cannot_be_updated(stack)
        preflight.refuse_unasked_switch(
            stack, build, model=options.switch_model, architecture=options.switch_architecture
        )
        preflight.refuse_empty_store(stack, build, target)
    current = {} if stack is None else stack.parameters
    values = parameters.effective(build.declared, current, given, build.parameters)
    parameters.mark(build.template, values | parameters.unchanged_secrets(build.declared, given))
    # Without --template-file: SAM takes its build, and keeps samconfig.toml beside template.yaml and not in the build.
    command = [str(options.sam), "deploy", "--capabilities", "CAPABILITY_IAM", "--no-fail-on-empty-changeset"]
    if options.stack_name:
        command += ["--resolve-s3", "--confirm-changeset"]
    # A folder of its own in SAM's bucket: `sam delete` deletes the packages, and two stacks of one build have the same ones.
    command += ["--s3-prefix", target.stack_name]
    command += [*target.arguments, *options.sam_arguments, "--parameter-overrides", *parameters.for_sam(values)]
    waiting = change_sets.unexecuted(target)
    run_sam(command, options.project)
    if change_sets.unexecuted(target) - waiting:
        raise DeployError("The change set was not executed. The stack is as it was, and the page was not published.")


def refuse_other_lists(options: argparse.Namespace) -> None:
    """Raise DeployError if parameters are given in a place other than the stack and --parameters."""
    here = "Give changes to --parameters NAME=VALUE, before the --. The stack remembers them."
    if any(word.startswith("--parameter-overrides") for word in options.sam_arguments):
        raise DeployError(f"--parameter-overrides would make SAM forget every other parameter. {here}")
    if deployed.saved_parameters(options.project / deployed.SAVED).get("parameter_overrides"):
        raise DeployError(
            f"{options.project / deployed.SAVED} has a line parameter_overrides, which goes stale with every change made elsewhere. "
            f"Delete the line. {here}"
        )


def ask_which(options: argparse.Namespace, ask: Callable[[str], str]) -> dict[str, str]:
    """Ask for the stack, write the answers to samconfig.toml, and return the parameters among them."""
    path = options.project / deployed.SAVED
    if path.exists():
        raise DeployError(
            f"{path} names no stack. Add stack_name and region to it, or delete it and answer the questions."
        )
    usual = options.region or boto3.Session(profile_name=options.profile).region_name or ""
    try:
        name = ask("Stack name [lookalike]: ").strip() or "lookalike"
        region = ask(f"AWS region, the one nearest your shoppers [{usual}]: ").strip() or usual
        email = ask("E-mail address for alarms (Enter for none, or the one that the stack has): ").strip()
    except EOFError as error:
        raise DeployError("No terminal to ask on. Name the stack with --stack-name and --region.") from error
    if not region:
        raise DeployError("A region is needed, such as eu-west-1. Run this again, or name it with --region.")
    answers = {"stack_name": name, "region": region, "profile": options.profile}
    lines = [f"{option} = {json.dumps(value)}" for option, value in answers.items() if value]
    text = ["version = 0.1", "", "[default.deploy.parameters]", *lines, "resolve_s3 = true", "confirm_changeset = true"]
    path.write_text("\n".join(text) + "\n", encoding="utf-8")
    return {"AlarmEmail": email} if email else {}


def run_sam(command: list[str], project: Path) -> None:
    """Run SAM CLI in the project's folder. Raises DeployError."""
    try:
        done = subprocess.run(command, cwd=project, env={**os.environ, "SAM_CLI_TELEMETRY": "0"}, check=False)
    except FileNotFoundError as error:
        raise DeployError(f"{command[0]} does not exist. Run `make build`, which installs it.") from error
    if done.returncode:
        raise DeployError(f"`sam {command[1]}` ended with {done.returncode}; see above. Nothing was done after that.")


def published(site_dir: Path, own: Sequence[site.File], target: Target, outputs: Mapping[str, str]) -> str:
    """Publish the page with the merchant's own files, and invalidate what changed; returns a sentence about it."""
    s3, bucket = target.client("s3"), outputs["SiteBucketName"]
    changed = [*site.put(own, s3, bucket), *site.publish(site_dir, s3, bucket)]
    if not changed:
        return "The page has not changed."
    paths = site.addresses(changed)
    target.client("cloudfront").create_invalidation(
        DistributionId=outputs["DistributionId"],
        InvalidationBatch={
            "Paths": {"Quantity": len(paths), "Items": paths},
            "CallerReference": f"deploy-{time.time_ns()}",
        },
    )
    return f"The page is published: {len(changed)} files changed. Shoppers see it within a minute or two."


def next_steps(outputs: Mapping[str, str], options: str) -> str:
    """The site's address, and the command that uploads the first photos."""
    bucket = outputs["CatalogueBucketName"]
    return (
        f"\nLookalike is at {outputs['SiteUrl']}\n\n"
        "Upload photos with\n"
        f"    .venv/bin/python -m scripts.catalogue upload photos/ --labels products.csv --bucket {bucket}{options}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
