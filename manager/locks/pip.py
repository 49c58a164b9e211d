"""The one caller of pip: which pip, with what environment, and what its last words mean.

pip runs in the target's own interpreter, since markers can be evaluated nowhere else. `pip --python
TARGET` would start a process to start that one; we start the script that it starts. A pip of today
runs on no Python older than 3.10; for those the pip that virtualenv carries for them is started
from its wheel.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Final

from packaging.specifiers import SpecifierSet

from manager.errors import VenvoyError
from manager.interpreters.interpreter import Interpreter
from manager.locks.foreign_targets import ForeignTarget
from manager.proc import Completed, child_environment, run

__all__ = ["NoPipError", "PipSettings", "pip_environment", "run_pip", "source_options"]

INDEX_VARIABLES: Final = (
    "PIP_CACHE_DIR",
    "PIP_CERT",
    "PIP_CLIENT_CERT",
    "PIP_CONFIG_FILE",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_INDEX_URL",
    "PIP_KEYRING_PROVIDER",
    "PIP_NO_CACHE_DIR",
    "PIP_NO_INDEX",
    "PIP_ONLY_BINARY",
    "PIP_PREFER_BINARY",
    "PIP_PROXY",
    "PIP_RESUME_RETRIES",
    "PIP_RETRIES",
    "PIP_TIMEOUT",
    "PIP_TRUSTED_HOST",
    "PIP_UPLOADED_PRIOR_TO",
)
"""How operators configure their index: honoured. What else pip can be told (a target, a user
site, a log, requirements) would change what we asked for."""

BUILD_VARIABLES: Final = (
    "AR",
    "CARGO_HOME",
    "CC",
    "CFLAGS",
    "CPPFLAGS",
    "CURL_CA_BUNDLE",
    "CXX",
    "CXXFLAGS",
    "LDFLAGS",
    "NETRC",
    "PKG_CONFIG_PATH",
    "REQUESTS_CA_BUNDLE",
    "RUSTUP_HOME",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_*",
)
"""What compilers, certificates and pip's configuration files need beside proc's own list."""

_OURS: Final = {
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_COLOR": "1",
    "PIP_NO_INPUT": "1",
    "PIP_PROGRESS_BAR": "off",
    "PIP_REQUIRE_VIRTUALENV": "0",
    "PIP_ROOT_USER_ACTION": "ignore",
    "PIP_USER": "0",
    "PYTHONHASHSEED": "0",
    "PYTHONNOUSERSITE": "1",
}
_NOWHERE: Final = "http://127.0.0.1:9"
"""A proxy on the discard port: `--no-index` alone does not keep pip from following a URL."""

_OFFLINE: Final = {
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_NO_INDEX": "1",
    "PIP_RETRIES": "0",
    **dict.fromkeys(
        ("PIP_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"),
        _NOWHERE,
    ),
    "all_proxy": _NOWHERE,
    "NO_PROXY": "",
    "no_proxy": "",
}


class NoPipError(VenvoyError):
    """No pip at hand runs on an interpreter."""

    code = "no-pip"

    def __init__(self, *, interpreter: Interpreter) -> None:
        super().__init__(interpreter)
        self.interpreter = interpreter

    @property
    def message(self) -> str:
        """The interpreter."""
        return f"no pip is at hand that runs on {self.interpreter}"

    @property
    def hint(self) -> str:
        """What to upgrade."""
        return "upgrade pip and virtualenv beside venvoy, or ask for another Python"


@dataclass(frozen=True, slots=True, kw_only=True)
class PipSettings:
    """How pip is called: for whom, with whose configuration, with or without a network.

    `inherited` is the caller's environment, of which the index configuration is honoured unless
    `offline`. `find_links` are wheelhouses; offline, nothing else is looked at. What was uploaded
    after `exclude_newer` is not there, where the index says when that was. With a `foreign`
    target pip chooses for that, and `interpreter` only runs it. pip's log goes to `log_file`.
    Resolving a large graph or compiling takes minutes; `timeout_s` is there for what hangs.
    """

    interpreter: Interpreter
    inherited: Mapping[str, str]
    offline: bool = False
    find_links: tuple[Path, ...] = ()
    exclude_newer: datetime | None = None
    foreign: ForeignTarget | None = None
    log_file: Path | None = None
    timeout_s: float = 3600.0

    @property
    def tags(self) -> tuple[str, ...]:
        """The wheel tags that fit the target, best first."""
        return self.interpreter.tags if self.foreign is None else self.foreign.tags


def run_pip(settings: PipSettings, *arguments: str, cwd: Path | None = None) -> Completed:
    """Run pip to its end; the caller judges the end.

    Raises `NoPipError`, `manager.proc.ProcessTimeoutError`, `manager.proc.UnstartableError`.
    """
    return run(
        [*_program(settings), *arguments],
        env=pip_environment(settings),
        cwd=cwd,
        timeout_s=settings.timeout_s,
    )


def source_options(settings: PipSettings) -> list[str]:
    """Return the options that say where pip looks: wheelhouses, the index or not, until when."""
    options = [f"--find-links={directory}" for directory in settings.find_links]
    if settings.offline:
        options.insert(0, "--no-index")
    elif settings.exclude_newer is not None:
        options.append(f"--uploaded-prior-to={settings.exclude_newer.isoformat()}")
    return options


def pip_environment(settings: PipSettings) -> dict[str, str]:
    """Build pip's environment variables."""
    ours = _OURS | _reproducible(settings.inherited)
    if settings.log_file is not None:  # pip's children, which install for builds, append to it
        ours["PIP_LOG"] = str(settings.log_file)
    if settings.offline:
        return child_environment(settings.inherited, ours | _OFFLINE, passing=BUILD_VARIABLES)
    passing = (*BUILD_VARIABLES, *INDEX_VARIABLES)
    return child_environment(settings.inherited, ours, passing=passing)


def _reproducible(inherited: Mapping[str, str]) -> dict[str, str]:
    """Return what makes a build come out the same twice.

    The time is the earliest that a zip can hold in every time zone (wheel #418). Debug symbols
    name the directory that was built in, which pip makes up anew each time.
    """
    flags = {name: f"{inherited.get(name, '')} -g0".strip() for name in ("CFLAGS", "CXXFLAGS")}
    return {"SOURCE_DATE_EPOCH": "318211200", **flags}


def _program(settings: PipSettings) -> Sequence[str]:
    interpreter = settings.interpreter
    own = metadata.distribution("pip")
    allowed = SpecifierSet(own.metadata["Requires-Python"] or "")
    runner = Path(str(own.locate_file("pip/__pip-runner__.py")))
    if allowed.contains(interpreter.version, prereleases=True) and runner.is_file():
        return (str(interpreter.executable), str(runner))
    from virtualenv.seed.wheels.embed import get_embed_wheel  # noqa: PLC0415  # 100 ms, and rare

    carried = get_embed_wheel("pip", interpreter.minor)
    if carried is None:
        raise NoPipError(interpreter=interpreter)
    return (str(interpreter.executable), "-I", f"{carried.path}/pip")
