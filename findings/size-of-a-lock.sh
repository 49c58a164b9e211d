#!/usr/bin/env bash
# A PEP 751 lock gives each wheel a `size` and hashes. With the right sha256 and a wrong size pip 26.3
# installs without a word of it (it never reads `size`), and uv 0.13.9 refuses the archive. So a lock
# that one of them wrote, and a tool has rewritten, may hold for pip alone.
# Seen: pip 0, uv 1.
. "$(dirname "$0")/tools.sh"
wheel "$work/w" rz 1.0 py3-none-any
sha=$(sha256sum "$work/w/rz-1.0-py3-none-any.whl" | cut -d' ' -f1)
cat > "$work/w/pylock.toml" <<LOCK
lock-version = "1.0"
created-by = "by hand"
[[packages]]
name = "rz"
version = "1.0"
[[packages.wheels]]
name = "rz-1.0-py3-none-any.whl"
path = "rz-1.0-py3-none-any.whl"
size = 7
[packages.wheels.hashes]
sha256 = "$sha"
LOCK
ends() { fresh; "$1" -r "$work/w/pylock.toml" 2> "$work/said" && echo 0 || echo 1; }
is "pip: $(ends by_pip)" "pip: 0"
is "uv: $(ends by_uv)" "uv: 1"
grep -q "has size .* but the lockfile records 7" "$work/said"
