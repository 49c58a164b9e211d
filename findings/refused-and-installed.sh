#!/usr/bin/env bash
# A wheel whose console script names a module and no function: pip 26.3 and uv 0.13.9 refuse it, with
# exit codes 1 and 2, and have installed it all the same. It imports, it is listed, and the second
# install of the very same thing ends with 0, as it "is there". A build that tries twice is green.
# Seen: both: first not 0, then importable, then 0.
. "$(dirname "$0")/tools.sh"
wheel "$work/w" rc 1.0 py3-none-any "rc.py=HERE = True\n" "@/entry_points.txt=[console_scripts]\ntool = rc\n"
for tool in by_pip by_uv; do
    fresh
    $tool --find-links "$work/w" rc 2> "$work/said" && first=0 || first=$?
    imports=$(run -c 'import rc; print(rc.HERE)')
    $tool --find-links "$work/w" rc && second=0 || second=$?
    [ $first -ne 0 ] || { echo "changed: $tool takes it" >&2; exit 1; }
    is "$tool: imports: $imports, the second time: $second" "$tool: imports: True, the second time: 0"
done
