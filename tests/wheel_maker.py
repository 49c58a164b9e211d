"""Writes real wheels with `zipfile`, so that tests need no build tool and no network."""

import base64
import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

EntryPoints = Mapping[str, Mapping[str, str]]


def record_line(name: str, data: bytes) -> str:
    """One line of RECORD: name, sha256 in url-safe base64 without padding, size."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(data)}\n"


def make_wheel(
    directory: Path,
    name: str,
    version: str,
    *,
    files: Mapping[str, str | bytes] | None = None,
    requires: Sequence[str] = (),
    entry_points: EntryPoints | None = None,
    requires_python: str | None = None,
    tag: str = "py3-none-any",
    extra_metadata: str = "",
    executable: Sequence[str] = (),
) -> Path:
    """Write `name-version-tag.whl` into `directory` and return its path.

    `files` maps names inside the wheel to text or bytes (default: one module named after the
    distribution); `entry_points` maps group -> name -> "module:object".
    """
    stem = name.replace("-", "_").replace(".", "_")
    info = f"{stem}-{version}.dist-info"
    members: dict[str, bytes] = {
        path: data.encode() if isinstance(data, str) else data
        for path, data in (files if files is not None else {f"{stem}.py": "VALUE = 1\n"}).items()
    }
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    if requires_python is not None:
        metadata += f"Requires-Python: {requires_python}\n"
    metadata += "".join(f"Requires-Dist: {line}\n" for line in requires) + extra_metadata
    members[f"{info}/METADATA"] = metadata.encode()
    pure = "true" if tag.endswith("-none-any") else "false"
    wheel = f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: {pure}\nTag: {tag}\n"
    members[f"{info}/WHEEL"] = wheel.encode()
    if entry_points:
        text = "".join(
            f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in table.items()) + "\n"
            for group, table in entry_points.items()
        )
        members[f"{info}/entry_points.txt"] = text.encode()
    record = "".join(record_line(path, data) for path, data in members.items())
    members[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / f"{stem}-{version}-{tag}.whl"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in members.items():
            member = zipfile.ZipInfo(path, date_time=(2020, 1, 1, 0, 0, 0))
            member.external_attr = (0o755 if path in executable else 0o644) << 16
            archive.writestr(member, data, zipfile.ZIP_DEFLATED)
    return file
