"""Print the size of every function with its layers, and fail if less than a tenth of Lambda's limit is left.

Lambda unpacks a function and its layers into 250 MB at most. `make build` runs this on the output of `sam build`.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.common.arguments import command_parser
from scripts.common.paths import ROOT
from scripts.common.template_yaml import yaml_parse

LIMIT_BYTES = 262_144_000
"""Unzipped bytes of a function and all its layers (AWS Lambda quotas: "250 MB (unzipped)")."""

SPARE_BYTES = LIMIT_BYTES // 10
"""The bytes that must be left: one release of one dependency can take as much."""


@dataclass(frozen=True, slots=True)
class Package:
    """A function, unpacked. ``parts``: bytes of its own code, then of each layer, by logical id."""

    function: str
    parts: dict[str, int]

    @property
    def total_bytes(self) -> int:
        return sum(self.parts.values())

    @property
    def spare_bytes(self) -> int:
        return LIMIT_BYTES - self.total_bytes


def main(arguments: list[str] | None = None) -> int:
    parser = command_parser("packaging.package_sizes", __doc__)
    parser.add_argument("build_dir", nargs="?", type=Path, default=ROOT / ".aws-sam" / "build", help="(.aws-sam/build)")
    options = parser.parse_args(arguments)
    template: Path = options.build_dir / "template.yaml"
    if not template.is_file():
        print(f"{template} does not exist. Run `make build` first.", file=sys.stderr)
        return 2
    packages = measure(yaml_parse(template.read_text()), options.build_dir)
    print(table(packages))
    tight = [package for package in packages if package.spare_bytes < SPARE_BYTES]
    for package in tight:
        if package.spare_bytes < 0:
            problem = f"is {-package.spare_bytes:,} bytes over Lambda's limit"
        else:
            problem = f"has {package.spare_bytes:,} bytes to spare, and needs {SPARE_BYTES:,}"
        print(
            f"ERROR: {package.function} {problem}. Prune more in layers/*/Makefile, or choose a smaller model.",
            file=sys.stderr,
        )
    return 1 if tight else 0


def measure(template: dict[str, Any], build_dir: Path) -> list[Package]:
    """The functions of a template that `sam build` wrote into ``build_dir``, in its order.

    Raises ValueError for a layer that is not of this template: its size cannot be known here.
    """
    resources = template["Resources"]
    packages = []
    for name, resource in resources.items():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        properties = resource["Properties"]
        parts = {name: folder_bytes(build_dir / properties["CodeUri"])}
        for layer in properties.get("Layers", []):
            reference = layer.get("Ref") if isinstance(layer, dict) else None
            if reference not in resources:
                raise ValueError(f"{name} uses the layer {layer!r}, which is not a resource of the template")
            parts[reference] = folder_bytes(build_dir / resources[reference]["Properties"]["ContentUri"])
        packages.append(Package(name, parts))
    return packages


def folder_bytes(folder: Path) -> int:
    """The bytes of all files below ``folder``. Raises FileNotFoundError if it was never built."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} does not exist; run `make build` again")
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def table(packages: list[Package]) -> str:
    """One line a function: its own bytes, each layer's, the sum and its share of the limit."""
    layers = list(dict.fromkeys(part for package in packages for part in package.parts if part != package.function))
    rows = [["function", "own code", *layers, "total", "of limit"]]
    for package in packages:
        sizes = [package.parts.get(layer) for layer in layers]
        rows.append(
            [
                package.function,
                f"{package.parts[package.function]:,}",
                *("-" if size is None else f"{size:,}" for size in sizes),
                f"{package.total_bytes:,}",
                f"{package.total_bytes / LIMIT_BYTES:.1%}",
            ]
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    cells = [[row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])] for row in rows]
    return "\n".join(map("  ".join, cells))


if __name__ == "__main__":
    raise SystemExit(main())
