"""The size of a function is its own code and its layers', and Lambda's limit is held."""

from pathlib import Path

import pytest

from scripts.packaging import package_sizes

TEMPLATE = """
Resources:
  Base: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: Base}}
  Model: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: Model}}
  Query:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: Query, Layers: [{Ref: Base}, {Ref: Model}]}
  Compact:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: Compact, Layers: [!Ref Base]}
  Bucket: {Type: AWS::S3::Bucket}
"""


@pytest.fixture
def build_dir(tmp_path: Path) -> Path:
    """A function of 10 and one of 20 bytes, a layer of 100 for both and one of 1000 for the first."""
    for name, size in {"Query/app.py": 10, "Compact/app.py": 20, "Base/python/a.py": 60, "Base/b": 40}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * size)
    (tmp_path / "Model").mkdir()
    (tmp_path / "Model" / "model.onnx").write_bytes(b"x" * 1000)
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    return tmp_path


def test_layers_count_for_every_function_that_has_them(build_dir: Path) -> None:
    query, compact = package_sizes.measure(package_sizes.yaml_parse(TEMPLATE), build_dir)
    assert (query.function, query.parts) == ("Query", {"Query": 10, "Base": 100, "Model": 1000})
    assert (compact.function, compact.parts) == ("Compact", {"Compact": 20, "Base": 100})
    assert query.total_bytes == 1110
    assert query.spare_bytes == package_sizes.LIMIT_BYTES - 1110


def test_the_limit_is_that_of_lambda() -> None:
    assert package_sizes.LIMIT_BYTES == 250 * 1024 * 1024
    assert package_sizes.SPARE_BYTES >= package_sizes.LIMIT_BYTES * 0.1


def test_sizes_are_printed(build_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert package_sizes.main([str(build_dir)]) == 0
    printed = capsys.readouterr()
    head, query, compact = printed.out.splitlines()
    assert head.split() == ["function", "own", "code", "Base", "Model", "total", "of", "limit"]
    assert query.split() == ["Query", "10", "100", "1,000", "1,110", "0.0%"]
    assert compact.split() == ["Compact", "20", "100", "-", "120", "0.0%"]
    assert len({len(line) for line in (head, query, compact)}) == 1
    assert printed.err == ""


@pytest.mark.parametrize(
    ("spare", "code", "told"),
    [
        (-1, 1, "ERROR: Query is 1 bytes over Lambda's limit. Prune"),
        (0, 1, "ERROR: Query has 0 bytes to spare, and needs 999. Prune"),
        (998, 1, "ERROR: Query has 998 bytes to spare"),
        (999, 0, ""),
    ],
)
def test_too_large_and_too_tight_fail(
    build_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    spare: int,
    code: int,
    told: str,
) -> None:
    monkeypatch.setattr(package_sizes, "LIMIT_BYTES", 1110 + spare)
    monkeypatch.setattr(package_sizes, "SPARE_BYTES", 999)
    assert package_sizes.main([str(build_dir)]) == code
    printed = capsys.readouterr().err
    assert told in printed
    assert bool(printed) == bool(told)


def test_a_layer_of_unknown_size_is_refused(build_dir: Path) -> None:
    template = package_sizes.yaml_parse(TEMPLATE)
    template["Resources"]["Query"]["Properties"]["Layers"].append("arn:aws:lambda:eu-west-1:1:layer:other:1")
    with pytest.raises(ValueError, match="other"):
        package_sizes.measure(template, build_dir)


def test_a_layer_that_was_not_built_is_not_nothing(build_dir: Path) -> None:
    (build_dir / "Model" / "model.onnx").unlink()
    (build_dir / "Model").rmdir()
    with pytest.raises(FileNotFoundError, match="Model"):
        package_sizes.measure(package_sizes.yaml_parse(TEMPLATE), build_dir)


def test_sizes_before_a_build_say_what_to_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert package_sizes.main([str(tmp_path)]) == 2
    assert "make build" in capsys.readouterr().err
