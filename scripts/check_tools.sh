#!/bin/sh
# Says which system packages are missing, with the line that installs them.
python=${1:-python3}
missing=""
command -v g++ >/dev/null 2>&1 || missing="$missing g++"
command -v make >/dev/null 2>&1 || missing="$missing make"
if command -v "$python" >/dev/null 2>&1; then
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
        echo "Python 3.11 or later is needed; $python is $("$python" --version 2>&1)." >&2
        echo "Set another one with: make PYTHON=python3.12 ..." >&2
        exit 2
    }
    "$python" -c 'import venv, ensurepip' 2>/dev/null || missing="$missing python3-venv"
else
    missing="$missing python3 python3-venv"
fi
if [ -n "$missing" ]; then
    echo "Missing:$missing. Install with:" >&2
    echo "    sudo apt-get update && sudo apt-get install -y$missing" >&2
    exit 2
fi
