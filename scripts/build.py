"""Build the deployment packages in .aws-sam/build: `make build`.

The layers are built with the Python of .venv-sam, which `make build` makes and which has the version of Lambda's: bytecode
of another version would be useless there. No containers: wheels are chosen for Lambda's platform, so any machine can build
for either processor.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from scripts.common.arguments import command_parser
from scripts.common.paths import ROOT
from scripts.common.template_yaml import yaml_parse

PYTHON = ROOT / ".venv-sam" / "bin" / "python"
ARCHITECTURES = ("x86_64", "arm64")


def main(arguments: list[str] | None = None) -> int:
    parser = command_parser("build", __doc__)
    parser.add_argument(
        "--architecture", choices=ARCHITECTURES, default="x86_64", help="processor of the functions (x86_64)"
    )
    parser.add_argument(
        "--build-dir", type=Path, default=ROOT / ".aws-sam" / "build", help="output folder (.aws-sam/build)"
    )
    options = parser.parse_args(arguments)
    if not PYTHON.exists():
        parser.exit(2, f"There is no {PYTHON}: run `make build`, which installs it.\n")
    try:
        build(PYTHON, options.architecture, options.build_dir)
        sizes = [str(PYTHON), "-m", "scripts.packaging.package_sizes", str(options.build_dir)]
        return subprocess.run(sizes, cwd=ROOT, check=False).returncode
    except subprocess.CalledProcessError as error:
        print(
            f"The build stopped: {Path(error.cmd[0]).name} ended with {error.returncode}; see above.", file=sys.stderr
        )
        return 1


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
    document = yaml_parse(template.read_text(encoding="utf-8"))
    document["Parameters"]["Architecture"] |= {"Default": architecture, "AllowedValues": [architecture]}
    # JSON is YAML, too.
    template.write_text(json.dumps(document, indent=1), encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
