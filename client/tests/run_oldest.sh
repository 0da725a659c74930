#!/usr/bin/env bash
# The client's own tests, installed in a fresh environment with the oldest Python that this
# computer has and the oldest NumPy that can be had for it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=../.venv-oldest

# Prints the path of a working Python of this version.
find_python() {
    local candidate
    for candidate in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python; do
        if "$candidate" -c "import sys; sys.exit(sys.version_info[:2] != (3, ${1#3.}))" 2>/dev/null; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    return 1
}

for pair in 3.7=1.14.5 3.8=1.17.3 3.9=1.19.3 3.10=1.21.3; do
    version=${pair%=*} numpy=${pair#*=}
    python=$(find_python "$version") || continue
    if [ ! -e "$folder/.installed" ] || [ pyproject.toml -nt "$folder/.installed" ]; then
        rm -rf "$folder"
        "$python" -m venv "$folder"
        if ! "$folder/bin/python" -m pip install -q --disable-pip-version-check \
            --only-binary numpy,pillow "numpy==$numpy" pytest pillow; then
            echo "NumPy $numpy cannot be installed for Python $version here."
            continue
        fi
        touch "$folder/.installed"
    fi
    # Anew each time, as users install it.
    "$folder/bin/python" -m pip install -q --disable-pip-version-check --force-reinstall --no-deps .
    echo "The client with Python $version and NumPy $numpy:"
    exec "$folder/bin/python" -m pytest -q -p no:cacheprovider
done
echo "No Python older than 3.11 here: the client was checked for 3.7 by vermin only."
