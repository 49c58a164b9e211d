"""pip's last words, shortened to the reason.

Looked at: what pip 26 says of a conflict, of a requirement that nothing meets, of a Python that
does not fit, of a hash that does not match, of a host that does not answer, of a failed build.
"""

import itertools
import re
from collections.abc import Sequence
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import Version

from manager.proc import Completed

__all__ = ["reason_of", "unbuilt_of", "unreachable_host"]

_NO_VERSION: Final = re.compile(
    r"ERROR: Could not find a version that satisfies the requirement (?P<what>.+?)"
    r" \(from versions: (?P<versions>.*)\)\Z"
)
_HOST: Final = re.compile(
    r"host='(?P<host>[^']+)'|Failed to connect to (?:proxy )?(?P<other>\S+)"
    r"|Could not fetch URL https?://(?P<index>[^/:\s]+)"
)
_BROKEN: Final = re.compile(
    r"connection broken by|Failed to connect|connection-failed|Read timed out|Temporary failure"
    r"|confirming the ssl certificate"
)
_YANKED: Final = "ERROR: Ignored the following yanked versions:"
_OTHER_PYTHON: Final = (
    "ERROR: Ignored the following versions that require a different python version:"
)
_PASSED_OVER: Final = re.compile(r"(?P<version>\S+) Requires-Python (?P<python>[^;]+)")
_NO_MATCH: Final = "ERROR: No matching distribution found for"
_UNTRUSTED: Final = "CERTIFICATE_VERIFY_FAILED"
_MARKS: Final = ("\N{MULTIPLICATION SIGN}", "╰─>")
"""What pip puts before what happened and why."""

_BLOCK: Final = re.compile(r"╰─> \[\d+ lines? of output\]")
_UNBUILT: Final = re.compile(r"ERROR: Failed to build '(?P<what>.+)' when ")
_COMPILER_ERROR: Final = re.compile(r"\S+:\d+(?::\d+)?: (?:fatal )?error: ")
_INDENT: Final = len("      ")
_BACKEND_LINES: Final = 3

_VERSIONS_SHOWN: Final = 5
_LINES_SHOWN: Final = 6
_WIDTH: Final = 300


def reason_of(done: Completed) -> str:
    """Return why pip failed, in a few clauses joined by `; `."""
    lines = [*done.stdout.splitlines(), *done.stderr.splitlines()]
    host = unreachable_host(done)
    if host is not None:
        if any(_UNTRUSTED in line for line in lines):
            return f"the certificate of `{host}` is not trusted here (PIP_CERT names a bundle)"
        return f"`{host}` cannot be reached{_asked_for(lines)}"
    for look in (_conflict, _build, _hashes, _errors):
        found = look(lines)
        if found:
            return "; ".join(clause[:_WIDTH] for clause in found)
    last = [line.strip() for line in lines if line.strip()][-1:]
    return last[0][:_WIDTH] if last else f"pip ended with {done.returncode} and said nothing"


def unreachable_host(done: Completed) -> str | None:
    """Return the host that pip could not talk to, or None when that was not the trouble."""
    for line in (*done.stdout.splitlines(), *done.stderr.splitlines()):
        if _BROKEN.search(line):
            found = _HOST.search(line)
            if found is not None:
                return found["host"] or found["other"] or found["index"]
    return None


def unbuilt_of(done: Completed) -> str | None:
    """Return what pip calls the sdist whose metadata it could not have, or None if it had all."""
    for line in (*done.stdout.splitlines(), *done.stderr.splitlines()):
        found = _UNBUILT.match(line)
        if found is not None:
            return found["what"]
    return None


def _asked_for(lines: Sequence[str]) -> str:
    for line in lines:
        found = _NO_VERSION.match(line)
        if found is not None:
            return f" to look for {found['what']}"
    return ""


def _conflict(lines: Sequence[str]) -> list[str]:
    """Return the lines between `The conflict is caused by:` and the next blank one."""
    heads = [index for index, line in enumerate(lines) if line == "The conflict is caused by:"]
    if not heads:
        return []
    said = itertools.takewhile(bool, (line.strip() for line in lines[heads[-1] + 1 :]))
    # pip lists every version of a package that it tried: the first stands for all. Two requirements
    # of one version are two sides of the conflict: both are told.
    by_package: dict[str, dict[str, list[str]]] = {}
    for line in said:
        who, depends, _ = line.partition(" depends on ")
        package = who.partition(" ")[0] if depends else line
        by_package.setdefault(package, {}).setdefault(who, []).append(line)
    found: list[str] = []
    for versions in by_package.values():
        *before, last = next(iter(versions.values()))
        more = f" (and so on for {len(versions)} versions)" if len(versions) > 1 else ""
        found += [*before, last + more]
    if len(found) > _LINES_SHOWN:
        found = [*found[:_LINES_SHOWN], f"and {len(found) - _LINES_SHOWN} more"]
    return found


def _build(lines: Sequence[str]) -> list[str]:
    """Return what a build backend said last, or what pip says of the backend."""
    ends = [index for index, line in enumerate(lines) if line.strip() == "[end of output]"]
    if ends:
        starts = [i for i, line in enumerate(lines[: ends[0]]) if _BLOCK.search(line)]
        said = [line[_INDENT:].rstrip() for line in lines[(starts or [0])[-1] + 1 : ends[0]]]
        return _compiler(said) or _errors(said) or _after_traceback([line for line in said if line])
    if not any(line.startswith("ERROR: Failed to build") for line in lines):
        return []
    marked = [line.strip() for line in lines if line.lstrip().startswith(_MARKS)]
    return [line.lstrip("".join((*_MARKS, " "))) for line in marked]


def _compiler(said: Sequence[str]) -> list[str]:
    """Return a compiler's first errors: what is said after them only tells that there were some."""
    return [line for line in said if _COMPILER_ERROR.match(line)][:_BACKEND_LINES]


def _after_traceback(said: Sequence[str]) -> list[str]:
    """Return the exception with its message, without where it was raised; else the last lines."""
    raised = [index for index, line in enumerate(said) if line.startswith("  File ")]
    after = said[raised[-1] + 1 :] if raised else said
    clauses = [line for line in after if not raised or not line.startswith("  ")]
    return [clause.strip() for clause in clauses[-_BACKEND_LINES:]]


def _hashes(lines: Sequence[str]) -> list[str]:
    heads = [i for i, line in enumerate(lines) if "DO NOT MATCH THE HASHES" in line]
    if not heads:
        return []
    block = [line.strip() for line in lines[heads[-1] + 1 : heads[-1] + 4] if line.strip()]
    return ["the hash does not match: " + " ".join(" ".join(block).split())]


def _errors(lines: Sequence[str]) -> list[str]:
    found: list[str] = []
    for line in lines:
        no_version = _NO_VERSION.match(line)
        if no_version is not None:
            what = no_version["what"]
            found.append(
                _no_version(what, no_version["versions"]) + _for_another_python(what, lines)
            )
        elif line.startswith((_YANKED, _OTHER_PYTHON)) or (line.startswith(_NO_MATCH) and found):
            continue
        elif line.startswith("ERROR: ") and "ResolutionImpossible" not in line:
            found.append(line.removeprefix("ERROR: ").rstrip("."))
    return found[:_LINES_SHOWN]


def _for_another_python(what: str, lines: Sequence[str]) -> str:
    """Tell the newest version that would do on another Python.

    pip lists those of every package that it looked at, without names.
    """
    try:
        wanted = Requirement(what.partition(" (from ")[0]).specifier
    except InvalidRequirement:
        return ""
    said = [line.removeprefix(_OTHER_PYTHON) for line in lines if line.startswith(_OTHER_PYTHON)]
    found = [
        (Version(one["version"]), one["python"]) for one in _PASSED_OVER.finditer("".join(said))
    ]
    fitting = [one for one in found if one[0] in wanted]
    if not fitting:
        return ""
    version, python = max(fitting)
    return f", and for other Pythons, such as {version}, which needs Python {python}"


def _no_version(what: str, versions: str) -> str:
    known = [] if versions == "none" else versions.split(", ")
    if not known:
        return f"nothing is there for {what}"
    shown = ", ".join(known[-_VERSIONS_SHOWN:])
    more = "…, " if len(known) > _VERSIONS_SHOWN else ""
    return f"no version meets {what} (there are: {more}{shown})"
