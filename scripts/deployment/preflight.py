"""Checks before a deployment: the build, the existing stack, the account.

A deployment that would leave the shop without answers, or change them unasked, is refused here, while the stack is still
as it was.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from lookalike.aws import S3Store, s3_client, store_prefixes
from lookalike.index.port import entries_name
from lookalike.photos.model import ModelSpec
from lookalike.store import names
from scripts.common.template_yaml import yaml_parse
from scripts.deployment.deployed import DeployedStack, DeployError, Target

# Stacks that can only be deleted.
_DEAD: Final = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"})
# Lambda keeps this much for functions without a reservation. In the smallest accounts it is less, and 100 is safe.
_LEFT_UNRESERVED: Final = 100
_RESERVATION: Final = "ReserveCompactConcurrency"


@dataclass(frozen=True, slots=True)
class Build:
    """The output of `make build`."""

    template: Path
    declared: Mapping[str, Any]
    architecture: str
    model: ModelSpec

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Raises DeployError if nothing is built, ModelError if its model layer is broken."""
        template = folder / "template.yaml"
        if not template.is_file():
            raise DeployError("Nothing is built. Run `make build` first.")
        declared = yaml_parse(template.read_text(encoding="utf-8"))["Parameters"]
        # The build pinned it to its own.
        architecture = declared["Architecture"]["Default"]
        return cls(template, declared, architecture, ModelSpec.load(folder / "ModelLayer" / "model"))

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters that the build decides."""
        return {
            "Architecture": self.architecture,
            "ModelFingerprint": self.model.fingerprint,
            "IndexName": entries_name(self.model.fingerprint, self.model.layout),
            "IndexDimensions": str(self.model.layout.dimensions),
        }


def refuse_what_cannot_be_updated(stack: DeployedStack) -> None:
    """Raise DeployError for a stack that is not Lookalike's, or that can only be deleted."""
    if stack.status in _DEAD:
        raise DeployError(
            f"The stack {stack.name} is {stack.status}: its first deployment or its removal failed, and it can only be "
            'deleted. Run `make undeploy`, then deploy again. docs/deploy.md, "When the first deployment fails".'
        )
    if not stack.is_ours:
        raise DeployError(f"The stack {stack.name} is not Lookalike's. Name another with --stack-name.")


def refuse_unasked_switch(stack: DeployedStack, build: Build, *, model: bool, architecture: bool) -> None:
    """Raise DeployError if the build has another model or processor than the stack, and the user did not ask for it.

    ``model``, ``architecture``: whether the user did.
    """
    runs_on = stack.parameters.get("Architecture", build.architecture)
    if runs_on != build.architecture and not architecture:
        raise DeployError(
            f"The stack runs on {runs_on}, and this build is for {build.architecture}. Build for the same with "
            f"`make deploy ARCHITECTURE={runs_on}`, or move the stack with "
            f"`make deploy ARCHITECTURE={build.architecture} SWITCH=architecture`."
        )
    answers_with = stack.parameters.get("ModelFingerprint")
    if answers_with and answers_with != build.model.fingerprint and not model:
        raise DeployError(
            f"The stack answers with the model {answers_with[:12]}…, and this build holds {build.model.name} "
            f"({build.model.fingerprint[:12]}…). Build with the MODEL=... that was deployed, or switch: fill the store of "
            "the new model with `make backfill MODEL=...`, then `make deploy MODEL=... SWITCH=model`."
        )


def refuse_empty_store(stack: DeployedStack, build: Build, target: Target) -> None:
    """Raise DeployError if the built model has no store and another model has: every search would be answered 503."""
    bucket = stack.outputs.get("StoreBucketName")
    if bucket is None or stack.parameters.get("ModelFingerprint") == build.model.fingerprint:
        return
    client = s3_client(session=target.session())
    own = f"{build.model.fingerprint}/"
    if not [prefix for prefix in store_prefixes(client, bucket) if prefix != own]:
        return  # no photo was ever ingested
    store = S3Store(client, bucket, own)
    if not any(names.kind_of(entry.name) for prefix in (names.MANIFESTS, names.LOG) for entry in store.list(prefix)):
        raise DeployError(
            f"The store of {build.model.name} ({build.model.fingerprint[:12]}…) is empty, and a shopper would find "
            "nothing. Fill it with `make backfill MODEL=...` first; the stack goes on with the model it has."
        )


def affordable_reservation(target: Target, given: Mapping[str, str]) -> dict[str, str]:
    """The parameter that a new stack needs if Lambda would refuse the reservation for compaction; prints why."""
    if _RESERVATION in given:
        return {}
    unreserved = target.client("lambda").get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    if unreserved - 1 >= _LEFT_UNRESERVED:
        return {}
    print(
        f"This account may run {unreserved} functions at once without a reservation, too few to reserve one: "
        f'{_RESERVATION}=false. When Lambda\'s quota "Concurrent executions" is raised, '
        f"`make deploy PARAMETERS={_RESERVATION}=true` reserves it."
    )
    return {_RESERVATION: "false"}
