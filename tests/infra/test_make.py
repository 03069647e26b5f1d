"""What a newcomer meets first: `make help`, and the advice where there is no Python that fits."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
SCRIPT = "#!/bin/sh\n"


@pytest.fixture(scope="module")
def listed() -> str:
    command = ["make", "--no-print-directory", "help"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_help_describes_every_target_and_every_variable(listed: str) -> None:
    targets = re.findall(r"^  make ([a-z-]+) +\S", listed, re.MULTILINE)
    assert sorted(targets) == sorted(re.findall(r"^\.PHONY: (\S+)$", MAKEFILE, re.MULTILINE))
    variables = re.findall(r"^  ([A-Z0-9_]+)=\S.* +\S", listed, re.MULTILINE)
    assert variables == re.findall(r"^(\w+) \?=", MAKEFILE, re.MULTILINE)


def test_help_shows_descriptions_whole(listed: str) -> None:
    for description in re.findall(r"^[a-z-]+:.*?## (.*)$", MAKEFILE, re.MULTILINE):
        assert f" {description}\n" in listed


def find_python(folder: Path, commands: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Look for a Python on a machine that has these commands, by their scripts, and no other."""
    for name in ("cat", "dirname", "ls", "tail"):
        (folder / name).symlink_to(f"/bin/{name}" if Path(f"/bin/{name}").exists() else f"/usr/bin/{name}")
    for name, script in commands.items():
        (folder / name).write_text(SCRIPT + script)
        (folder / name).chmod(0o755)
    command = ["/bin/sh", str(ROOT / "scripts" / "find_python.sh"), *arguments]
    environment = {"PATH": str(folder), "HOME": str(folder)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


TOO_OLD = "exit 1\n"


def apt_with(*packages: str) -> str:
    """An apt-cache that knows these packages."""
    return f'case "$2" in {"|".join(packages)}) exit 0 ;; esac\nexit 100\n'


@pytest.mark.parametrize(
    ("commands", "advice"),
    [
        pytest.param(
            {"apt-cache": apt_with("python3.13")}, "sudo apt install python3.13 python3.13-venv", id="Debian 13"
        ),
        pytest.param(
            {"apt-cache": apt_with("python3.12")}, "sudo apt install python3.12 python3.12-venv", id="Ubuntu 24.04"
        ),
        pytest.param({"apt-cache": apt_with("python3.11")}, "https://astral.sh/uv/install.sh", id="Debian 12"),
        pytest.param({"brew": ""}, "brew install python@3.13", id="macOS"),
        pytest.param({"pyenv": "", "apt-cache": apt_with("python3.13")}, "pyenv install 3.13", id="pyenv"),
        pytest.param({"dnf": ""}, "sudo dnf install python3.13", id="Fedora"),
    ],
)
def test_the_advice_for_an_old_python_works_on_that_system(
    tmp_path: Path, commands: dict[str, str], advice: str
) -> None:
    done = find_python(tmp_path, {"python3": TOO_OLD, **commands})
    assert (done.returncode, done.stdout) == (1, "")
    assert "Python 3.12 or newer" in done.stderr
    assert advice in done.stderr.splitlines()[1]


def test_one_version_is_advised_where_one_is_needed(tmp_path: Path) -> None:
    done = find_python(tmp_path, {"apt-cache": apt_with("python3.12")}, "3.13")
    assert "Python 3.13 " in done.stderr
    assert "apt install" not in done.stderr


def test_a_python_that_fits_is_named(tmp_path: Path) -> None:
    good = 'case "$1" in -I) exit 0 ;; esac\necho /the/python\n'
    done = find_python(tmp_path, {"python3": TOO_OLD, "python3.12": good})
    assert (done.returncode, done.stdout, done.stderr) == (0, "/the/python\n", "")


def test_uv_installs_one_where_it_is_there(tmp_path: Path) -> None:
    python = tmp_path / "uv-python"
    uv = f'case "$2" in find) echo {python} ;; esac\n'
    done = find_python(tmp_path, {"uv": uv, "uv-python": "exit 0\n"})
    assert (done.returncode, done.stdout) == (0, f"{python}\n")
    assert "uv installs 3.13" in done.stderr
