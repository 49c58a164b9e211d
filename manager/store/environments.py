"""Environments: virtualenvs that are named by what is in them and made of links into the store.

::

    environments/<digest[:40]>/
      pyvenv.cfg bin/python …           the skeleton of its interpreter (`skeletons`)
      lib/python3.12/site-packages/     links to wheels/<sha256>/<tag>/site/… (`links`)
      bin/<program>                     generated, run bin/python by path (`scripts`)
      receipt.json                      written last (`receipts`)

Nothing is copied and no process is started, so making one from stored wheels takes milliseconds.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import cast

from manager.digests import JsonValue, environment_digest
from manager.errors import VenvoyError
from manager.fs import publish, remove, staging
from manager.interpreters.interpreter import Interpreter
from manager.store.layout import Layout, StoredWheel
from manager.store.links import plan_links
from manager.store.receipts import (
    ENVIRONMENT_RECEIPT,
    WHEEL_RECEIPT,
    Receipt,
    UnreadableReceiptError,
    dump_receipt,
    read_receipt,
)
from manager.store.skeletons import get_skeleton
from manager.store.verification import Verification

__all__ = [
    "Environment",
    "EnvironmentPlan",
    "UnfitWheelError",
    "find_environment",
    "make_environment",
    "plan_environment",
    "unhealthy",
]


class UnfitWheelError(VenvoyError):
    """A wheel cannot be part of an environment: wrong platform, or there twice."""

    code = "unfit-wheel"

    def __init__(self, *, wheel: str, reason: str) -> None:
        super().__init__(wheel, reason)
        self.wheel = wheel
        self.reason = reason

    @property
    def message(self) -> str:
        """The wheel and why."""
        return f"{self.wheel} cannot be put into the environment: {self.reason}"

    @property
    def hint(self) -> str:
        """Where the choice was made."""
        return "run `venvoy plugins lock` for this interpreter, or correct the lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentPlan:
    """What an environment is to be; equal plans have equal digests."""

    digest: str
    wheels: tuple[StoredWheel, ...]
    interpreter: Interpreter


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A published environment: immutable, complete, found by its digest.

    `python` is its own interpreter, to be started as it is: a link, never to be resolved.
    """

    path: Path
    digest: str
    receipt: Receipt

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.path / "bin" / "python"


def plan_environment(wheels: Sequence[StoredWheel], interpreter: Interpreter) -> EnvironmentPlan:
    """Plan an environment from stored wheels in any order; touches no disk.

    Raises `UnfitWheelError` for a wheel that does not fit the interpreter or is there twice.
    """
    tags = frozenset(interpreter.tags)
    ordered = sorted(wheels, key=lambda wheel: (wheel.receipt.name, wheel.receipt.version))
    for wheel, following in pairwise(ordered):
        if wheel.receipt.name == following.receipt.name:
            raise UnfitWheelError(wheel=str(wheel), reason=f"{following} is to be there, too")
    for wheel in ordered:
        if tags.isdisjoint(wheel.receipt.tags):
            built_for = ", ".join(wheel.receipt.tags)
            raise UnfitWheelError(
                wheel=str(wheel), reason=f"it is built for {built_for}, not for {interpreter}"
            )
    names = [(one.receipt.name, one.receipt.version, one.receipt.sha256) for one in ordered]
    return EnvironmentPlan(
        digest=environment_digest(names, interpreter.identity),
        wheels=tuple(ordered),
        interpreter=interpreter,
    )


def find_environment(layout: Layout, digest: str) -> Environment | None:
    """Return the environment of that digest if it is there and sound, else None."""
    environment = _read(layout, digest)
    return environment if environment and unhealthy(environment) is None else None


def make_environment(
    layout: Layout,
    plan: EnvironmentPlan,
    *,
    verify: Callable[[Environment], Verification] | None = None,
) -> Environment:
    """Return the planned environment, making it unless it is there and sound.

    `verify` tries the entry points in the staged environment; whatever it finds stands in the
    receipt. Raises `FileCollisionError`; then nothing has been made.
    """
    found = find_environment(layout, plan.digest)
    if found is not None:
        return found
    with layout.lock("environment", plan.digest):
        found = find_environment(layout, plan.digest)
        if found is not None:
            return found
        final = layout.environment_dir(plan.digest)
        if os.path.lexists(final):  # damaged
            remove(final, store_root=layout.root)
        with staging(layout.root) as room:
            receipt = _stage(layout, plan, room / "environment", final, verify)
            last = (ENVIRONMENT_RECEIPT, dump_receipt(receipt))
            publish(room / "environment", final, last=last)
    return Environment(path=final, digest=plan.digest, receipt=receipt)


def unhealthy(environment: Environment) -> str | None:
    """Return why an environment cannot be started, None when it can.

    Looks at its interpreter and at its wheels' receipts; reads no content.
    """
    identity = environment.receipt.interpreter
    try:
        status = environment.python.stat()
    except OSError:
        return f"its interpreter `{identity.get('real_path')}` is gone"
    if (status.st_size, status.st_mtime_ns) != (identity["size_bytes"], identity["mtime_ns"]):
        return f"its interpreter `{identity.get('real_path')}` has changed"
    wheels_dir = environment.path.parent.parent / "wheels"
    tag = str(identity["cache_tag"]) or "none"
    for name, version, sha256 in environment.receipt.wheels:
        if not os.path.exists(f"{wheels_dir}/{sha256[:40]}/{tag}/{WHEEL_RECEIPT}"):  # noqa: PTH110
            return f"its wheel {name} {version} is no longer in the store"
    return None


def _read(layout: Layout, digest: str) -> Environment | None:
    path = layout.environment_dir(digest)
    try:
        receipt = read_receipt(path)
    except UnreadableReceiptError:
        return None
    if receipt.digest != digest:
        return None
    return Environment(path=path, digest=digest, receipt=receipt)


def _stage(
    layout: Layout,
    plan: EnvironmentPlan,
    room: Path,
    final: Path,
    verify: Callable[[Environment], Verification] | None,
) -> Receipt:
    """Build the environment in `room` as it will stand at `final`, and return its receipt."""
    interpreter = plan.interpreter
    skeleton = get_skeleton(interpreter, directory=layout.skeletons_dir, store_root=layout.root)
    links = plan_links(plan.wheels, skeleton, final / "bin" / "python")
    room.mkdir()
    skeleton.write(room)
    root = str(room)
    for path in links.directories:
        os.mkdir(f"{root}/{path}", 0o755)  # noqa: PTH102  # pathlib doubles the time of this
    for path, target in links.links:
        os.symlink(target, f"{root}/{path}")  # noqa: PTH211
    for path, content in links.files:
        file = os.open(f"{root}/{path}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o755)
        with os.fdopen(file, "wb") as stream:
            stream.write(content)
    receipt = Receipt(
        digest=plan.digest,
        interpreter=cast("Mapping[str, JsonValue]", interpreter.identity),
        wheels=tuple((w.receipt.name, w.receipt.version, w.receipt.sha256) for w in plan.wheels),
        warnings=_warnings(plan.wheels),
        verification=None,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    if verify is not None:
        staged = Environment(path=room, digest=plan.digest, receipt=receipt)
        receipt = replace(receipt, verification=verify(staged))
    return receipt


def _warnings(wheels: Sequence[StoredWheel]) -> tuple[str, ...]:
    return tuple(
        f"{wheel} ships `{top}`, which only venvoy provides: it was left out"
        for wheel in wheels
        for top in wheel.receipt.framework
    )
