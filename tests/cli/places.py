"""Makes plugin paths of the folders in `tests/broken_plugins`, and configs that run them."""

import shutil
import tomllib
import zipfile
from pathlib import Path
from typing import Any

from tests.wheel_maker import make_wheel

__all__ = ["BROKEN", "FAULTS", "GOOD", "put_plugin", "write_config", "write_worker"]

BROKEN = Path(__file__).parent.parent / "broken_plugins"
GOOD = "good_neighbour"
FAULTS = sorted(each.name for each in BROKEN.iterdir() if each.is_dir() and each.name != GOOD)


def put_plugin(name: str, place: Path, *, version: str | None = None) -> Path:
    """Put a folder of `tests/broken_plugins` on a place and return the location.

    A folder with a `wheel.toml` becomes a directory with that wheel, whose content is the folder's
    modules; `wheelhouse` there lists wheels without plugins to lie beside it, and `damage` says
    what befell it. Another folder is copied as it is. `version` makes another version of a wheel.
    """
    source, location = BROKEN / name, place / (f"{name}-{version}" if version else name)
    if not (source / "wheel.toml").exists():
        shutil.copytree(source, location, ignore=shutil.ignore_patterns("__pycache__", "says.txt"))
        return location
    table: dict[str, Any] = tomllib.loads((source / "wheel.toml").read_text())
    file = make_wheel(
        location,
        table["name"],
        version or table["version"],
        files={module.name: module.read_text() for module in sorted(source.glob("*.py"))},
        requires=table.get("requires", ()),
        entry_points=table.get("entry-points"),
    )
    if "damage" in table:
        _damage(file, table["damage"])
    for wheel in table.get("wheelhouse", ()):
        make_wheel(location / "wheels", **wheel)
    if (source / "venvoy.toml").exists():
        shutil.copy(source / "venvoy.toml", location)
    return location


def _damage(wheel: Path, damage: str) -> None:
    if damage == "truncated":
        data = wheel.read_bytes()
        wheel.write_bytes(data[: len(data) // 2])
        return
    assert damage == "record"
    with zipfile.ZipFile(wheel) as archive:
        members = {each.filename: archive.read(each) for each in archive.infolist()}
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, data in members.items():
            archive.writestr(path, data + b"# tampered\n" if path.endswith(".py") else data)


def write_config(target: Path, /, **keys: object) -> Path:
    """Write a connector's file; `_` in a key is a dot."""
    target.write_text("".join(f"{key.replace('_', '.')}={value}\n" for key, value in keys.items()))
    return target


def write_worker(target: Path, place: Path, /, **keys: object) -> Path:
    """Write a worker's file for one place."""
    return write_config(target, **({"plugin_path": place} | keys))
