"""`venvoy plugins check`, `venvoy sbom`, `venvoy diff`: what plugins are made of, and whether."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bundler.checking_repository import CheckedLocation, check_locations, record_digests
from bundler.difference import Change, Difference, compare
from bundler.inventory import inventory_of
from launcher import render
from launcher.commands.bundle_commands import content_at
from launcher.commands.plugin_commands import tell_errors
from launcher.commands.plugin_places import PluginPlaces, named_locations, open_places
from launcher.planning.workplace import open_context
from manager.errors import UnwritableError
from manager.fs import write_file_atomically

if TYPE_CHECKING:
    from manager.errors import VenvoyError

__all__ = ["check_command", "diff_command", "sbom_command"]

_FILES_SHOWN = 40


def check_command(
    places: PluginPlaces,
    *,
    names: Sequence[str],
    update: bool,
    as_json: bool,
) -> int:
    """Check locations and print one table; 1 when anything is not as it should be."""
    with render.progress(quiet=as_json) as progress:
        workplace = open_places(places, names, progress=progress, offline=True, frozen=True)
        contents = named_locations(workplace, names)
        checked = check_locations(workplace.context, contents)
        if update:
            for file in record_digests(contents, checked):
                render.note(f"recorded digests in {file}")
            checked = check_locations(workplace.context, contents)
    errors = [problem.error for problem in workplace.catalog.broken]
    code = 0 if all(one.ok for one in checked) and not errors else 1
    if as_json:
        data = [_checked_as_json(one) for one in checked]
        render.json_envelope("plugins check", data, errors=errors, exit_code=code)
        return code
    rows = [
        (one.path.name, outcome.question, outcome.state, outcome.detail)
        for one in checked
        for outcome in one.outcomes
    ]
    render.table(("location", "check", "state", ""), rows)
    tell_errors(errors)
    return code


def sbom_command(
    places: PluginPlaces,
    *,
    paths: Sequence[Path],
    output: Path | None,
) -> int:
    """Write the bill of materials of those paths, or of a whole plugin path."""
    from bundler.sbom import make_sbom  # noqa: PLC0415  # costs all other commands 0.1 s

    errors: list[VenvoyError] = []
    with render.progress() as progress:
        if paths:
            context, _ = open_context(progress=progress, offline=True, frozen=True)
            contents = [content_at(context, path) for path in paths]
        else:
            workplace = open_places(places, progress=progress, offline=True, frozen=True)
            contents = list(workplace.catalog.locations)
            errors = [problem.error for problem in workplace.catalog.broken]
        told = make_sbom([inventory_of(content) for content in contents])
    if output is None:
        render.raw(told.decode().rstrip("\n"))
    else:
        _write(output, told)
    tell_errors(errors)
    return 1 if errors else 0


def _write(file: Path, data: bytes) -> None:
    try:
        write_file_atomically(file.absolute(), data)
    except OSError as error:
        raise UnwritableError(path=file, reason=error.strerror or str(error)) from error


def diff_command(before: Path, after: Path, *, as_json: bool) -> int:
    """Tell what changed between two locations or bundles."""
    with render.progress(quiet=as_json) as progress:
        context, _ = open_context(progress=progress)
        found = compare(context, content_at(context, before), content_at(context, after))
    if as_json:
        render.json_envelope("diff", found.as_json())
        return 0
    _tell_difference(found)
    return 0


def _tell_difference(found: Difference) -> None:
    old, new = found.before, found.after
    render.line(f"{old.name} {old.version} -> {new.name} {new.version}")
    rows = [(one.name, one.kind, one.before or "", one.after or "") for one in found.packages]
    render.table(("package", "", "before", "after"), rows)
    shown = found.files[:_FILES_SHOWN]
    render.table(("file", ""), [(one.name, one.kind) for one in shown])
    if len(found.files) > len(shown):
        render.line(f"and {len(found.files) - len(shown)} more files; `--json` names all")
    counts = ", ".join(f"{_count(found.files, kind)} {kind}" for kind in _KINDS)
    megabytes = f"{found.size_before / 1e6:.2f} MB -> {found.size_after / 1e6:.2f} MB"
    render.line(f"files: {counts}; wheels: {megabytes}")
    if found.unseen:
        render.note(f"not at hand, so not compared: {', '.join(found.unseen)}")


_KINDS = ("added", "removed", "changed")


def _count(changes: Sequence[Change], kind: str) -> int:
    return sum(one.kind == kind for one in changes)


def _checked_as_json(one: CheckedLocation) -> dict[str, object]:
    return {
        "location": str(one.path),
        "ok": one.ok,
        "digest": one.digest,
        "checks": [
            {
                "check": each.question,
                "state": each.state,
                "detail": each.detail,
                "missing": [{"file": a.filename, "sha256": a.sha256} for a in each.missing],
            }
            for each in one.outcomes
        ],
    }
