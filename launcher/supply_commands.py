"""`venvoy plugins vendor`, and what else serves machines without a network."""

from collections.abc import Sequence
from pathlib import Path

from bundler.vendoring import Vendored, vendor_location
from launcher import render
from launcher.plugin_commands import chosen_plugin_path, named_locations, tell_errors
from launcher.workplace import open_workplace
from manager.errors import VenvoyError

__all__ = ["vendor_command"]


def vendor_command(
    plugin_path: str | None,
    worker_config: Path | None,
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
        path = chosen_plugin_path(plugin_path, worker_config)
        workplace = open_workplace(path, progress=progress, offline=offline, frozen=frozen)
        for content in named_locations(workplace, names):
            try:
                done.append(vendor_location(workplace.context, content, prune=prune))
            except VenvoyError as error:
                errors.append(error)
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
