#!/usr/bin/env python3
"""Deploy what `make build` built, and publish the page: `make deploy`.

    scripts/deploy.py                                            # asks for everything the first time
    scripts/deploy.py --stack-name shop --region eu-west-1       # asks for a confirmation only
    scripts/deploy.py -- --parameter-overrides AlarmEmail=shop@example.com
    scripts/deploy.py --site-only                                # static_site/ alone

`sam deploy` does the deploying, with the defaults of template.yaml for every parameter that is not given. What it asked
for, it keeps in samconfig.toml, which later deployments read. Everything after -- is handed to it. Credentials are those
of the AWS command line; nothing of them is stored.
"""

import argparse
import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # so that `scripts/deploy.py` finds its neighbours however it is started

import boto3  # noqa: E402
from botocore.exceptions import BotoCoreError, ClientError  # noqa: E402

from scripts import static_site  # noqa: E402

SAM: Final = ROOT / ".venv-sam" / "bin" / "sam"
NEEDED_OUTPUTS: Final = ("SiteUrl", "SiteBucketName", "CatalogueBucketName", "StoreBucketName", "DistributionId")


class DeployError(Exception):
    """The deployment cannot go on. The message says what to do next."""


@dataclass(frozen=True, slots=True)
class Target:
    """Which stack, and whose. None is what the AWS command line would take."""

    stack_name: str
    region: str | None
    profile: str | None

    @property
    def arguments(self) -> list[str]:
        """The same for SAM's command line."""
        given = {"--stack-name": self.stack_name, "--region": self.region, "--profile": self.profile}
        return [word for option, value in given.items() if value for word in (option, value)]

    def session(self) -> boto3.Session:
        """What makes clients, there."""
        return boto3.Session(region_name=self.region, profile_name=self.profile)

    def client(self, service: str) -> Any:
        """A client of an AWS service, there."""
        return self.session().client(service)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_target_options(parser)
    parser.add_argument("--site-only", action="store_true", help="publish the page of a stack that is there")
    parser.add_argument("--site-dir", type=Path, default=ROOT / "static_site", help=argparse.SUPPRESS)
    parser.add_argument("sam_arguments", nargs="*", metavar="-- ...", help="options for `sam deploy`")
    options = parser.parse_args(arguments)
    try:
        if not options.site_only:
            sam_deploy(options)
        chosen = target(options)
        outputs = stack_outputs(chosen)
        print(published(options.site_dir, chosen, outputs))
        print(next_steps(outputs))
    except (DeployError, static_site.SiteError) as error:
        print(error, file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"AWS refused: {error}", file=sys.stderr)
        return 1
    return 0


def add_target_options(parser: argparse.ArgumentParser) -> None:
    """The options that say which stack, for every command that works on one."""
    parser.add_argument("--stack-name", help="the stack (default: the one in samconfig.toml)")
    parser.add_argument("--region", help="its AWS region (default: samconfig.toml, then the AWS configuration)")
    parser.add_argument("--profile", help="the AWS profile to use (default: samconfig.toml, then the environment)")
    parser.add_argument("--project", type=Path, default=ROOT, help=argparse.SUPPRESS)
    parser.add_argument("--sam", type=Path, default=SAM, help=argparse.SUPPRESS)


def sam_deploy(options: argparse.Namespace) -> None:
    """Run `sam deploy` on what was built. Raises DeployError."""
    if not (options.project / ".aws-sam" / "build" / "template.yaml").is_file():
        raise DeployError("Nothing is built. Run `make build` first.")
    # Without --template-file: SAM takes what it built, and keeps samconfig.toml beside template.yaml and not in the build.
    command = [str(options.sam), "deploy", "--capabilities", "CAPABILITY_IAM", "--no-fail-on-empty-changeset"]
    if options.stack_name:
        command += ["--resolve-s3", "--confirm-changeset"]
    elif not (options.project / "samconfig.toml").is_file():
        command.append("--guided")
    for option, value in (
        ("--stack-name", options.stack_name),
        ("--region", options.region),
        ("--profile", options.profile),
    ):
        command += [option, value] if value else []
    run_sam([*command, *options.sam_arguments], options.project)


def run_sam(command: list[str], project: Path) -> None:
    """Run SAM CLI where the project is. Raises DeployError."""
    try:
        done = subprocess.run(command, cwd=project, env={**os.environ, "SAM_CLI_TELEMETRY": "0"}, check=False)
    except FileNotFoundError as error:
        raise DeployError(f"{command[0]} is not there. Run `make build`, which installs it.") from error
    if done.returncode:
        raise DeployError(f"`sam {command[1]}` ended with {done.returncode}; see above. Nothing was done after it.")


def target(options: argparse.Namespace) -> Target:
    """The stack that the options or samconfig.toml name. Raises DeployError."""
    saved = saved_parameters(options.project / "samconfig.toml")
    stack_name = options.stack_name or saved.get("stack_name")
    if not stack_name:
        raise DeployError("Which stack? Name it with --stack-name, and its region with --region.")
    return Target(stack_name, options.region or saved.get("region"), options.profile or saved.get("profile"))


def saved_parameters(path: Path) -> Mapping[str, str]:
    """What `sam deploy --guided` saved; empty where it saved nothing. Raises DeployError."""
    try:
        with path.open("rb") as file:
            environment = tomllib.load(file).get("default", {})
    except FileNotFoundError:
        return {}
    except tomllib.TOMLDecodeError as error:
        raise DeployError(f"{path} is not valid: {error}. Repair it, or delete it to be asked again.") from error
    sections = (environment.get(command, {}).get("parameters", {}) for command in ("global", "deploy"))
    return {name: value for section in sections for name, value in section.items()}


def stack_outputs(chosen: Target) -> dict[str, str]:
    """The outputs of the stack. Raises DeployError where there is no such stack, or another's."""
    try:
        (stack,) = chosen.client("cloudformation").describe_stacks(StackName=chosen.stack_name)["Stacks"]
    except ClientError as error:
        raise DeployError(f"There is no stack {chosen.stack_name} to be seen there: {error}") from error
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}
    missing = [name for name in NEEDED_OUTPUTS if name not in outputs]
    if missing:
        raise DeployError(
            f"The stack {chosen.stack_name} ({stack['StackStatus']}) has no output {missing[0]}: it is none of "
            "Lookalike's, or its deployment did not finish."
        )
    return outputs


def published(site_dir: Path, chosen: Target, outputs: Mapping[str, str]) -> str:
    """Publish the page and have the distribution forget what changed; what was done, as a sentence."""
    changed = static_site.publish(site_dir, chosen.client("s3"), outputs["SiteBucketName"])
    if not changed:
        return "The page has not changed."
    paths = static_site.addresses(changed)
    chosen.client("cloudfront").create_invalidation(
        DistributionId=outputs["DistributionId"],
        InvalidationBatch={
            "Paths": {"Quantity": len(paths), "Items": paths},
            "CallerReference": f"deploy-{time.time_ns()}",
        },
    )
    return f"The page is published: {len(changed)} files changed. Shoppers see it within a minute or two."


def next_steps(outputs: Mapping[str, str]) -> str:
    """What the stack offers, and how the first photos get in."""
    return (
        f"\nLookalike is at {outputs['SiteUrl']}\n\n"
        "Photos go in with\n"
        f"    .venv/bin/python scripts/upload.py photos/ --labels products.csv --bucket {outputs['CatalogueBucketName']}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
