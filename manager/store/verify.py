"""Trying an environment's entry points, each once, in a host that is thrown away.

The host (`venvoy_host verify`) imports, checks and constructs; the answer comes back through a
descriptor of its own, so that plugins may print. When a plugin takes the host with it, each entry
point is tried in a host of its own, so that its siblings stay usable.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from manager.digests import JsonValue
from manager.plugins.entry_points import EntryPoint
from manager.proc import ProcessTimeoutError, child_environment, inherited, run
from manager.store.api_copies import ApiCopy
from manager.store.verification import EntryPointResult, Verification, remedy_for

__all__ = ["verify"]

_TIMEOUT_S = 120


def verify(
    environment_dir: Path,
    api: ApiCopy,
    entry_points: Sequence[EntryPoint],
    *,
    environ: Mapping[str, str] | None = None,
    timeout_s: float = _TIMEOUT_S,
) -> Verification:
    """Try the entry points of the environment at `environment_dir`, staged or published.

    `environ` is the worker's own environment, this process's if None; the host gets the allowed
    part of it. A plugin that hangs is given up after `timeout_s`. Never raises for a plugin's
    fault: it stands in the result.
    """
    python = environment_dir / "bin" / "python"
    env = child_environment(inherited() if environ is None else environ)
    results = _try(python, api, entry_points, env, timeout_s)
    if isinstance(results, str) and len(entry_points) > 1:
        tried = [_try(python, api, [each], env, timeout_s) for each in entry_points]
    else:
        tried = [results]
    flat: list[EntryPointResult] = []
    for index, outcome in enumerate(tried):
        if isinstance(outcome, str):
            flat.append(_crashed(entry_points[index], outcome))
        else:
            flat.extend(outcome)
    return Verification(api_version=str(api.version), api_digest=api.digest, results=tuple(flat))


def _try(
    python: Path,
    api: ApiCopy,
    entry_points: Sequence[EntryPoint],
    env: Mapping[str, str],
    timeout_s: float,
) -> list[EntryPointResult] | str:
    """Return a result for each, or why the host gave no answer."""
    if not entry_points:
        return []
    question = {
        "entry_points": [
            {
                "type": each.type.value,
                "name": each.name,
                "module": each.module,
                "qualname": each.qualname,
            }
            for each in entry_points
        ]
    }
    with tempfile.TemporaryFile() as answer:
        argv: list[str | Path] = [
            python,
            "-I",
            "-S",
            "-B",
            api.host,
            "verify",
            "--result-fd",
            str(answer.fileno()),
        ]
        try:
            done = run(
                argv,
                env=env,
                cwd=None,
                timeout_s=timeout_s,
                input=json.dumps(question),
                pass_fds=[answer.fileno()],
            )
        except ProcessTimeoutError:
            return f"did not end within {timeout_s:g} s"
        answer.seek(0)
        text = answer.read()
    try:
        rows = json.loads(text)["results"]
    except (ValueError, KeyError, TypeError):
        return _last_words(done.returncode, done.stderr)
    return [_result(each, row) for each, row in zip(entry_points, rows, strict=True)]


def _result(entry_point: EntryPoint, row: Mapping[str, JsonValue]) -> EntryPointResult:
    error = cast("Mapping[str, str | None] | None", row.get("error"))
    kind = module = None
    message = ""
    if error is not None:
        kind, module = error.get("kind") or "error", error.get("module")
        message = error.get("message") or ""
    version = row.get("version")
    return EntryPointResult(
        type=entry_point.type.value,
        name=entry_point.name,
        class_name=entry_point.class_name,
        kind=kind,
        message=message,
        module=module,
        version=version if isinstance(version, str) else None,
        remedy=None if kind is None else remedy_for(kind, module, message),
    )


def _crashed(entry_point: EntryPoint, reason: str) -> EntryPointResult:
    return EntryPointResult(
        type=entry_point.type.value,
        name=entry_point.name,
        class_name=entry_point.class_name,
        kind="crash",
        message=f"trying {entry_point.class_name} {reason}",
        module=None,
        version=None,
        remedy=remedy_for("crash", None, reason),
    )


def _last_words(returncode: int, stderr: str) -> str:
    how = f"signal {-returncode}" if returncode < 0 else f"exit code {returncode}"
    said = stderr.strip().splitlines()
    return f"ended its host with {how}" + (f": {said[-1]}" if said else "")
