#!/bin/sh
# Compile requirements/*.txt, with hashes and without index addresses, from pyproject.toml: `make lock`.
# Usage: scripts/lock.sh [uv options, such as --upgrade]
set -eu
cd "$(dirname "$0")/.."

compile() {
    output=$1
    shift
    uv pip compile --quiet --universal --python-version 3.12 --generate-hashes --no-header --no-annotate \
        --output-file "requirements/$output.txt" "$@"
}

# Everything is resolved once, together; the smaller files take their versions from that.
compile dev pyproject.toml --extra dev --extra inference --extra analysis "$@"
compile demo pyproject.toml --extra demo --constraints requirements/dev.txt
compile bench pyproject.toml --extra bench --constraints requirements/dev.txt
for layer in inference analysis model; do
    # Only what the extra names: the package's own dependencies include boto3, which the Lambda image has.
    python -c "
import sys, tomllib
with open('pyproject.toml', 'rb') as file:
    print(*tomllib.load(file)['project']['optional-dependencies'][sys.argv[1]], sep='\n')" "$layer" |
        compile "$layer" - --constraints requirements/dev.txt
done
compile sam requirements/sam.in "$@"
compile checkov requirements/checkov.in "$@"
