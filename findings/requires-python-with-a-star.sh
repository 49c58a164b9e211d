#!/usr/bin/env bash
# `Requires-Python: >=3.30.*` (a form that setuptools once let through, and that old releases still
# have): pip 26.3 warns that it is no specifier and then installs the wheel on any Python; uv 0.13.9
# repairs it to `>=3.30` and refuses. In a dependency's requirement, `Requires-Dist: rl (>=1.0.*)`,
# it is the other way round: pip passes the whole release over, uv repairs and installs it.
# So neither is "the lenient one". Seen: pip 0 and 1, uv 1 and 0.
. "$(dirname "$0")/tools.sh"
wheel "$work/w" ra 1.0 py3-none-any "Requires-Python: >=3.30.*"
wheel "$work/w" rk 1.0 py3-none-any "Requires-Dist: rl (>=1.0.*)"
wheel "$work/w" rl 1.5 py3-none-any
ends() { fresh; "$1" --find-links "$work/w" "$2" 2> "$work/said" && echo 0 || echo 1; }
is "pip: $(ends by_pip ra) $(ends by_pip rk)" "pip: 0 1"
is "uv: $(ends by_uv ra) $(ends by_uv rk)" "uv: 1 0"
