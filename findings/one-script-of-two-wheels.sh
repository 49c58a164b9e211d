#!/usr/bin/env bash
# Two packages that bring a console script of one name: neither pip 26.3 nor uv 0.13.9 says a word.
# With pip it is the same one each time, in whatever order they are asked for. With uv it is a race of
# its installing threads: the same command, the same wheels, and the script is now of the one package,
# now of the other. So an environment of uv is not a function of its lock.
# Seen: pip -> re1 in each of 8 turns; uv -> both within 40.
. "$(dirname "$0")/tools.sh"
for name in re1 re2; do
    wheel "$work/w" $name 1.0 py3-none-any "$name.py=def main(): print('$name')\n" \
        "@/entry_points.txt=[console_scripts]\ntool = $name:main\n"
done
seen=""
for turn in 1 2 3 4; do
    fresh; by_pip --find-links "$work/w" re1 re2; seen="$seen $("$work/env/bin/tool")"
    fresh; by_pip --find-links "$work/w" re2 re1; seen="$seen $("$work/env/bin/tool")"
done
is "pip:$seen" "pip: re1 re1 re1 re1 re1 re1 re1 re1"
seen=""
for turn in $(seq 40); do
    fresh; by_uv --find-links "$work/w" re1 re2; seen="$seen $("$work/env/bin/tool")"
    both=$(printf '%s\n' $seen | sort -u | tr '\n' ' ')
    [ "$both" != "re1 re2 " ] || break
done
is "uv: $both" "uv: re1 re2 "
