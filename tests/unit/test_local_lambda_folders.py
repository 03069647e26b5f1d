"""The folders in place of /opt and /var/runtime, and the variables of an isolated function."""

from pathlib import Path

import pytest

from scripts.local.execution_environment import exit_reason
from scripts.local.lambda_folders import NoRuntimeError, lay_over, link_runtime, variables
from scripts.local.template import Function


def write(folder: Path, *files: str) -> Path:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(f"{folder.name} {file}", encoding="utf-8")
    return folder


def test_layers_are_laid_over_each_other_and_the_later_one_wins(tmp_path):
    one = write(tmp_path / "one", "python/a/x.py", "python/both.py", "bin/tool", "python/deep/er/one.py", "turns/into")
    two = write(
        tmp_path / "two", "python/b/y.py", "python/both.py", "model/model.onnx", "python/deep/er/two.py", "turns"
    )
    opt = lay_over([one, two], tmp_path / "opt")
    found = {
        path.relative_to(opt).as_posix(): path.read_text()
        for path in opt.rglob("*", recurse_symlinks=True)
        if path.is_file()
    }
    assert found == {
        "python/a/x.py": "one python/a/x.py",
        "python/b/y.py": "two python/b/y.py",
        "python/both.py": "two python/both.py",
        "python/deep/er/one.py": "one python/deep/er/one.py",
        "python/deep/er/two.py": "two python/deep/er/two.py",
        "bin/tool": "one bin/tool",
        "model/model.onnx": "two model/model.onnx",
        "turns": "two turns",
    }
    assert (opt / "model").is_symlink()
    assert not (opt / "python").is_symlink()


def test_a_function_without_layers_has_an_empty_opt(tmp_path):
    assert list(lay_over([], tmp_path / "opt").iterdir()) == []


def test_an_environment_without_the_packages_of_lambdas_image_is_refused(tmp_path):
    write(tmp_path / "packages", "boto3/__init__.py")
    with pytest.raises(NoRuntimeError, match=r"awslambdaric.*make build"):
        link_runtime(tmp_path / "packages", tmp_path / "runtime")


def test_the_variables_are_lambdas_and_the_templates(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_SHELL", "1")
    monkeypatch.setenv("VIRTUAL_ENV", "/venv")
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    given = {"MODEL_DIR": "/opt/model", "OTHER": "/optional", "ROOT": "/opt", "AWS_REGION": "eu-west-1"}
    function = Function("Query", "s-query", "arn", "app.handler", tmp_path, given, 29, 1769, None)
    found = variables(function, "http://127.0.0.1:9", Path("/x/opt"), Path("/x/runtime"))
    assert found["MODEL_DIR"] == "/x/opt/model"
    assert found["ROOT"] == "/x/opt"
    assert found["OTHER"] == "/optional"
    assert found["AWS_REGION"] == "eu-west-1"
    assert found["AWS_ENDPOINT_URL"] == "http://127.0.0.1:9"
    assert found["AWS_LAMBDA_INITIALIZATION_TYPE"] == "on-demand"
    assert found["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "1769"
    assert found["LAMBDA_TASK_ROOT"] == str(tmp_path)
    assert found["_HANDLER"] == "app.handler"
    assert found["PATH"] == "/usr/local/bin:/usr/bin:/bin:/x/opt/bin"
    assert not found.keys() & {"SECRET_OF_THE_SHELL", "VIRTUAL_ENV", "HOME", "PYTHONPATH"}


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (0, "Runtime exited without providing a reason"),
        (7, "Runtime exited with error: exit status 7"),
        (-9, "Runtime exited with error: signal: killed"),
        (-11, "Runtime exited with error: signal: segmentation fault"),
    ],
)
def test_an_end_is_told_in_lambdas_words(status, reason):
    assert exit_reason(status) == reason
