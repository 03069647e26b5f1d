#!/bin/sh
# Print the path of a Python that can make virtual environments, or say how to install one.
# Usage: scripts/find_python.sh [VERSION]    3.13: this version; without it, 3.12 or newer
# Tried in turn: $PYTHON, pyenv's, those on the PATH, and one that uv installs.
set -u
cd "$(dirname "$0")/.." || exit 1

preferred=$(cat .python-version)
exact=${1:-}
versions=${exact:-$preferred 3.14 3.12}

fits() {
    "$1" -I -c "
import sys, venv, ensurepip
version = '%d.%d' % sys.version_info[:2]
sys.exit(version != '$exact' if '$exact' else sys.version_info < (3, 12))" >/dev/null 2>&1
}

for candidate in \
    "${PYTHON:-}" \
    "$(ls -d "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$preferred".*/bin/python 2>/dev/null | tail -1)" \
    $(printf 'python%s ' $versions) python3; do
    if [ -n "$candidate" ] && fits "$candidate"; then
        "$candidate" -c 'import os, sys; print(os.path.realpath(sys.executable))'
        exit 0
    fi
done

if command -v uv >/dev/null 2>&1; then
    echo "No Python ${exact:-3.12 or newer} found: uv installs $preferred" >&2
    if uv python install "$preferred" >&2 && candidate=$(uv python find "$preferred") && fits "$candidate"; then
        echo "$candidate"
        exit 0
    fi
fi

# The first command that works here: a system's package may be too old (Debian 12 has Python 3.11) or lack venv.
install_command() {
    if command -v pyenv >/dev/null 2>&1; then
        echo "pyenv install $preferred"
        return
    fi
    for version in $versions; do
        if command -v brew >/dev/null 2>&1; then
            echo "brew install python@$version"
        elif apt-cache show "python$version" >/dev/null 2>&1; then
            echo "sudo apt install python$version python$version-venv"
        elif command -v dnf >/dev/null 2>&1; then
            echo "sudo dnf install python$version"
        else
            continue
        fi
        return
    done
    echo "curl -LsSf https://astral.sh/uv/install.sh | sh   (the system's packages have none; uv brings its own)"
}

echo "Python ${exact:-3.12 or newer} with its venv module is needed. Install it and try again:" >&2
echo "    $(install_command)" >&2
echo "or name one that is installed: PYTHON=/path/to/python make ..." >&2
exit 1
