"""The commands `deploy` and `undeploy` as a person runs them: a made-up SAM CLI, and moto's AWS behind boto3."""

import itertools
import json
import re
import shlex
import stat
import tomllib
import uuid
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from lookalike.photos.model import ModelSpec
from lookalike.store import names
from scripts import deploy, undeploy
from scripts.common.template_yaml import yaml_parse
from scripts.deployment import deployed, site
from scripts.models.networks import sscd

ROOT = Path(__file__).resolve().parents[2]
REGION = "eu-west-1"
SAVED = f"""\
version = 0.1
[default.global.parameters]
region = "{REGION}"
[default.deploy.parameters]
stack_name = "shop"
resolve_s3 = true
"""
# Notes what it was asked and where; ends as it is told to.
SAM = """#!/bin/sh
printf '%s\\n' "$PWD" "$@" > "$(dirname "$0")/asked"
exit "$(cat "$(dirname "$0")/ends" 2>/dev/null || echo 0)"
"""
DECLARED = yaml_parse((ROOT / "template.yaml").read_text())["Parameters"]
EVERY = set(DECLARED)


def document_of(number: int) -> dict[str, Any]:
    """A model.json, one of many."""
    return {"name": "m", "licence": "l", "source": "s", **sscd().entries, "sha256": f"{number:064x}"}


def fingerprint(number: int) -> str:
    return ModelSpec.parse(document_of(number)).fingerprint


@cache
def built_for(architecture: str) -> str:
    """The template as `make build` leaves it."""
    document = yaml_parse((ROOT / "template.yaml").read_text())
    document["Parameters"]["Architecture"] |= {"Default": architecture, "AllowedValues": [architecture]}
    return json.dumps(document)


class Project:
    """A checkout with something built, a SAM CLI made up, and a page of three files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.site = folder / "site"
        self._tools = folder / "tools"
        for path in (self.folder, self.site / "lib", self._tools):
            path.mkdir(parents=True)
        self.build()
        (self.site / "index.html").write_text("<!doctype html>")
        (self.site / "app.js").write_text("export {}")
        (self.site / "lib" / "base.css").write_text("body {}")
        sam = self._tools / "sam"
        sam.write_text(SAM)
        sam.chmod(sam.stat().st_mode | stat.S_IXUSR)

    def build(self, *, architecture: str = "x86_64", model: int = 1) -> None:
        """As if `make build` had been through. ``model``: which of many."""
        folder = self.folder / ".aws-sam" / "build"
        layer = folder / "ModelLayer" / "model"
        layer.mkdir(parents=True, exist_ok=True)
        (layer / "model.json").write_text(json.dumps(document_of(model)))
        self.template = folder / "template.yaml"
        self.template.write_text(built_for(architecture))

    def save(self, more: str = "") -> None:
        """As if somebody had answered the questions."""
        (self.folder / "samconfig.toml").write_text(SAVED + more)

    def sam_fails(self) -> None:
        (self._tools / "ends").write_text("3")

    def deploy(self, *arguments: str, answers: tuple[str, ...] = ()) -> int:
        told = iter(answers)

        def ask(question: str) -> str:
            try:
                return next(told)
            except StopIteration:
                raise EOFError from None

        return deploy.main([*self.places, "--site-dir", str(self.site), *arguments], ask=ask)

    def undeploy(self, *arguments: str, answer: str = "") -> int:
        site = ["--site-dir", str(self.site)]
        return undeploy.main([*self.places, *site, *arguments], ask=lambda question: answer)

    @property
    def places(self) -> list[str]:
        return ["--project", str(self.folder), "--sam", str(self._tools / "sam")]

    @property
    def asked(self) -> list[str]:
        """What SAM was asked; nothing if it was not."""
        note = self._tools / "asked"
        where, *words = note.read_text().splitlines() if note.exists() else [str(self.folder)]
        assert Path(where).resolve() == self.folder.resolve(), "SAM finds samconfig.toml and the build where it runs"
        return words

    @property
    def options(self) -> list[str]:
        """The same, but for the parameters."""
        return self.asked[: self.asked.index("--parameter-overrides")]

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters that SAM was given, as SAM reads them."""
        words = self.asked[self.asked.index("--parameter-overrides") + 1 :]
        pairs = [re.fullmatch(r'(\w+)="(.*)"', word) for word in words]
        return {pair[1]: pair[2] for pair in pairs if pair}

    @property
    def digest(self) -> str:
        """What tells SAM that the settings of the query function are others."""
        described = yaml_parse(self.template.read_text())["Resources"]["QueryFunction"]["Properties"]["Description"]
        return described.rpartition(" ")[2]


class Cloud:
    """CloudFormation and what is deployed there, in moto; and Lambda's quota."""

    unreserved = 1000
    declined = False
    """Whether who deploys says no to the change set."""

    def __init__(self) -> None:
        self.client = boto3.client("cloudformation", region_name=REGION)

    def put(self, values: dict[str, str], *, outputs: bool = True, kept: bool = True) -> None:
        """Make or change the stack. ``outputs``, ``kept``: has it those, and the buckets that outlive it?"""
        names = ("Site", "Catalogue", "Store")
        buckets = {f"{name}Bucket": {"Type": "AWS::S3::Bucket"} for name in (names if kept else names[:1])}
        told = {
            "SiteUrl": {"Value": "https://looks.example.com/"},
            "DistributionId": {"Value": self.distribution()},
            "DeadLetterQueueUrl": {"Value": "https://sqs/dead"},
            "ModelFingerprint": {"Value": values.get("ModelFingerprint", "")},
            **{f"{name}BucketName": {"Value": {"Ref": f"{name}Bucket"}} for name in names if kept},
        }
        template = {
            "Description": "Lookalike: photos in a bucket",
            "Parameters": {name: {"Type": "String", "Default": ""} for name in values},
            "Resources": buckets,
            "Outputs": told if outputs else {},
        }
        request = {
            "StackName": "shop",
            "TemplateBody": json.dumps(template),
            "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
        }
        if self.declined:
            kind = "UPDATE" if deployed.find_stack(deployed.Target("shop", REGION, None)) else "CREATE"
            self.client.create_change_set(**request, ChangeSetName=f"sam-{uuid.uuid4()}", ChangeSetType=kind)
            return
        if deployed.find_stack(deployed.Target("shop", REGION, None)) is None:
            # A stack of which nothing was ever made is in the way of moto's, which does not execute all of a change set.
            self.client.delete_stack(StackName="shop")
        try:
            self.client.create_stack(**request)
        except self.client.exceptions.AlreadyExistsException:
            try:
                self.client.update_stack(**request)
            except ClientError as error:
                if "No updates" not in str(error):
                    raise

    def distribution(self) -> str:
        cloudfront = boto3.client("cloudfront")
        for item in cloudfront.list_distributions()["DistributionList"].get("Items", ()):
            return str(item["Id"])
        origin = {"Id": "site", "DomainName": "site.s3.amazonaws.com", "S3OriginConfig": {"OriginAccessIdentity": ""}}
        made = cloudfront.create_distribution(
            DistributionConfig={
                "CallerReference": "1",
                "Comment": "",
                "Enabled": True,
                "Origins": {"Quantity": 1, "Items": [origin]},
                "DefaultCacheBehavior": {"TargetOriginId": "site", "ViewerProtocolPolicy": "https-only"},
            }
        )
        return str(made["Distribution"]["Id"])

    @property
    def outputs(self) -> dict[str, str]:
        (made,) = self.client.describe_stacks(StackName="shop")["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in made["Outputs"]}

    def get_account_settings(self) -> dict[str, Any]:
        """Lambda's, which moto has not."""
        return {"AccountLimit": {"UnreservedConcurrentExecutions": self.unreserved}}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    with mock_aws():
        yield


@pytest.fixture
def cloud(project: Project, aws: None, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """An account in which nothing is deployed; what SAM deploys is there afterwards."""
    cloud = Cloud()
    client, run_sam = deployed.Target.client, deploy.run_sam

    def run(command: list[str], folder: Path) -> None:
        run_sam(command, folder)
        cloud.put(project.parameters)

    def made(own: deployed.Target, service: str) -> Any:
        if service == "lambda":
            return cloud
        there = client(own, service)
        there.meta.events.register("after-call.cloudformation.DescribeStacks", without_secrets)
        return there

    monkeypatch.setattr(deployed.Target, "client", made)
    monkeypatch.setattr(deploy, "run_sam", run)
    return cloud


def without_secrets(parsed: dict[str, Any], **_: Any) -> None:
    """As CloudFormation answers, and moto does not."""
    for found in parsed.get("Stacks", ()):
        for parameter in found.get("Parameters", ()):
            if DECLARED.get(parameter["ParameterKey"], {}).get("NoEcho"):
                parameter["ParameterValue"] = "****"


@pytest.fixture
def outputs(project: Project, cloud: Cloud) -> dict[str, str]:
    """What a deployed stack tells, and samconfig.toml names."""
    project.save()
    cloud.put({"Architecture": "x86_64", "ModelFingerprint": fingerprint(1)})
    return cloud.outputs


def s3() -> Any:
    return boto3.client("s3", region_name=REGION)


def invalidated(outputs: dict[str, str]) -> list[list[str]]:
    cloudfront = boto3.client("cloudfront")
    found = cloudfront.list_invalidations(DistributionId=outputs["DistributionId"])["InvalidationList"]
    return [
        sorted(
            cloudfront.get_invalidation(DistributionId=outputs["DistributionId"], Id=item["Id"])["Invalidation"][
                "InvalidationBatch"
            ]["Paths"]["Items"]
        )
        for item in found.get("Items", ())
    ]


class TestDeploy:
    def test_the_first_time_it_asks_and_later_it_does_not(self, project: Project, cloud: Cloud) -> None:
        assert project.deploy(answers=("shop", REGION, "shop@example.com")) == 0
        assert tomllib.loads((project.folder / "samconfig.toml").read_text())["default"]["deploy"]["parameters"] == {
            "stack_name": "shop",
            "region": REGION,
            "resolve_s3": True,
            "confirm_changeset": True,
        }
        assert project.parameters["AlarmEmail"] == "shop@example.com"
        assert project.deploy() == 0
        common = ["deploy", "--capabilities", "CAPABILITY_IAM", "--no-fail-on-empty-changeset", "--s3-prefix", "shop"]
        assert project.options == [*common, "--stack-name", "shop", "--region", REGION]
        assert project.parameters["AlarmEmail"] == "shop@example.com"

    @pytest.mark.parametrize(("answers", "told"), [((), "No terminal"), (("shop", "", ""), "region is needed")])
    def test_without_an_answer_nothing_is_deployed(
        self, project: Project, cloud: Cloud, capsys: pytest.CaptureFixture[str], answers: tuple[str, ...], told: str
    ) -> None:
        assert project.deploy(answers=answers) == 1
        assert told in capsys.readouterr().err
        assert not (project.folder / "samconfig.toml").exists()
        assert project.asked == []

    def test_a_named_stack_is_deployed_without_questions(
        self, project: Project, cloud: Cloud, capsys: pytest.CaptureFixture[str]
    ) -> None:
        given = ["--stack-name", "shop", "--region", REGION, "--parameters", "AlarmEmail=shop@example.com"]
        assert project.deploy(*given, "--", "--no-confirm-changeset") == 0
        assert project.options[-9:] == [
            *("--resolve-s3", "--confirm-changeset", "--s3-prefix", "shop", "--stack-name", "shop", "--region", REGION),
            "--no-confirm-changeset",
        ]
        assert project.parameters["AlarmEmail"] == "shop@example.com"
        upload = capsys.readouterr().out.splitlines()[-1]
        assert upload.endswith(f"--stack-name shop --region {REGION}"), "the next command goes to the same place"

    def test_the_address_and_the_next_command_are_told(
        self, project: Project, outputs: dict[str, str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert project.deploy() == 0
        told = capsys.readouterr().out
        assert "https://looks.example.com/" in told
        assert f"--bucket {outputs['CatalogueBucketName']}" in told

    def test_the_page_is_published_with_types_and_cache_rules(self, project: Project, outputs: dict[str, str]) -> None:
        assert project.deploy() == 0
        types = {}
        for key in ("index.html", "app.js", "lib/base.css"):
            held = s3().get_object(Bucket=outputs["SiteBucketName"], Key=key)
            assert held["Body"].read() == (project.site / key).read_bytes()
            assert held["CacheControl"] == site.CACHE_CONTROL
            types[key] = held["ContentType"].partition(";")[0]
        assert types == {"index.html": "text/html", "app.js": "text/javascript", "lib/base.css": "text/css"}
        assert invalidated(outputs) == [["/", "/app.js", "/index.html", "/lib/base.css"]]

    def test_only_what_changed_is_put_and_invalidated(
        self, project: Project, outputs: dict[str, str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        project.deploy()
        before = s3().head_object(Bucket=outputs["SiteBucketName"], Key="app.js")["LastModified"]
        project.deploy("--site-only")
        assert "has not changed" in capsys.readouterr().out
        assert len(invalidated(outputs)) == 1

        (project.site / "lib" / "base.css").unlink()
        (project.site / "new.svg").write_text("<svg/>")
        assert project.deploy("--site-only") == 0
        assert ["/lib/base.css", "/new.svg"] in invalidated(outputs)
        assert site.keys(s3(), outputs["SiteBucketName"]) == {"index.html", "app.js", "new.svg"}
        assert s3().head_object(Bucket=outputs["SiteBucketName"], Key="app.js")["LastModified"] == before

    def test_the_merchant_s_own_files_are_put_and_kept_over_updates(
        self, project: Project, outputs: dict[str, str], tmp_path: Path
    ) -> None:
        (project.site / "config.json").write_text("{}")
        assert project.deploy("--site-only") == 0
        config, logo = tmp_path / "config.json", tmp_path / "our logo.svg"
        config.write_text('{"name": "Nordhus", "logo": "own/our logo.svg"}')
        logo.write_text("<svg/>")
        assert project.deploy("--site-only", "--page-files", str(config), str(logo)) == 0
        assert ["/config.json", "/own/our%20logo.svg"] in invalidated(outputs)

        (project.site / "config.json").write_text('{"name": "of a later version"}')
        (project.site / "new.js").write_text("export {}")
        assert project.deploy("--site-only") == 0
        for key, path in (("config.json", config), ("own/our logo.svg", logo)):
            held = s3().get_object(Bucket=outputs["SiteBucketName"], Key=key)
            assert held["Body"].read() == path.read_bytes()
            assert held["CacheControl"] == site.CACHE_CONTROL

    def test_the_merchant_s_page_is_left_out_where_config_says_so(
        self, project: Project, outputs: dict[str, str], tmp_path: Path
    ) -> None:
        def put_config(text: str) -> set[str]:
            (tmp_path / "config.json").write_text(text)
            assert project.deploy("--site-only", "--page-files", str(tmp_path / "config.json")) == 0
            return site.keys(s3(), outputs["SiteBucketName"])

        (project.site / "catalogue.html").write_text("<!doctype html>")
        assert "catalogue.html" in put_config("{}")
        assert "catalogue.html" not in put_config('{"catalogue": false}')
        assert ["/catalogue.html", "/config.json"] in invalidated(outputs)
        assert project.deploy() == 0
        assert "catalogue.html" not in site.keys(s3(), outputs["SiteBucketName"]), "a later update keeps it off"
        assert "catalogue.html" in put_config('{"catalogue": true}')

    @pytest.mark.parametrize(
        ("name", "data", "told"),
        [
            ("config.json", "{name}", "Expecting"),
            ("config.json", "[]", "object"),
            ("config.json", '{"catalogue": "off"}', "true or false"),
            ("logo.tiff", "", ".svg"),
        ],
        ids=["no JSON", "no object", "no answer", "no picture of the web"],
    )
    def test_a_file_that_no_page_can_use_stops_it_before_anything_is_put(
        self,
        project: Project,
        outputs: dict[str, str],
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        name: str,
        data: str,
        told: str,
    ) -> None:
        (tmp_path / name).write_text(data)
        assert project.deploy("--site-only", "--page-files", str(tmp_path / name)) == 1
        assert told in capsys.readouterr().err
        assert site.keys(s3(), outputs["SiteBucketName"]) == set()

    def test_a_file_somebody_put_with_another_type_is_put_again(
        self, project: Project, outputs: dict[str, str]
    ) -> None:
        s3().put_object(Bucket=outputs["SiteBucketName"], Key="app.js", Body=b"export {}", ContentType="text/plain")
        assert project.deploy() == 0
        held = s3().head_object(Bucket=outputs["SiteBucketName"], Key="app.js")
        assert held["ContentType"] == "text/javascript; charset=utf-8"

    def test_the_page_alone_needs_no_sam(self, project: Project, outputs: dict[str, str]) -> None:
        project.sam_fails()
        assert project.deploy("--site-only") == 0
        assert project.asked == []

    def test_what_sam_refused_is_not_published(
        self, project: Project, outputs: dict[str, str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        project.sam_fails()
        assert project.deploy() == 1
        assert "`sam deploy` ended with 3" in capsys.readouterr().err
        assert site.keys(s3(), outputs["SiteBucketName"]) == set()

    @pytest.mark.parametrize("is_first", [True, False])
    def test_a_change_set_that_was_declined_is_no_deployment(
        self, project: Project, cloud: Cloud, capsys: pytest.CaptureFixture[str], is_first: bool
    ) -> None:
        project.save()
        if not is_first:
            assert project.deploy() == 0
            (project.site / "app.js").write_text("export default 1")
        cloud.declined = True
        assert project.deploy("--parameters", "LogLevel=DEBUG") == 1
        assert "was not executed" in capsys.readouterr().err
        if not is_first:
            held = s3().get_object(Bucket=cloud.outputs["SiteBucketName"], Key="app.js")
            assert held["Body"].read() == b"export {}", "the page goes with the stack"
        # What was declined before says nothing of this time.
        cloud.declined = False
        assert project.deploy("--parameters", "LogLevel=DEBUG") == 0

    def test_a_deployment_without_changes_publishes_the_page(self, project: Project, cloud: Cloud) -> None:
        project.save()
        assert project.deploy() == 0
        (project.site / "app.js").write_text("export default 1")
        assert project.deploy() == 0
        assert s3().get_object(Bucket=cloud.outputs["SiteBucketName"], Key="app.js")["Body"].read() != b"export {}"

    def test_two_stacks_share_no_packages(self, project: Project, cloud: Cloud) -> None:
        """`sam delete` deletes the packages of a stack, which another's rollback may need."""
        prefixes = []
        for name in ("shop", "shop-test"):
            project.deploy("--stack-name", name, "--region", REGION)
            prefixes.append(project.options[project.options.index("--s3-prefix") + 1])
        assert prefixes == ["shop", "shop-test"]

    def test_without_a_build_it_says_what_to_run(
        self, project: Project, aws: None, capsys: pytest.CaptureFixture[str]
    ) -> None:
        project.template.unlink()
        assert project.deploy() == 1
        assert "make build" in capsys.readouterr().err
        assert project.asked == []

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (["--site-only"], "--stack-name"),
            (["--site-only", "--stack-name", "nowhere", "--region", REGION], "no stack nowhere"),
            (["--site-only", "--stack-name", "other", "--region", REGION], "not Lookalike's"),
        ],
    )
    def test_a_stack_that_is_not_there_is_named(
        self, project: Project, aws: None, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
    ) -> None:
        empty = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}}
        client = boto3.client("cloudformation", region_name=REGION)
        client.create_stack(StackName="other", TemplateBody=json.dumps(empty))
        assert project.deploy(*arguments) == 1
        assert told in capsys.readouterr().err

    def test_a_file_without_a_content_type_stops_it_before_anything_is_put(
        self, project: Project, outputs: dict[str, str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        (project.site / "notes.docx").touch()
        assert project.deploy("--site-only") == 1
        assert "notes.docx" in capsys.readouterr().err
        assert site.keys(s3(), outputs["SiteBucketName"]) == set()


class TestParameters:
    def test_what_was_changed_once_stays_changed(self, project: Project, outputs: dict[str, str]) -> None:
        token = {"JwtIssuer": "https://issuer.example", "JwtAudience": "shop"}
        assert project.deploy("--parameters", *(f"{name}={value}" for name, value in token.items())) == 0
        assert project.deploy("--parameters", "CompactSchedule=rate(5 minutes)") == 0
        assert project.deploy() == 0
        assert token.items() <= project.parameters.items(), "the API must not open by itself"
        assert project.parameters["CompactSchedule"] == "rate(5 minutes)"

    def test_a_parameter_can_be_made_empty_again(self, project: Project, outputs: dict[str, str]) -> None:
        project.deploy("--parameters", "AlarmEmail=shop@example.com")
        assert project.deploy("--parameters", "AlarmEmail=") == 0
        assert project.parameters["AlarmEmail"] == ""

    def test_a_secret_that_is_not_named_is_left_to_the_stack(self, project: Project, outputs: dict[str, str]) -> None:
        """CloudFormation shows asterisks in its place, which must not become the secret."""
        secret = "a" * 32
        assert project.deploy("--parameters", f"OriginSecret={secret}") == 0
        assert project.parameters["OriginSecret"] == secret
        assert project.deploy("--parameters", "LogLevel=DEBUG") == 0
        assert "OriginSecret" not in project.parameters
        assert project.parameters["LogLevel"] == "DEBUG"

    def test_a_secret_that_is_named_is_another_setting_of_the_query_function(
        self, project: Project, outputs: dict[str, str]
    ) -> None:
        digests = []
        for secret in ("a" * 32, "b" * 32, ""):
            for arguments in (("--parameters", f"OriginSecret={secret}"), ()):
                project.build()
                project.deploy(*arguments)
                digests.append(project.digest)
        assert all(before != after for before, after in itertools.pairwise(digests))

    def test_a_secret_can_be_made_empty_again(self, project: Project, outputs: dict[str, str]) -> None:
        project.deploy("--parameters", f"OriginSecret={'a' * 32}")
        assert project.deploy("--parameters", "OriginSecret=") == 0
        assert project.parameters["OriginSecret"] == ""

    def test_every_parameter_is_given_with_the_stack_s_value_or_the_default(
        self, project: Project, cloud: Cloud, outputs: dict[str, str]
    ) -> None:
        # One that this version has not any more, and not yet the others.
        cloud.put({"LogLevel": "DEBUG", "Gone": "1", "ModelFingerprint": fingerprint(1)})
        assert project.deploy() == 0
        assert set(project.parameters) == EVERY
        assert project.parameters["LogLevel"] == "DEBUG"
        assert project.parameters["ThrottleRate"] == str(DECLARED["ThrottleRate"]["Default"])

    def test_other_values_are_other_settings_of_the_query_function(
        self, project: Project, outputs: dict[str, str]
    ) -> None:
        digests = []
        for arguments in ((), ("--parameters", "LogLevel=DEBUG"), (), ("--parameters", "LogLevel=INFO")):
            project.build()
            assert project.deploy(*arguments) == 0
            digests.append(project.digest)
        as_it_was, changed, again, back = digests
        assert as_it_was == back != changed == again

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (("--parameters", "LogLevel"), "NAME=VALUE"),
            (("--parameters", "Loglevel=DEBUG"), "no parameter Loglevel. There are AlarmEmail, "),
            (("--parameters", "Architecture=arm64"), "make deploy ARCHITECTURE="),
            (("--parameters", "ModelFingerprint="), "make deploy MODEL="),
            (("--", "--parameter-overrides", "LogLevel=DEBUG"), "--parameters NAME=VALUE"),
        ],
    )
    def test_what_is_no_parameter_is_refused(
        self,
        project: Project,
        outputs: dict[str, str],
        capsys: pytest.CaptureFixture[str],
        arguments: tuple[str, ...],
        told: str,
    ) -> None:
        assert project.deploy(*arguments) == 1
        assert told in capsys.readouterr().err
        assert project.asked == []

    def test_a_second_list_of_parameters_is_refused(
        self, project: Project, outputs: dict[str, str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        project.save('parameter_overrides = "LogLevel=DEBUG"\n')
        assert project.deploy() == 1
        assert "Delete the line" in capsys.readouterr().err
        assert project.asked == []


class TestSwitching:
    def test_another_model_is_deployed_only_when_asked_for(
        self, project: Project, outputs: dict[str, str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        project.build(model=2)
        for number in (1, 2):
            s3().put_object(
                Bucket=outputs["StoreBucketName"], Key=f"{fingerprint(number)}/{names.new_log_segment(b'')}", Body=b""
            )
        assert project.deploy() == 1
        told = capsys.readouterr().err
        assert fingerprint(1)[:12] in told
        assert "SWITCH=model" in told
        assert project.asked == []

        assert project.deploy("--switch-model") == 0
        assert project.parameters["ModelFingerprint"] == fingerprint(2)
        project.build(model=1)
        assert project.deploy() == 1, "back is a switch, too"

    @pytest.mark.parametrize("held", ["", "segments/x", "log/.DS_Store"])
    def test_a_model_whose_store_is_empty_is_refused(
        self, project: Project, outputs: dict[str, str], capsys: pytest.CaptureFixture[str], held: str
    ) -> None:
        project.build(model=2)
        bucket = outputs["StoreBucketName"]
        s3().put_object(Bucket=bucket, Key=f"{fingerprint(1)}/{names.new_log_segment(b'')}", Body=b"")
        if held:
            s3().put_object(Bucket=bucket, Key=f"{fingerprint(2)}/{held}", Body=b"")
        assert project.deploy("--switch-model") == 1
        assert "make backfill" in capsys.readouterr().err
        assert project.asked == []

    def test_a_stack_that_does_not_say_its_model_is_not_emptied_either(self, project: Project, cloud: Cloud) -> None:
        project.save()
        cloud.put({"Architecture": "x86_64"})
        s3().put_object(
            Bucket=cloud.outputs["StoreBucketName"], Key=f"{fingerprint(2)}/{names.manifest_name(1)}", Body=b""
        )
        assert project.deploy() == 1
        project.build(model=2)
        assert project.deploy() == 0

    def test_before_the_first_photo_any_model_may_be_deployed(self, project: Project, outputs: dict[str, str]) -> None:
        project.build(model=2)
        assert project.deploy("--switch-model") == 0

    def test_another_processor_is_deployed_only_when_asked_for(
        self, project: Project, outputs: dict[str, str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        project.build(architecture="arm64")
        assert project.deploy() == 1
        assert "make deploy ARCHITECTURE=x86_64" in capsys.readouterr().err
        assert project.asked == []
        assert project.deploy("--switch-architecture") == 0
        assert project.parameters["Architecture"] == "arm64"


class TestFirstDeployment:
    @pytest.mark.parametrize(("unreserved", "reserves"), [(10, "false"), (100, "false"), (101, "true"), (1000, "true")])
    def test_nothing_is_reserved_where_lambda_would_refuse_it(
        self, project: Project, cloud: Cloud, capsys: pytest.CaptureFixture[str], unreserved: int, reserves: str
    ) -> None:
        project.save()
        cloud.unreserved = unreserved
        assert project.deploy() == 0
        assert project.parameters["ReserveCompactConcurrency"] == reserves
        assert ("ReserveCompactConcurrency=false" in capsys.readouterr().out) == (reserves == "false")

    def test_who_says_what_to_reserve_is_believed(self, project: Project, cloud: Cloud) -> None:
        project.save()
        cloud.unreserved = 10
        assert project.deploy("--parameters", "ReserveCompactConcurrency=true") == 0
        assert project.parameters["ReserveCompactConcurrency"] == "true"

    def test_a_stack_that_failed_has_to_be_removed_first(
        self, project: Project, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        project.save()
        failed = deployed.DeployedStack("shop", "ROLLBACK_COMPLETE", "Lookalike: photos", {}, {}, protected=False)
        monkeypatch.setattr(deployed, "find_stack", lambda _: failed)
        assert project.deploy() == 1
        assert "make undeploy" in capsys.readouterr().err
        assert project.asked == []

    def test_a_stack_of_something_else_is_left_alone(
        self, project: Project, cloud: Cloud, capsys: pytest.CaptureFixture[str]
    ) -> None:
        empty = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}}
        cloud.client.create_stack(StackName="shop", TemplateBody=json.dumps(empty))
        project.save()
        assert project.deploy() == 1
        assert "not Lookalike's" in capsys.readouterr().err
        assert project.asked == []


class TestUndeploy:
    @pytest.fixture(autouse=True)
    def deployed(self, project: Project, outputs: dict[str, str]) -> None:
        project.deploy()
        s3().put_object(Bucket=outputs["CatalogueBucketName"], Key="images/1.jpg", Body=b"photo")

    def test_the_stack_goes_and_the_photos_stay(
        self, project: Project, outputs: dict[str, str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert project.undeploy(answer="shop") == 0
        assert project.asked == ["delete", "--no-prompts", "--stack-name", "shop", "--region", REGION]
        assert site.keys(s3(), outputs["SiteBucketName"]) == set(), "CloudFormation deletes empty buckets only"
        assert site.keys(s3(), outputs["CatalogueBucketName"]) == {"images/1.jpg"}
        told = capsys.readouterr().out
        assert outputs["CatalogueBucketName"] in told
        assert outputs["StoreBucketName"] in told
        assert "--parameters" not in told, "none was set by the user"

    def test_the_parameters_that_go_with_the_stack_are_told(
        self, project: Project, capsys: pytest.CaptureFixture[str]
    ) -> None:
        project.deploy(
            "--parameters", "JwtIssuer=https://issuer", "JwtAudience=shop", "CompactSchedule=rate(5 minutes)"
        )
        project.undeploy("--yes")
        (command,) = (line for line in capsys.readouterr().out.splitlines() if "--parameters" in line)
        assert set(shlex.split(command.partition("--parameters")[2])) == {
            "JwtIssuer=https://issuer",
            "JwtAudience=shop",
            "CompactSchedule=rate(5 minutes)",
        }

    def test_a_secret_that_goes_with_the_stack_is_named_only(
        self, project: Project, capsys: pytest.CaptureFixture[str]
    ) -> None:
        project.deploy("--parameters", f"OriginSecret={'a' * 32}")
        project.undeploy("--yes")
        told = capsys.readouterr().out
        assert "OriginSecret" in told
        assert "a" * 32 not in told
        assert "****" not in told

    @pytest.mark.parametrize("answer", ["", "y", "Shop"])
    def test_anything_but_the_stack_s_name_stops_it(
        self, project: Project, outputs: dict[str, str], answer: str
    ) -> None:
        assert project.undeploy(answer=answer) == 1
        assert "delete" not in project.asked
        assert site.keys(s3(), outputs["SiteBucketName"]) == {"index.html", "app.js", "lib/base.css"}

    def test_without_anybody_to_ask_nothing_is_done(self, project: Project, capsys: pytest.CaptureFixture[str]) -> None:
        def nobody(question: str) -> str:
            raise EOFError

        assert undeploy.main(project.places, ask=nobody) == 1
        assert "--yes" in capsys.readouterr().err
        assert "delete" not in project.asked

    def test_what_sam_refuses_leaves_the_page_as_it_was(
        self, project: Project, outputs: dict[str, str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        project.sam_fails()
        assert project.undeploy("--yes") == 1
        told = capsys.readouterr().err
        assert "`sam delete` ended with 3" in told
        assert "published" in told
        assert site.keys(s3(), outputs["SiteBucketName"]) == {"index.html", "app.js", "lib/base.css"}

    def test_a_protected_stack_is_not_touched(
        self,
        project: Project,
        outputs: dict[str, str],
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        find = deployed.existing_stack
        monkeypatch.setattr(deployed, "existing_stack", lambda where: replace(find(where), protected=True))
        assert project.undeploy("--yes") == 1
        assert "update-termination-protection" in capsys.readouterr().err
        assert "delete" not in project.asked
        assert site.keys(s3(), outputs["SiteBucketName"]) == {"index.html", "app.js", "lib/base.css"}

    @pytest.mark.parametrize("kept", [True, False])
    def test_a_stack_without_outputs_goes_too(
        self, project: Project, cloud: Cloud, capsys: pytest.CaptureFixture[str], kept: bool
    ) -> None:
        cloud.client.delete_stack(StackName="shop")
        cloud.put({}, outputs=False, kept=kept)
        assert project.undeploy("--yes") == 0
        assert project.asked[0] == "delete"
        assert ("s3 rb" in capsys.readouterr().out) == kept, "buckets that are not there are not told of"

    def test_a_stack_of_something_else_is_left_alone(
        self, project: Project, cloud: Cloud, capsys: pytest.CaptureFixture[str]
    ) -> None:
        empty = {"Resources": {"SiteBucket": {"Type": "AWS::S3::Bucket"}}}
        cloud.client.create_stack(StackName="other", TemplateBody=json.dumps(empty))
        assert project.undeploy("--stack-name", "other", "--yes") == 1
        assert "not Lookalike's" in capsys.readouterr().err
        assert "delete" not in project.asked


def test_the_real_page_can_be_published() -> None:
    found = site.files(ROOT / "static_site")
    assert found[-1].key == "index.html", "the page comes after what it refers to"
    assert len({file.key for file in found}) == len(found) > 5
