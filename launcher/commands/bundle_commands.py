"""`venvoy bundle`: make one, `--check` one against its location, `inspect` one."""

import shlex
from pathlib import Path

from bundler.bundle import difference, make_bundle
from bundler.inspection import Inspection, inspect_bundle, inspect_location
from launcher import render
from launcher.planning.workplace import open_context
from manager.errors import UsageError, VenvoyError
from manager.locks.sync_context import SyncContext
from manager.plugins.location_content import LocationContent, read_location
from manager.plugins.plugin_path import location_at
from manager.sync import wheel_of

__all__ = ["bundle_command", "content_at", "inspect_command"]


class DifferentBundleError(VenvoyError):
    """A bundle is not what its location gives."""

    code = "different-bundle"

    def __init__(self, *, file: Path, location: Path, member: str) -> None:
        super().__init__(file, location, member)
        self.file = file
        self.location = location
        self.member = member

    @property
    def message(self) -> str:
        """Both, and where they part."""
        return f"`{self.file}` is not what `{self.location}` gives: `{self.member}` differs"

    @property
    def hint(self) -> str:
        """How to make them agree."""
        location, file = shlex.quote(str(self.location)), shlex.quote(str(self.file))
        return f"run `venvoy bundle {location} -o {file}` to make it anew"


def bundle_command(
    location: Path,
    *,
    output: Path | None,
    check: Path | None,
    offline: bool,
    frozen: bool,
    as_json: bool,
) -> int:
    """Make a bundle, or rebuild one and compare; 1 when they differ."""
    if (output is None) == (check is None):
        raise UsageError(
            what="say either where the bundle goes or which one is to be checked",
            remedy="give `-o FILE.pyz` or `--check FILE.pyz`",
        )
    with render.progress(quiet=as_json) as progress:
        context, _ = open_context(progress=progress, offline=offline, frozen=frozen)
        content = content_at(context, location)
        if check is not None:
            member = difference(context, content, check)
            if member is not None:
                raise DifferentBundleError(file=check, location=location, member=member)
            made = None
        else:
            if output is None or output.suffix != ".pyz":
                raise UsageError(
                    what=f"`{output}` does not end in `.pyz`, so no plugin path would find it",
                    remedy="name the bundle `….pyz`",
                )
            made = make_bundle(context, content, output.absolute())
    if made is None:
        if as_json:
            render.json_envelope("bundle", {"bundle": str(check), "reproducible": True})
        else:
            render.line(f"{check} is what {location} gives, byte for byte")
        return 0
    data = {
        "bundle": str(output),
        "sha256": made.sha256,
        "size": made.size_bytes,
        "plugin_digest": made.contents.plugin_digest,
        "targets": [each.name for each in made.contents.targets],
        "wheels": len(made.contents.wheels),
    }
    if as_json:
        render.json_envelope("bundle", data)
        return 0
    columns = ("bundle", "size", "wheels", "targets", "sha256")
    targets = " ".join(each.name for each in made.contents.targets)
    row = (str(output), _size(made.size_bytes), str(len(made.contents.wheels)), targets)
    render.table(columns, [(*row, made.sha256)])
    return 0


def inspect_command(path: Path, *, as_json: bool) -> int:
    """Tell what is in a bundle, or in a location's lock; every byte of a bundle is checked."""
    found = inspect_bundle(path) if path.is_file() and path.suffix == ".pyz" else None
    if found is None:
        context, _ = open_context(progress=lambda _: None)
        found = inspect_location(content_at(context, path))
    if as_json:
        render.json_envelope("bundle inspect", found.as_json())
        return 0
    _tell(found)
    return 0


def _tell(found: Inspection) -> None:
    facts = {
        "name": f"{found.name} {found.version}",
        "targets": " ".join(found.targets),
        "needs Python": found.requires_python or "any",
        "needs the API": found.api_requirement or "any",
        "plugin digest": found.plugin_digest,
        "manifest": found.sha256,
    }
    for name, value in facts.items():
        if value:
            render.line(f"{name:<14} {value}")
    render.table(("type", "class", "version"), found.plugins)
    rows = [
        (one.name, one.version, _size(one.size_bytes), one.sha256, one.file) for one in found.wheels
    ]
    render.table(("package", "version", "size", "sha256", "wheel"), rows)


def content_at(context: SyncContext, path: Path) -> LocationContent:
    """Read the location at a path; raises what is wrong with it."""
    found = location_at(path)
    content, problems = read_location(found, build=lambda one: wheel_of(context, one))
    for problem in problems:
        if content is None or problem.severity == "error":
            raise problem.error
    if content is None:  # a location without content has told why
        raise UsageError(what=f"`{path}` holds no plugin", remedy="name a plugin's location")
    return content


def _size(size_bytes: int | None) -> str:
    return "" if size_bytes is None else f"{size_bytes / 1e6:.2f} MB"
