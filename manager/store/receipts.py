"""Receipts: what a published thing says of itself, written last and read first.

`wheel.json` lies in each unpacked wheel, `receipt.json` in each environment. A directory without
a readable receipt is no wheel and no environment, whatever else it holds.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from manager.digests import JsonValue
from manager.errors import VenvoyError
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
            name=str(known["name"]),
            version=str(known["version"]),
            sha256=str(known["sha256"]),
            tags=_texts(known["tags"]),
            bytecode_tag=str(known["bytecode_tag"]),
            tops=_texts(known["tops"]),
            real_directories=_texts(known["real_directories"]),
            framework=_texts(known["framework"]),
            scripts=tuple(
                Script(name=name, module=module, attribute=attribute)
                for name, module, attribute in cast("Sequence[Sequence[str]]", known["scripts"])
            ),
            programs=_texts(known["programs"]),
            rewritten=_texts(known["rewritten"]),
            has_data=bool(known["has_data"]),
            has_headers=bool(known["has_headers"]),
            uncompiled=_texts(known["uncompiled"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableReceiptError(file=file, reason=f"it has no good {error}") from error


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
        checked = known["verification"]
        return Receipt(
            digest=str(known["digest"]),
            interpreter=cast("Mapping[str, JsonValue]", known["interpreter"]),
            wheels=tuple(
                (name, version, sha256)
                for name, version, sha256 in cast("Sequence[Sequence[str]]", known["wheels"])
            ),
            warnings=_texts(known["warnings"]),
            verification=None
            if checked is None
            else verification_from_json(cast("Mapping[str, JsonValue]", checked)),
            created=str(known["created"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableReceiptError(file=file, reason=f"it has no good {error}") from error


def _dump(value: JsonValue) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True).encode() + b"\n"


def _read(file: Path) -> Mapping[str, JsonValue]:
    try:
        known = json.loads(file.read_bytes())
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnreadableReceiptError(file=file, reason=reason) from error
    except ValueError as error:
        raise UnreadableReceiptError(file=file, reason="it is no JSON") from error
    if not isinstance(known, dict):
        raise UnreadableReceiptError(file=file, reason="it is no JSON object")
    schema = known.get("schema")
    if schema != SCHEMA:
        reason = f"it has schema {schema}, and this venvoy knows {SCHEMA}"
        raise UnreadableReceiptError(file=file, reason=reason)
    return cast("Mapping[str, JsonValue]", known)


def _texts(value: JsonValue) -> tuple[str, ...]:
    return tuple(str(item) for item in cast("Sequence[str]", value))
