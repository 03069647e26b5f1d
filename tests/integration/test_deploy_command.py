"""`scripts/deploy.py` and `scripts/undeploy.py` as a person runs them: a made-up SAM CLI, and moto's AWS behind boto3."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from scripts import deploy, static_site, undeploy

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
# Notes what it was asked and where; ends as it is told to; saves what guided mode would.
SAM = """#!/bin/sh
printf '%s\\n' "$PWD" "$@" > "$(dirname "$0")/asked"
case "$*" in *--guided*) cat > samconfig.toml <<'END'
{saved}END
esac
exit "$(cat "$(dirname "$0")/ends" 2>/dev/null || echo 0)"
"""


class Project:
    """A checkout with something built, a SAM CLI made up, and a page of three files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.site = folder / "site"
        self._tools = folder / "tools"
        for path in (self.folder / ".aws-sam" / "build", self.site / "lib", self._tools):
            path.mkdir(parents=True)
        (self.folder / ".aws-sam" / "build" / "template.yaml").touch()
        (self.site / "index.html").write_text("<!doctype html>")
        (self.site / "app.js").write_text("export {}")
        (self.site / "lib" / "base.css").write_text("body {}")
        sam = self._tools / "sam"
        sam.write_text(SAM.format(saved=SAVED))
        sam.chmod(sam.stat().st_mode | stat.S_IXUSR)

    def save(self) -> None:
        """As if the guided mode had been through."""
        (self.folder / "samconfig.toml").write_text(SAVED)

    def sam_fails(self) -> None:
        (self._tools / "ends").write_text("3")

    def deploy(self, *arguments: str) -> int:
        return deploy.main([*self._places, "--site-dir", str(self.site), *arguments])

    def undeploy(self, *arguments: str, answer: str = "") -> int:
        return undeploy.main([*self._places, *arguments], ask=lambda question: answer)

    @property
    def _places(self) -> list[str]:
        return ["--project", str(self.folder), "--sam", str(self._tools / "sam")]

    @property
    def asked(self) -> list[str]:
        """What SAM was asked; nothing if it was not."""
        note = self._tools / "asked"
        where, *words = note.read_text().splitlines() if note.exists() else [str(self.folder)]
        assert Path(where).resolve() == self.folder.resolve(), "SAM finds samconfig.toml and the build where it runs"
        return words


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
def stack(aws: None) -> dict[str, str]:
    """A stack with the outputs of ours, in moto; the buckets and the distribution behind them."""
    origin = {"Id": "site", "DomainName": "site.s3.amazonaws.com", "S3OriginConfig": {"OriginAccessIdentity": ""}}
    distribution = boto3.client("cloudfront").create_distribution(
        DistributionConfig={
            "CallerReference": "1",
            "Comment": "",
            "Enabled": True,
            "Origins": {"Quantity": 1, "Items": [origin]},
            "DefaultCacheBehavior": {"TargetOriginId": "site", "ViewerProtocolPolicy": "https-only"},
        }
    )["Distribution"]["Id"]
    outputs = {
        "SiteUrl": {"Value": "https://looks.example.com/"},
        "DistributionId": {"Value": distribution},
        **{f"{name}BucketName": {"Value": {"Ref": name}} for name in ("Site", "Catalogue", "Store")},
    }
    buckets = {name: {"Type": "AWS::S3::Bucket"} for name in ("Site", "Catalogue", "Store")}
    client = boto3.client("cloudformation", region_name=REGION)
    client.create_stack(StackName="shop", TemplateBody=json.dumps({"Resources": buckets, "Outputs": outputs}))
    (made,) = client.describe_stacks(StackName="shop")["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in made["Outputs"]}


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
    def test_the_first_time_sam_asks_and_later_it_does_not(self, project: Project, stack: dict[str, str]) -> None:
        assert project.deploy() == 0
        assert "--guided" in project.asked
        assert project.deploy() == 0
        assert project.asked == ["deploy", "--capabilities", "CAPABILITY_IAM", "--no-fail-on-empty-changeset"]

    def test_a_named_stack_is_deployed_without_the_guide(self, project: Project, stack: dict[str, str]) -> None:
        overrides = ["--parameter-overrides", "AlarmEmail=shop@example.com"]
        assert project.deploy("--stack-name", "shop", "--region", REGION, "--", *overrides) == 0
        assert "--guided" not in project.asked
        assert "--resolve-s3" in project.asked
        assert project.asked[-6:] == ["--stack-name", "shop", "--region", REGION, *overrides]

    def test_the_address_and_the_next_command_are_told(
        self, project: Project, stack: dict[str, str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert project.deploy() == 0
        told = capsys.readouterr().out
        assert "https://looks.example.com/" in told
        assert f"--bucket {stack['CatalogueBucketName']}" in told

    def test_the_page_is_published_with_types_and_cache_rules(self, project: Project, stack: dict[str, str]) -> None:
        assert project.deploy() == 0
        types = {}
        for key in ("index.html", "app.js", "lib/base.css"):
            held = s3().get_object(Bucket=stack["SiteBucketName"], Key=key)
            assert held["Body"].read() == (project.site / key).read_bytes()
            assert held["CacheControl"] == static_site.CACHE_CONTROL
            types[key] = held["ContentType"].partition(";")[0]
        assert types == {"index.html": "text/html", "app.js": "text/javascript", "lib/base.css": "text/css"}
        assert invalidated(stack) == [["/", "/app.js", "/index.html", "/lib/base.css"]]

    def test_only_what_changed_is_put_and_invalidated(
        self, project: Project, stack: dict[str, str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        project.deploy()
        before = s3().head_object(Bucket=stack["SiteBucketName"], Key="app.js")["LastModified"]
        project.deploy("--site-only")
        assert "has not changed" in capsys.readouterr().out
        assert len(invalidated(stack)) == 1

        (project.site / "lib" / "base.css").unlink()
        (project.site / "new.svg").write_text("<svg/>")
        assert project.deploy("--site-only") == 0
        assert ["/lib/base.css", "/new.svg"] in invalidated(stack)
        assert static_site.keys(s3(), stack["SiteBucketName"]) == {"index.html", "app.js", "new.svg"}
        assert s3().head_object(Bucket=stack["SiteBucketName"], Key="app.js")["LastModified"] == before

    def test_a_file_somebody_put_with_another_type_is_put_again(self, project: Project, stack: dict[str, str]) -> None:
        s3().put_object(Bucket=stack["SiteBucketName"], Key="app.js", Body=b"export {}", ContentType="text/plain")
        assert project.deploy() == 0
        held = s3().head_object(Bucket=stack["SiteBucketName"], Key="app.js")
        assert held["ContentType"] == "text/javascript; charset=utf-8"

    def test_the_page_alone_needs_no_sam(self, project: Project, stack: dict[str, str]) -> None:
        project.save()
        project.sam_fails()
        assert project.deploy("--site-only") == 0
        assert project.asked == []

    def test_what_sam_refused_is_not_published(
        self, project: Project, stack: dict[str, str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        project.save()
        project.sam_fails()
        assert project.deploy() == 1
        assert "`sam deploy` ended with 3" in capsys.readouterr().err
        assert static_site.keys(s3(), stack["SiteBucketName"]) == set()

    def test_without_a_build_it_says_what_to_run(
        self, project: Project, aws: None, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (project.folder / ".aws-sam" / "build" / "template.yaml").unlink()
        assert project.deploy() == 1
        assert "make build" in capsys.readouterr().err
        assert project.asked == []

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (["--site-only"], "--stack-name"),
            (["--site-only", "--stack-name", "nowhere", "--region", REGION], "no stack nowhere"),
            (["--site-only", "--stack-name", "other", "--region", REGION], "none of Lookalike's"),
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
        self, project: Project, stack: dict[str, str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        project.save()
        (project.site / "notes.docx").touch()
        assert project.deploy("--site-only") == 1
        assert "notes.docx" in capsys.readouterr().err
        assert static_site.keys(s3(), stack["SiteBucketName"]) == set()


class TestUndeploy:
    @pytest.fixture(autouse=True)
    def deployed(self, project: Project, stack: dict[str, str]) -> None:
        project.deploy()
        s3().put_object(Bucket=stack["CatalogueBucketName"], Key="images/1.jpg", Body=b"photo")

    def test_the_stack_goes_and_the_photos_stay(
        self, project: Project, stack: dict[str, str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert project.undeploy(answer="shop") == 0
        assert project.asked == ["delete", "--no-prompts", "--stack-name", "shop", "--region", REGION]
        assert static_site.keys(s3(), stack["SiteBucketName"]) == set(), "CloudFormation deletes empty buckets only"
        assert static_site.keys(s3(), stack["CatalogueBucketName"]) == {"images/1.jpg"}
        told = capsys.readouterr().out
        assert stack["CatalogueBucketName"] in told
        assert stack["StoreBucketName"] in told

    @pytest.mark.parametrize("answer", ["", "y", "Shop"])
    def test_anything_but_the_stack_s_name_stops_it(self, project: Project, stack: dict[str, str], answer: str) -> None:
        assert project.undeploy(answer=answer) == 1
        assert "delete" not in project.asked
        assert static_site.keys(s3(), stack["SiteBucketName"]) == {"index.html", "app.js", "lib/base.css"}


def test_the_real_page_can_be_published() -> None:
    found = static_site.files(ROOT / "static_site")
    assert found[-1].key == "index.html", "the page comes after what it refers to"
    assert len({file.key for file in found}) == len(found) > 5
