# Sourced by the findings: a temporary folder, pip and uv at their pinned versions in it, and
# fresh virtualenvs. PYTHON names the interpreter, 3.11 where a finding does not say otherwise.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=${PYTHON:-python3}
"$python" -m venv "$work/tools"
"$work/tools/bin/python" -m pip install --quiet "pip==26.3" "uv==0.13.9" ${PACKAGES:-}
pip() { env -u PIP_FIND_LINKS -u PIP_NO_INDEX "$work/tools/bin/python" -m pip --disable-pip-version-check "$@"; }
uv() { "$work/tools/bin/uv" --no-config --no-cache "$@"; }
wheel() { mkdir -p "$1" && "$python" "$here/wheel.py" "$@"; }
fresh() { rm -rf "$work/env" && "$python" -m venv --without-pip "$work/env"; }
by_pip() { pip --python "$work/env/bin/python" install --quiet --no-index "$@"; }
by_uv() { uv pip install --quiet --no-index --python "$work/env/bin/python" "$@"; }
run() { "$work/env/bin/python" "$@"; }
is() { [ "$1" = "$2" ] || { echo "changed: expected «$2», found «$1»" >&2; exit 1; }; echo "as told: $1"; }
