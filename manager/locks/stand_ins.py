"""Stand-ins: throw-away wheels of metadata alone, which tell pip what the plugin itself requires.

pip resolves them as requirements of their own: one for the API, which is provided and never
fetched, and one for each distribution of the plugin, with the requirements that are overridden
left out. They are dropped from what pip answers.
"""

import zipfile
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from manager.plugins.distributions import API_NAME, Distribution

__all__ = ["write_api_stand_in", "write_stand_in"]


def write_api_stand_in(directory: Path, version: Version) -> Path:
    """Write the wheel that stands for the running API."""
    return _write(directory, API_NAME, version, [])


def write_stand_in(
    directory: Path, distribution: Distribution, *, without: Iterable[NormalizedName]
) -> Path:
    """Write the wheel that stands for a plugin's own distribution, lacking some requirements."""
    left_out = frozenset(without)
    lines = [
        f"Requires-Dist: {requirement}"
        for requirement in (*distribution.requires, *distribution.of_extras)
        if canonicalize_name(requirement.name) not in left_out
    ]
    lines += [f"Provides-Extra: {extra}" for extra in distribution.extras]
    if distribution.api_requirement is not None:
        lines.append(f"Requires-Dist: {Requirement(f'{API_NAME}{distribution.api_requirement}')}")
    if distribution.requires_python is not None:
        lines.append(f"Requires-Python: {distribution.requires_python}")
    return _write(directory, distribution.name, distribution.version, lines)


def _write(directory: Path, name: NormalizedName, version: Version, lines: list[str]) -> Path:
    stem = f"{name.replace('-', '_')}-{version}"
    metadata = "\n".join(["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *lines])
    wheel = "Wheel-Version: 1.0\nGenerator: venvoy\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{stem}.dist-info/METADATA", metadata + "\n")
        archive.writestr(f"{stem}.dist-info/WHEEL", wheel)
        archive.writestr(f"{stem}.dist-info/RECORD", "")
    return file
