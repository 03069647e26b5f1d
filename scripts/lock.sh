#!/bin/sh
# Compile requirements/*.txt, with hashes and without index addresses, from pyproject.toml.
# Usage: scripts/lock.sh [extra uv options, such as --upgrade]
set -eu
cd "$(dirname "$0")/.."
compile() {
    output=$1
    shift
    uv pip compile --quiet --universal --python-version 3.12 --generate-hashes --no-header --no-annotate \
        --output-file "requirements/$output.txt" "$@"
}
# The layers and the demo take the versions that the whole development environment was resolved to.
compile dev pyproject.toml --extra dev --extra inference --extra analysis "$@"
compile demo pyproject.toml --extra demo --constraints requirements/dev.txt "$@"
layer() { # only the extra, not the package's own dependencies
    python3 - "$1" <<'PY' | compile "$1" - --constraints requirements/dev.txt
import sys, re, pathlib
text = pathlib.Path("pyproject.toml").read_text()
print(*re.findall(r'"([^"]+)"', re.search(rf"^{sys.argv[1]} = \[([^\]]*(?:\[[^\]]*\][^\]]*)*)\]", text, re.M)[1]), sep="\n")
PY
}
layer inference
layer analysis
layer model
compile sam requirements/sam.in "$@"
