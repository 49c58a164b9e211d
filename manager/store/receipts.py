"""Receipts: what a published thing says of itself, written last and read first.

`wheel.json` lies in each unpacked wheel, `receipt.json` in each environment. A directory without
a readable receipt is no wheel and no environment, whatever else it holds.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from manager.digests import JsonValue, environment_digest
from manager.errors import VenvoyError
from manager.json_fields import BadFieldError, Fields, read_fields
from manager.store.verification import Verification, verification_from_json, verification_to_json
from manager.store.wheels import Script

__all__ = [
    "ENVIRONMENT_RECEIPT",
    "SCHEMA",
    "WHEEL_RECEIPT",
    "Receipt",
    "UnreadableReceiptError",
    "WheelReceipt",
    "dump_receipt",
    "dump_wheel_receipt",
    "read_receipt",
    "read_wheel_receipt",
]

SCHEMA: Final = 1
WHEEL_RECEIPT: Final = "wheel.json"
ENVIRONMENT_RECEIPT: Final = "receipt.json"


class UnreadableReceiptError(VenvoyError):
    """A receipt is missing, damaged, or of a venvoy newer than this one."""

    code = "unreadable-receipt"

    def __init__(self, *, file: Path, reason: str) -> None:
        super().__init__(file)
        self.file = file
        self.reason = reason

    @property
    def message(self) -> str:
        """The file and what is wrong with it."""
        return f"the receipt `{self.file}` cannot be used: {self.reason}"

    @property
    def hint(self) -> str:
        """How to come by a good one."""
        return "run `venvoy plugins sync` to make it again, or use the venvoy that wrote it"


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelReceipt:
    """What an unpacked wheel holds, worked out once when it entered the store.

    `tops` are the names right below `site/`; `real_directories` (relative to `site/`, parents
    first) must be real directories in an environment, because native libraries in them look for
    others outside this wheel; `framework` are the tops that an environment leaves out, because
    they would stand in for the API; `programs` are the names below `bin/`, of which `rewritten`
    ask for `#!python`; `uncompiled` are the sources that are not Python of this tag.
    """

    name: str
    version: str
    sha256: str
    tags: tuple[str, ...]
    bytecode_tag: str
    tops: tuple[str, ...]
    real_directories: tuple[str, ...]
    framework: tuple[str, ...]
    scripts: tuple[Script, ...]
    programs: tuple[str, ...]
    rewritten: tuple[str, ...]
    has_data: bool
    has_headers: bool
    uncompiled: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What an environment is: its name's whole digest and all that went into it.

    `wheels` are (name, version, sha256), sorted; `created` is ISO 8601 in UTC; `verification` is
    None when its entry points were not tried.
    """

    digest: str
    interpreter: Mapping[str, JsonValue]
    wheels: tuple[tuple[str, str, str], ...]
    warnings: tuple[str, ...]
    verification: Verification | None
    created: str


def dump_wheel_receipt(receipt: WheelReceipt) -> bytes:
    """Write a wheel's receipt down."""
    return _dump(
        {
            "schema": SCHEMA,
            "name": receipt.name,
            "version": receipt.version,
            "sha256": receipt.sha256,
            "tags": receipt.tags,
            "bytecode_tag": receipt.bytecode_tag,
            "tops": receipt.tops,
            "real_directories": receipt.real_directories,
            "framework": receipt.framework,
            "scripts": [[each.name, each.module, each.attribute] for each in receipt.scripts],
            "programs": receipt.programs,
            "rewritten": receipt.rewritten,
            "has_data": receipt.has_data,
            "has_headers": receipt.has_headers,
            "uncompiled": receipt.uncompiled,
        }
    )


def read_wheel_receipt(directory: Path) -> WheelReceipt:
    """Read the receipt of an unpacked wheel; raises `UnreadableReceiptError`."""
    file = directory / WHEEL_RECEIPT
    known = _read(file)
    try:
        return WheelReceipt(
            name=known.text("name"),
            version=known.text("version"),
            sha256=known.text("sha256"),
            tags=known.texts("tags"),
            bytecode_tag=known.text("bytecode_tag"),
            tops=_names(known, "tops"),
            real_directories=_paths(known, "real_directories"),
            framework=_names(known, "framework"),
            scripts=tuple(
                Script(name=_name("scripts", name), module=module, attribute=attribute)
                for name, module, attribute in known.rows("scripts", 3)
            ),
            programs=_names(known, "programs"),
            rewritten=_names(known, "rewritten"),
            has_data=known.flag("has_data"),
            has_headers=known.flag("has_headers"),
            uncompiled=known.texts("uncompiled"),
        )
    except BadFieldError as error:
        raise UnreadableReceiptError(file=file, reason=str(error)) from error


def dump_receipt(receipt: Receipt) -> bytes:
    """Write an environment's receipt down."""
    checked = receipt.verification
    return _dump(
        {
            "schema": SCHEMA,
            "digest": receipt.digest,
            "interpreter": receipt.interpreter,
            "wheels": receipt.wheels,
            "warnings": receipt.warnings,
            "verification": None if checked is None else verification_to_json(checked),
            "created": receipt.created,
        }
    )


def read_receipt(directory: Path) -> Receipt:
    """Read the receipt of an environment; raises `UnreadableReceiptError`."""
    file = directory / ENVIRONMENT_RECEIPT
    known = _read(file)
    try:
        receipt = Receipt(
            digest=known.text("digest"),
            interpreter=known.fields("interpreter").mapping(),
            wheels=tuple(
                (name, version, sha256) for name, version, sha256 in known.rows("wheels", 3)
            ),
            warnings=known.texts("warnings"),
            verification=verification_from_json(known.fields("verification"))
            if known.has("verification")
            else None,
            created=known.text("created"),
        )
        # What it is must be what it is called: so nothing that starts it can have changed.
        is_right = environment_digest(receipt.wheels, receipt.interpreter) == receipt.digest
    except (BadFieldError, TypeError) as error:
        raise UnreadableReceiptError(file=file, reason=str(error)) from error
    if not is_right:
        reason = "its `digest` is not that of its wheels and its interpreter"
        raise UnreadableReceiptError(file=file, reason=reason)
    return receipt


def _dump(value: JsonValue) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True).encode() + b"\n"


def _read(file: Path) -> Fields:
    try:
        known = read_fields(file)
        schema = known.number("schema")
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnreadableReceiptError(file=file, reason=reason) from error
    except BadFieldError as error:
        raise UnreadableReceiptError(file=file, reason=str(error)) from error
    if schema != SCHEMA:
        reason = f"it has schema {schema}, and this venvoy knows {SCHEMA}"
        raise UnreadableReceiptError(file=file, reason=reason)
    return known


def _names(known: Fields, field: str) -> tuple[str, ...]:
    """Return names in one directory: links are made of them, and must not lead out of it."""
    return tuple(_name(field, name) for name in known.texts(field))


def _name(field: str, name: str) -> str:
    if "/" in name or "\0" in name or name in ("", ".", ".."):
        raise BadFieldError(f"its `{field}` holds `{name}`, which is no file's name")
    return name


def _paths(known: Fields, field: str) -> tuple[str, ...]:
    """Return relative paths that stay below where they start."""
    for path in known.texts(field):
        for part in path.split("/"):
            _name(field, part)
    return known.texts(field)
