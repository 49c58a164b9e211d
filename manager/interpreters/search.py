"""Which interpreter a request means: `3.12`, `python3.9`, `>=3.9,<3.11`, a path, or none at all.

Looked at, in this order: the directories of PATH, pyenv's versions, uv's, and the usual places.
Shims (scripts that start another Python) are passed over: they are slow and lie.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from manager.errors import VenvoyError
from manager.interpreters.interpreter import (
    OLDEST,
    Interpreter,
    UnusableInterpreterError,
    base_executable,
    probe,
)

__all__ = [
    "Interpreter",
    "InvalidInterpreterRequestError",
    "MissingInterpreterError",
    "UnusableInterpreterError",
    "find",
    "probe",
    "search_directories",
]

_NAME = re.compile(r"(?:python|pypy)3(?:\.(?P<minor>\d+))?t?\Z")
_VERSION = re.compile(r"(?:(?:python|cpython)-?)?(?P<version>[23](?:\.\d+){0,2})\Z")


class MissingInterpreterError(VenvoyError):
    """No installed interpreter is the one asked for; `plugin` is the location that does, if any.

    `found` are those that would run, `unusable` those that could not say what they are.
    """

    code = "missing-interpreter"

    def __init__(
        self,
        *,
        requested: str,
        found: Sequence[str],
        unusable: Sequence[UnusableInterpreterError] = (),
        plugin: Path | None = None,
    ) -> None:
        super().__init__(requested)
        self.requested = requested
        self.found = tuple(found)
        self.unusable = tuple(unusable)
        self.plugin = plugin

    @property
    def message(self) -> str:
        """What was asked for."""
        if self.plugin is not None:
            return (
                f"`{self.plugin}` asks for Python `{self.requested}`, and no installed one is that"
            )
        return f"no installed Python is `{self.requested}`"

    @property
    def hint(self) -> str:
        """What there is instead."""
        short = {Path(each.partition(" at ")[0]).name for each in self.found}
        there = ", ".join(sorted(short)) or "none"
        broken = "".join(f"; {one.message}" for one in self.unusable)
        return (
            f"found: {there}{broken}; install one that fits, or change `python` in `[tool.venvoy]`"
            " or `requires-python`"
        )


class InvalidInterpreterRequestError(VenvoyError):
    """The text that should name an interpreter means nothing."""

    code = "invalid-interpreter-request"

    def __init__(self, *, requested: str) -> None:
        super().__init__(requested)
        self.requested = requested

    @property
    def message(self) -> str:
        """The text."""
        return f"`{self.requested}` is neither a Python version, nor a specifier, nor a path"

    @property
    def hint(self) -> str:
        """What would be one."""
        return 'write `python = "3.12"`, `">=3.9,<3.11"` or the path of an interpreter'


def find(
    request: str | None,
    requires_python: SpecifierSet | None,
    *,
    default: Path,
    cache_dir: Path,
    search: Sequence[Path],
    progress: Callable[[str], None],
) -> Interpreter:
    """Return the interpreter that a request means.

    The default is taken when it fits, else the newest that does; a path is taken as it is, if
    `requires_python` allows it. `search` is what `search_directories` says. One that might fit
    and cannot be asked is told to `progress`, with its reason. Raises
    `MissingInterpreterError`, `InvalidInterpreterRequestError`, `UnusableInterpreterError`.
    """
    wanted = request.strip() if request else ""
    requirement = requires_python or SpecifierSet()
    if "/" in wanted:
        return _by_path(wanted, requirement, cache_dir)
    allowed = _specifier(wanted)

    def fits(version: str) -> bool:
        return allowed.contains(version, prereleases=True) and requirement.contains(
            version, prereleases=True
        )

    first = probe(default, cache_dir=cache_dir)
    if fits(first.version):
        return first
    likely = _candidates(search, lambda minor: _may_fit(minor, allowed, requirement))
    usable, unusable = _probed(likely, cache_dir)
    fitting = [interpreter for interpreter in usable if fits(interpreter.version)]
    if fitting:
        for fault in unusable:
            progress(f"passed over: {fault.message}")
        return max(fitting, key=_preference)
    asked = ", ".join(part for part in (wanted, str(requirement)) if part)
    # All of them now: what is told as found must be one that runs.
    usable, unusable = _probed(
        _candidates(search, lambda minor: Version(minor) >= OLDEST), cache_dir
    )
    found = sorted({str(interpreter) for interpreter in (first, *usable)})
    raise MissingInterpreterError(requested=asked, found=found, unusable=unusable)


def _probed(
    candidates: Iterator[Path], cache_dir: Path
) -> tuple[list[Interpreter], list[UnusableInterpreterError]]:
    usable: list[Interpreter] = []
    unusable: list[UnusableInterpreterError] = []
    for candidate in candidates:
        try:
            usable.append(probe(candidate, cache_dir=cache_dir))
        except UnusableInterpreterError as error:
            unusable.append(error)
    return usable, unusable


def search_directories(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Return where interpreters may be, from a process's environment variables, in order."""
    directories = [Path(part) for part in environment.get("PATH", "").split(":") if part]
    home = environment.get("HOME")
    pyenv = environment.get("PYENV_ROOT") or (home and f"{home}/.pyenv")
    data = environment.get("XDG_DATA_HOME") or (home and f"{home}/.local/share")
    uv = environment.get("UV_PYTHON_INSTALL_DIR") or (data and f"{data}/uv/python")
    for parent in (pyenv and f"{pyenv}/versions", uv, "/opt/python"):
        if parent:
            directories += sorted(Path(parent).glob("*/bin"), reverse=True)
    directories += [Path("/usr/local/bin"), Path("/usr/bin"), Path("/opt/homebrew/bin")]
    return tuple(dict.fromkeys(directories))


def _by_path(text: str, requirement: SpecifierSet, cache_dir: Path) -> Interpreter:
    interpreter = probe(Path(text).expanduser(), cache_dir=cache_dir)
    if not requirement.contains(interpreter.version, prereleases=True):
        raise MissingInterpreterError(requested=f"{text}, {requirement}", found=[str(interpreter)])
    return interpreter


def _specifier(wanted: str) -> SpecifierSet:
    version = _VERSION.match(wanted)
    if version is not None:
        text = version["version"]
        return SpecifierSet(f"=={text}" if text.count(".") == 2 else f"=={text}.*")  # noqa: PLR2004
    try:
        return SpecifierSet(wanted)
    except InvalidSpecifier as error:
        raise InvalidInterpreterRequestError(requested=wanted) from error


def _candidates(search: Sequence[Path], may_fit: Callable[[str], bool]) -> Iterator[Path]:
    """Yield each interpreter once, by its real path, passing over what its name rules out."""
    seen: set[Path] = set()
    for directory in search:
        for file in sorted(directory.glob("py*3*"), key=lambda path: path.name, reverse=True):
            name = _NAME.match(file.name)
            if name is None or not _is_program(file):
                continue
            real = base_executable(file)
            if real in seen:
                continue
            seen.add(real)
            minor = name["minor"] or (_NAME.match(real.name) or name)["minor"]
            if minor is not None and not may_fit(f"3.{minor}"):
                continue
            yield file


def _is_program(file: Path) -> bool:
    """Tell a program from a shim, which is a script."""
    try:
        with file.open("rb") as stream:
            return stream.read(2) != b"#!"
    except OSError:
        return False


def _may_fit(minor: str, allowed: SpecifierSet, requirement: SpecifierSet) -> bool:
    """Say whether some patch version of a minor version could fit; rather yes than no."""
    if Version(minor) < OLDEST:
        return False
    patches = [f"{minor}.{patch}" for patch in range(30)]
    return any(allowed.contains(patch) and requirement.contains(patch) for patch in patches)


def _preference(interpreter: Interpreter) -> tuple[bool, bool, bool, Version]:
    version = Version(interpreter.version)
    plain = not (interpreter.free_threaded or interpreter.debug)
    return (interpreter.implementation == "cpython", plain, not version.is_prerelease, version)
