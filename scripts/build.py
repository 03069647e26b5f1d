"""Build what is deployed, below .aws-sam/build: `make build`, and `sam build` with what it needs around it.

SAM CLI gets a virtual environment of its own, .venv-sam, because it pins much of what it uses; it is made again when
requirements/sam.txt changes. The layers are built with that environment's Python, which must be 3.13 as on Lambda.
No containers: wheels are chosen for Lambda's platform, so any machine can build for either processor.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.common.paths import ROOT

SAM_VENV = ROOT / ".venv-sam"
SAM_REQUIREMENTS = ROOT / "requirements" / "sam.txt"
MODEL = ROOT / "build" / "model"
PYTHON = "3.13"
ARCHITECTURES = ("x86_64", "arm64")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architecture", choices=ARCHITECTURES, default="x86_64")
    parser.add_argument("--build-dir", type=Path, default=ROOT / ".aws-sam" / "build")
    parser.add_argument("--only-sam", action="store_true", help="make .venv-sam if it is needed, and stop")
    options = parser.parse_args(arguments)
    try:
        python = sam_python()
        if options.only_sam:
            return 0
        ensure_model()
        build(python, options.architecture, options.build_dir)
        sizes = [str(python), "-m", "scripts.packaging.package_sizes", str(options.build_dir)]
        return subprocess.run(sizes, cwd=ROOT, check=False).returncode
    except subprocess.CalledProcessError as error:
        print(
            f"The build stopped: {Path(error.cmd[0]).name} ended with {error.returncode}; see above.", file=sys.stderr
        )
        return 1


def sam_python() -> Path:
    """The Python of .venv-sam, which is made first where it is missing or older than requirements/sam.txt."""
    python = SAM_VENV / "bin" / "python"
    stamp = SAM_VENV / ".ready"
    fresh = stamp.is_file() and stamp.stat().st_mtime >= SAM_REQUIREMENTS.stat().st_mtime
    if fresh and python.exists() and _version(str(python)) == PYTHON:
        return python
    print(f"Installing SAM CLI into {SAM_VENV.name}", file=sys.stderr)
    shutil.rmtree(SAM_VENV, ignore_errors=True)
    subprocess.run([lambda_python(), "-m", "venv", str(SAM_VENV)], check=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--require-hashes", "--requirement", str(SAM_REQUIREMENTS)], check=True)
    # Written last: an installation that was interrupted is started again.
    stamp.touch()
    return python


def lambda_python() -> str:
    """The path of a Python of the functions' version; exits with what to install where there is none."""
    found = subprocess.run([str(ROOT / "scripts" / "find_python.sh")], capture_output=True, text=True, check=False)
    for candidate in (sys.executable, found.stdout.strip(), shutil.which(f"python{PYTHON}")):
        if candidate and _version(candidate) == PYTHON:
            return os.path.realpath(candidate)
    raise SystemExit(
        f"`make build` needs Python {PYTHON}, the version the functions run on: bytecode of another one is useless to "
        f"them. Install it (apt install python{PYTHON} python{PYTHON}-venv, uv python install {PYTHON}, pyenv install "
        f"{PYTHON}) or set PYTHON=/path/to/python{PYTHON}. Everything but the build works with Python 3.12 too."
    )


def _version(python: str) -> str:
    code = "import sys, venv, ensurepip; print('{}.{}'.format(*sys.version_info))"
    # Isolated: a PYTHONPATH of another version must not decide.
    return subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=False).stdout.strip()


def ensure_model() -> None:
    """Make the default model where build/model has none; a model that is there was chosen with `make model`."""
    if not ((MODEL / "model.onnx").is_file() and (MODEL / "model.json").is_file()):
        subprocess.run([sys.executable, "-m", "scripts.model"], cwd=ROOT, check=True)


def build(python: Path, architecture: str, build_dir: Path) -> None:
    """Run `sam build` for one processor."""
    environment = {
        **os.environ,
        # Ahead of everything else, because SAM refuses the launchers that version managers put on the PATH.
        "PATH": os.pathsep.join([str(python.parent), str(python.resolve().parent), os.environ.get("PATH", os.defpath)]),
        "SAM_CLI_TELEMETRY": "0",
        "LOOKALIKE_ROOT": str(ROOT),
        "LOOKALIKE_PYTHON": str(python),
        "LOOKALIKE_ARCHITECTURE": architecture,
    }
    # The layers take nothing from whatever environment the build was started in.
    for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"):
        environment.pop(name, None)
    command = [str(python), "-m", "samcli", "build", "--template-file", str(ROOT / "template.yaml")]
    command += ["--build-dir", str(build_dir), "--base-dir", str(ROOT)]
    command += ["--parameter-overrides", f"Architecture={architecture}"]
    subprocess.run(command, env=environment, cwd=ROOT, check=True)
    pin_architecture(build_dir / "template.yaml", architecture)


def pin_architecture(template: Path, architecture: str) -> None:
    """Make the built template offer only the processor it was built for.

    A deployment that says nothing then takes the right one, and one that says the other is refused, rather than
    giving functions that cannot load their libraries.
    """
    text = template.read_text()
    block = re.search(r"^  Architecture:\n(?:    .*\n)+", text, re.MULTILINE)
    if block is None:
        raise SystemExit(f"{template} has no parameter Architecture.")
    pinned = re.sub(r"^    Default: .*$", f"    Default: {architecture}", block[0], flags=re.MULTILINE)
    pinned = re.sub(
        r"^    AllowedValues:\n(?:    - .*\n)+",
        f"    AllowedValues:\n    - {architecture}\n",
        pinned,
        flags=re.MULTILINE,
    )
    template.write_text(text.replace(block[0], pinned))


if __name__ == "__main__":
    raise SystemExit(main())
