#!/bin/sh
# Print the path of a Python >= 3.12 that can make virtual environments, or say in one line what to install.
# Tried in turn: $PYTHON, the one that .python-version selects under pyenv, python3.13 to python3 on the PATH,
# one that uv installs.
set -u
cd "$(dirname "$0")/.." || exit 1

fits() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1
}

wanted=$(cat .python-version)
for candidate in \
    "${PYTHON:-}" \
    "$(ls -d "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$wanted".*/bin/python 2>/dev/null | tail -1)" \
    "python$wanted" python3.13 python3.12 python3.14 python3; do
    if [ -n "$candidate" ] && fits "$candidate"; then
        "$candidate" -c 'import os, sys; print(os.path.realpath(sys.executable))'
        exit 0
    fi
done

if ! command -v uv >/dev/null 2>&1; then
    echo "Python 3.12 or newer with its venv module is needed: apt install python3 python3-venv, or install uv or pyenv (pyenv install $wanted)." >&2
    exit 1
fi
echo "No Python >= 3.12 found: trying uv python install $wanted" >&2
if uv python install "$wanted" >&2 && candidate=$(uv python find "$wanted") && fits "$candidate"; then
    echo "$candidate"
    exit 0
fi
echo "Python 3.12 or newer is needed and uv could not install it: install Python $wanted (pyenv install $wanted), or set PYTHON=/path/to/python." >&2
exit 1
