"""The stack that a command works on: its name, region and credentials, and CloudFormation's description of it.

Every command that talks to AWS takes the same options (``add_target_options``), reads samconfig.toml for those that are not
given, and reports a refusal of AWS in the same words (``refusal``).
"""

import argparse
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError, ProfileNotFound

from scripts.common.paths import ROOT

SAM: Final = ROOT / ".venv-sam" / "bin" / "sam"
SAVED: Final = "samconfig.toml"
NEEDED_OUTPUTS: Final = (
    "SiteUrl",
    "SiteBucketName",
    "CatalogueBucketName",
    "StoreBucketName",
    "DeadLetterQueueUrl",
    "DistributionId",
)
AWS_ERRORS: Final = (BotoCoreError, ClientError)
# How the description of template.yaml begins: a stack whose deployment failed has it, and has no outputs.
_OURS: Final = "Lookalike: "


class DeployError(Exception):
    """The command cannot go on. The message says what to do next."""


@dataclass(frozen=True, slots=True)
class Target:
    """A stack's name, its region and the AWS profile. None is the default of the AWS command line."""

    stack_name: str
    region: str | None
    profile: str | None

    @property
    def arguments(self) -> list[str]:
        """The options for SAM's command line."""
        return _words(self.stack_name, self.region, self.profile)

    def session(self) -> boto3.Session:
        """A session in the stack's region and account."""
        return boto3.Session(region_name=self.region, profile_name=self.profile)

    def client(self, service: str) -> Any:
        """A client of an AWS service, in the stack's region and account."""
        return self.session().client(service)


@dataclass(frozen=True, slots=True)
class DeployedStack:
    """CloudFormation's description of a stack."""

    name: str
    status: str
    description: str
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]
    protected: bool

    @property
    def is_ours(self) -> bool:
        """Whether it is a stack of Lookalike's, even if its deployment failed."""
        return self.description.startswith(_OURS) or all(name in self.outputs for name in NEEDED_OUTPUTS)


def add_target_options(parser: argparse._ActionsContainer) -> None:
    """The options that name the stack, for every command that works on one."""
    parser.add_argument("--stack-name", help="the stack (default: the one in samconfig.toml)")
    parser.add_argument("--region", help="its AWS region (default: samconfig.toml, then the AWS configuration)")
    parser.add_argument("--profile", help="the AWS profile to use (default: samconfig.toml, then the environment)")
    parser.add_argument("--project", type=Path, default=ROOT, help=argparse.SUPPRESS)
    parser.add_argument("--sam", type=Path, default=SAM, help=argparse.SUPPRESS)


def target_of(options: argparse.Namespace) -> Target:
    """The stack that the options or samconfig.toml name. Raises DeployError."""
    saved = saved_parameters(options.project / SAVED)
    stack_name = options.stack_name or saved.get("stack_name")
    if not stack_name:
        raise DeployError("Which stack? Name it with --stack-name, and its region with --region.")
    return Target(stack_name, options.region or saved.get("region"), options.profile or saved.get("profile"))


def session(options: argparse.Namespace) -> boto3.Session:
    """A session in the region and account of the options or samconfig.toml, with or without a stack. Raises DeployError."""
    saved = saved_parameters(options.project / SAVED)
    return Target("", options.region or saved.get("region"), options.profile or saved.get("profile")).session()


def repeated(options: argparse.Namespace) -> str:
    """The options as the next command needs them; the values of samconfig.toml need not be repeated."""
    words = _words(options.stack_name, options.region, options.profile)
    return "".join(f" {shlex.quote(word)}" for word in words)


def _words(stack_name: str | None, region: str | None, profile: str | None) -> list[str]:
    given = {"--stack-name": stack_name, "--region": region, "--profile": profile}
    return [word for option, value in given.items() if value for word in (option, value)]


def saved_parameters(path: Path) -> Mapping[str, Any]:
    """The parameters of `sam deploy` in samconfig.toml; empty without the file. Raises DeployError."""
    try:
        with path.open("rb") as file:
            environment = tomllib.load(file).get("default", {})
    except FileNotFoundError:
        return {}
    except tomllib.TOMLDecodeError as error:
        raise DeployError(
            f"{path} is not valid: {error}. Repair it, or delete it and answer the questions again."
        ) from error
    sections = (environment.get(command, {}).get("parameters", {}) for command in ("global", "deploy"))
    return {name: value for section in sections for name, value in section.items()}


def find_stack(target: Target) -> DeployedStack | None:
    """The stack, or None if there is none. Raises ClientError if AWS does not say."""
    try:
        (found,) = target.client("cloudformation").describe_stacks(StackName=target.stack_name)["Stacks"]
    except ClientError as error:
        code, message = (error.response["Error"].get(name, "") for name in ("Code", "Message"))
        if code == "ValidationError" and "does not exist" in message:
            return None
        raise
    if found["StackStatus"] == "REVIEW_IN_PROGRESS":
        return None  # its change set was never executed: nothing was made
    return DeployedStack(
        name=target.stack_name,
        status=found["StackStatus"],
        description=found.get("Description", ""),
        parameters={item["ParameterKey"]: item.get("ParameterValue", "") for item in found.get("Parameters", ())},
        outputs={item["OutputKey"]: item["OutputValue"] for item in found.get("Outputs", ())},
        protected=found.get("EnableTerminationProtection", False),
    )


def stack_outputs(target: Target) -> Mapping[str, str]:
    """The outputs of the stack. Raises DeployError if there is no such stack, or it is not Lookalike's."""
    stack = existing_stack(target)
    missing = [name for name in NEEDED_OUTPUTS if name not in stack.outputs]
    if missing:
        raise DeployError(
            f"The stack {stack.name} ({stack.status}) has no output {missing[0]}: it is not Lookalike's, or its "
            "deployment did not finish."
        )
    return stack.outputs


def existing_stack(target: Target) -> DeployedStack:
    """The stack. Raises DeployError if there is none."""
    stack = find_stack(target)
    if stack is None:
        raise DeployError(
            f"There is no stack {target.stack_name} there. Name another with --stack-name, its region with "
            "--region, or the account with --profile."
        )
    return stack


def refusal(error: Exception) -> str:
    """The reason of AWS or its client, and the next step if it is known."""
    if isinstance(error, NoRegionError):
        return "Which AWS region? Name it with --region."
    if isinstance(error, NoCredentialsError):
        return "There are no AWS credentials. Name a profile with --profile, or set AWS_PROFILE."
    if isinstance(error, ProfileNotFound):
        return f"{error}. Name another with --profile; `aws configure --profile NAME` makes one."
    return f"AWS refused: {error}" if isinstance(error, ClientError) else str(error)
