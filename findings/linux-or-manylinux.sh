#!/usr/bin/env bash
# Of two wheels of one release for the same machine, `linux_x86_64` and `manylinux_2_17_x86_64`, pip
# takes the first and uv the second: the same requirement, another build, from one directory.
# pip 26.3 follows packaging 26.3, which moved the native tag before all manylinux tags; uv 0.13.9
# has it last, as pip had until then. So an unaudited wheel that a build left beside the repaired
# one (auditwheel keeps both) is what pip installs now.
# Seen: pip -> linux, uv -> manylinux. CPython, x86_64, glibc.
. "$(dirname "$0")/tools.sh"
tag=$("$python" -c 'import sys; print("cp%d%d" % sys.version_info[:2])')
wheel "$work/w" rb 1.0 "$tag-$tag-linux_x86_64" "rb.py=WHICH = 'linux'\n"
wheel "$work/w" rb 1.0 "$tag-$tag-manylinux_2_17_x86_64" "rb.py=WHICH = 'manylinux'\n"
fresh; by_pip --find-links "$work/w" rb
is "pip: $(run -c 'import rb; print(rb.WHICH)')" "pip: linux"
fresh; by_uv --find-links "$work/w" rb
is "uv: $(run -c 'import rb; print(rb.WHICH)')" "uv: manylinux"
