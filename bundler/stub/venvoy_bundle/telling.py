"""`./x.pyz` and `./x.pyz check`: what is inside, and whether it is whole."""

from __future__ import annotations

import sys

from venvoy_bundle.bundle_format import read_bundle
from venvoy_bundle.targets import own_target

__all__ = ["check", "tell"]


def check(file: str) -> int:
    """Check every byte; a damaged bundle raises."""
    with open(file, "rb") as stream:
        reading = read_bundle(stream, whole=True)
    count = len(reading.members)
    print(f"{file}: good: {count} members, manifest sha256 {reading.manifest_sha256}")
    return 0


def tell(file: str) -> int:
    """Tell what is inside, having checked it."""
    with open(file, "rb") as stream:
        reading = read_bundle(stream, whole=True)
    manifest = reading.manifest
    own = own_target(manifest)
    print(f"{manifest['name']} {manifest['version']}, a venvoy bundle (checked: good)")
    print(f"plugin digest {manifest['plugin_digest']}")
    needs = manifest["requires_python"] or "any"
    print(f"needs Python {needs} and the API {manifest['api_requirement'] or 'in any version'}")
    print("plugins:")
    for each in manifest["entry_points"]:
        print(f"  {each['type']:<16} {each['module']}.{each['qualname']} {each['version']}")
    print("targets:")
    for target in manifest["targets"]:
        mark = "  (this Python)" if target is own else ""
        print(f"  {target['name']}{mark}")
    if own is None:
        print(f"  none of them is this Python, {sys.executable}")
    print("wheels:")
    for wheel in manifest["wheels"]:
        print(f"  {wheel['file'].rpartition('/')[2]}  {wheel['size']} bytes")
        print(f"    sha256 {wheel['sha256']}")
    return 0
