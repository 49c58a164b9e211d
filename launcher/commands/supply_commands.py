"""`venvoy plugins vendor`, and what else serves machines without a network."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from bundler.site_manifest import SiteManifest
from bundler.transfer import export_site, import_site
from bundler.vendoring import Vendored, vendor_location
from launcher import render
from launcher.commands.plugin_commands import tell_errors
from launcher.commands.plugin_places import (
    PluginPlaces,
    named_locations,
    named_paths,
    open_places,
)
from launcher.planning.workplace import Workplace
from launcher.settings import SHARED_DIR, store_dir
from manager.digests import file_sha256
from manager.errors import ProblemsError, VenvoyError
from manager.plugins.location_content import LocationContent
from manager.plugins.location_faults import attempt
from manager.plugins.locations import Shape
from manager.store.store import Store

__all__ = ["export_command", "import_command", "vendor_command"]


class NothingToExportError(VenvoyError):
    """No location is there that an archive could hold."""

    code = "nothing-to-export"

    @property
    def message(self) -> str:
        """That there is none."""
        return "the plugin path has no location to export"

    @property
    def hint(self) -> str:
        """What shows what is there."""
        return "`venvoy plugins list` shows what a plugin path holds"


def vendor_command(
    places: PluginPlaces,
    *,
    names: Sequence[str],
    prune: bool,
    offline: bool,
    frozen: bool,
    as_json: bool,
) -> int:
    """Fill wheelhouses; 1 when one could not be completed."""
    done: list[Vendored] = []
    errors: list[VenvoyError] = []
    with render.progress(quiet=as_json) as progress:
        workplace = open_places(places, names, progress=progress, offline=offline, frozen=frozen)
        for content in named_locations(workplace, names):
            if content.location.shape is Shape.BUNDLE:  # all that it needs is inside
                continue
            vendored = attempt(
                content.location.path,
                lambda one=content: vendor_location(workplace.context, one, prune=prune),  # type: ignore[misc]
            )
            if isinstance(vendored, VenvoyError):
                errors.append(vendored)
            else:
                done.append(vendored)
    errors += [problem.error for problem in workplace.catalog.broken]
    code = 1 if errors else 0
    if as_json:
        data = [
            {
                "location": str(one.location.path),
                "wheels": one.wheels,
                "size_bytes": one.size_bytes,
                "added": [file.name for file in one.added],
                "removed": [file.name for file in one.removed],
                "superfluous": [file.name for file in one.superfluous],
                "lock_changed": one.lock_changed,
            }
            for one in done
        ]
        render.json_envelope("plugins vendor", data, errors=errors, exit_code=code)
        return code
    rows = [
        (
            one.location.name,
            str(one.wheels),
            f"{one.size_bytes / 1e6:.1f} MB",
            str(len(one.added)),
            str(len(one.removed)),
        )
        for one in done
    ]
    render.table(("location", "wheels", "size", "added", "removed"), rows)
    for one in done:
        if one.superfluous:
            names_left = ", ".join(file.name for file in one.superfluous)
            render.note(f"{one.location.name}: nothing needs {names_left}; `--prune` removes it")
    tell_errors(errors)
    return code


def export_command(
    places: PluginPlaces,
    *,
    names: Sequence[str],
    output: Path,
    as_json: bool,
) -> int:
    """Write vendored locations into one archive."""
    with render.progress(quiet=as_json) as progress:
        workplace = open_places(places, names, progress=progress, offline=True, frozen=True)
        contents = named_locations(workplace, names)
        _require_usable(workplace, contents, names)
        done = export_site(workplace.context, contents, output, api_dir=SHARED_DIR)
    data = {
        "archive": str(done.archive),
        "size_bytes": done.size_bytes,
        "sha256": file_sha256(done.archive),
        "files": len(done.manifest.files),
        "locations": [one.name for one in done.manifest.locations],
    }
    if as_json:
        render.json_envelope("export", data)
        return 0
    _site_table(done.manifest, output)
    render.note(f"wrote {output}: {done.size_bytes / 1e6:.1f} MB, sha256 {data['sha256']}")
    return 0


def _require_usable(
    workplace: Workplace, contents: Sequence[LocationContent], names: Sequence[str]
) -> None:
    """Refuse to export less than was asked for: an archive that lacks a plugin would look whole."""
    chosen = named_paths(workplace, names)
    problems = (*workplace.catalog.broken, *workplace.catalog.warnings)
    if names:
        errors = [one.error for one in problems if one.path in chosen]
    else:
        errors = [one.error for one in workplace.catalog.broken]
    if errors:
        raise ProblemsError(subject="the export", problems=errors)
    if not contents:
        raise NothingToExportError


def import_command(archive: Path, place: Path, *, replace: bool, as_json: bool) -> int:
    """Place the locations of an archive, all of them or none."""
    api = Store(store_dir()).put_api(SHARED_DIR).version
    done = import_site(archive, place, replace=replace, api=api)
    data = {
        "place": str(place),
        "api": done.manifest.api_version,
        "locations": [one.name for one in done.manifest.locations],
        "replaced": list(done.replaced),
    }
    if as_json:
        render.json_envelope("import", data)
        return 0
    _site_table(done.manifest, place)
    if done.manifest.api_version != str(api):
        render.note(f"exported with venvoy-api {done.manifest.api_version}, and {api} runs here")
    shown = shlex.quote(str(place))
    render.note(f"placed; `venvoy plugins sync --offline --frozen --plugin-path {shown}` goes on")
    return 0


def _site_table(manifest: SiteManifest, where: Path) -> None:
    rows = [
        (plugin.type, plugin.class_name, plugin.version, str(where / one.name), one.digest[:12])
        for one in manifest.locations
        for plugin in one.plugins
    ]
    render.table(("type", "class", "version", "location", "digest"), rows)
