"""Resolution: the packages that a plugin needs on one interpreter, chosen by pip.

`pip install --dry-run --report` is asked, with stand-ins for the plugin and the API. Overrides
are what pip lacks; here they are done in two steps:

1. the override takes the place of what the plugin itself asks of that package;
2. if another package still objects, everything else is resolved without the override, then the
   override and its requirements with all the rest held where it is: what
   `pip install --no-deps` would do, and the objection is overruled. If the rest contradicts
   itself about that very package, that stays an error.

An override whose marker does not hold leaves its package out, whoever asks for it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypedDict, cast
from urllib.parse import unquote, urlsplit

from packaging.markers import InvalidMarker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from manager.errors import VenvoyError
from manager.interpreters.interpreter import Interpreter
from manager.locks.pip import PipSettings, run_pip, source_options
from manager.locks.pip_reasons import reason_of, unbuilt_of, unreachable_host
from manager.locks.stand_ins import write_api_stand_in, write_stand_in
from manager.plugins.distributions import API_NAME, Distribution
from manager.plugins.locations import Location
from manager.plugins.tool_settings import ToolSettings

__all__ = ["ResolutionError", "ResolvedPackage", "UnreachableIndexError", "Wanted", "resolve"]


class _Archive(TypedDict, total=False):
    hashes: Mapping[str, str]


class _Repository(TypedDict):
    vcs: str
    commit_id: str


class _Download(TypedDict, total=False):
    url: str
    archive_info: _Archive
    vcs_info: _Repository


class _Metadata(TypedDict, total=False):
    name: str
    version: str
    requires_python: str
    requires_dist: Sequence[str]


class _Item(TypedDict):
    """One `install` item of pip's report (schema 1)."""

    metadata: _Metadata
    download_info: _Download


class _Report(TypedDict):
    install: Sequence[_Item]
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedPackage:
    """A package that pip chose.

    `url` is where pip found it, with `git+` and the commit for a repository; `sha256` is None for
    what is no file (a repository, a directory). `dependencies` are the chosen packages that it
    asks for, sorted.
    """

    name: NormalizedName
    version: Version
    requires_python: SpecifierSet | None
    dependencies: tuple[NormalizedName, ...]
    url: str
    sha256: str | None

    @property
    def filename(self) -> str:
        """The last part of the URL."""
        return unquote(urlsplit(self.url).path.rsplit("/", 1)[-1])

    @property
    def is_wheel(self) -> bool:
        """Whether there is nothing to build."""
        return self.sha256 is not None and self.filename.endswith(".whl")

    @property
    def requirement(self) -> str:
        """What to ask pip for to get exactly this."""
        return f"{self.name} @ {self.url}"

    @property
    def local_file(self) -> Path | None:
        """The file, if it is on this machine already."""
        parts = urlsplit(self.url)
        return Path(unquote(parts.path)) if parts.scheme == "file" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be resolved: a location's own distributions and its settings."""

    location: Location
    distributions: tuple[Distribution, ...]
    settings: ToolSettings
    api: Version

    @property
    def plugin(self) -> str:
        """How messages call it."""
        return ", ".join(map(str, self.distributions)) or self.location.name

    @property
    def overridden(self) -> frozenset[NormalizedName]:
        """The packages that the settings override."""
        return frozenset(canonicalize_name(each.name) for each in self.settings.override)


class ResolutionError(VenvoyError):
    """What a plugin requires cannot be had together."""

    code = "unresolvable"

    def __init__(
        self, *, plugin: str, location: Path, interpreter: Interpreter, reason: str, offline: bool
    ) -> None:
        super().__init__(plugin, reason)
        self.plugin = plugin
        self.location = location
        self.interpreter = interpreter
        self.reason = reason
        self.offline = offline

    @property
    def message(self) -> str:
        """The plugin, where it is, for which Python, and pip's reason."""
        python = f"Python {self.interpreter.version}"
        return f"`{self.plugin}` at `{self.location}` cannot be resolved on {python}: {self.reason}"

    @property
    def hint(self) -> str:
        """What could be changed."""
        if API_NAME in self.reason:
            return "install a version of the plugin that accepts the running venvoy-api"
        if "upload-time" in self.reason:
            return "remove `exclude-newer`, or ask an index that tells when files were uploaded"
        if _UNBUILT in self.reason and "nothing is there for" not in self.reason:
            return (
                "see to what the build lacks, or put a built wheel into"
                f" `{self.location / 'wheels'}`, or ask for a version that has a wheel"
            )
        if " depends on " in self.reason or "requested" in self.reason:
            mend = "change the requirement, or set what you want as `override` in `[tool.venvoy]`"
            wheels = f", or put other versions into `{self.location / 'wheels'}`"
            return mend + (wheels if self.offline else "")
        if self.offline:
            return f"put the missing wheels into `{self.location / 'wheels'}`, or run online"
        return "check the requirement's name and version, and which index pip is configured to ask"


class UnreachableIndexError(ResolutionError):
    """The package index does not answer."""

    code = "unreachable-index"

    @property
    def hint(self) -> str:
        """What would help."""
        return (
            "check the network and pip's `index-url` (PIP_INDEX_URL), or put the wheels into"
            f" `{self.location / 'wheels'}` and run with `--offline`"
        )


_UNBUILT: Final = " cannot be built: "
_RESOLVE: Final = ("install", "--dry-run", "--ignore-installed")


def resolve(wanted: Wanted, *, pip: PipSettings, scratch_dir: Path) -> tuple[ResolvedPackage, ...]:
    """Return the packages that the plugin needs, sorted by name, without its own and the API.

    `scratch_dir` is a new or empty directory. Raises `ResolutionError`.
    """
    packages = _Resolver(wanted, pip, scratch_dir).packages()
    dropped = _dropped(wanted.settings.override, pip.interpreter)
    own = {API_NAME, *(distribution.name for distribution in wanted.distributions)}
    kept = (package for package in packages if package.name not in own | dropped)
    return tuple(
        replace(one, dependencies=tuple(name for name in one.dependencies if name not in dropped))
        for one in sorted(kept, key=lambda package: package.name)
    )


def _dropped(override: Sequence[Requirement], interpreter: Interpreter) -> set[NormalizedName]:
    """Name the packages that an override asks for on other targets only: here it takes them out.

    pip passes over a requirement whose marker does not hold, and takes what others ask for.
    """
    environment = {**interpreter.markers, "extra": ""}
    here = [
        (canonicalize_name(one.name), one.marker is None or one.marker.evaluate(environment))
        for one in override
    ]
    return {name for name, _ in here} - {name for name, holds in here if holds}


class _Resolver:
    def __init__(self, wanted: Wanted, pip: PipSettings, scratch_dir: Path) -> None:
        self.wanted = wanted
        self.pip = pip
        self.scratch_dir = scratch_dir

    def packages(self) -> tuple[ResolvedPackage, ...]:
        settings = self.wanted.settings
        stand_ins = self.stand_ins()
        extra = [
            str(requirement)
            for requirement in settings.extra
            if canonicalize_name(requirement.name) not in self.wanted.overridden
        ]
        override = [str(requirement) for requirement in settings.override]
        if not (extra or override or self.needs_something()):
            return ()
        try:
            return self.ask([*stand_ins, *extra, *override])
        except ResolutionError:
            if not override:
                raise
        rest = self.ask([*stand_ins, *extra])
        held = [p for p in rest if p.name not in self.wanted.overridden and p.name != API_NAME]
        own = {distribution.name for distribution in self.wanted.distributions}
        pins = [f"{p.name}=={p.version}" for p in held if p.name not in own]
        over = self.ask([stand_ins[0], *override], pins=pins)
        return tuple({package.name: package for package in (*over, *held)}.values())

    def needs_something(self) -> bool:
        """Whether pip need be asked at all: requirements, or a Python that may not fit."""
        python = self.pip.interpreter.version
        return any(
            distribution.requires
            or not (distribution.requires_python or SpecifierSet()).contains(
                python, prereleases=True
            )
            for distribution in self.wanted.distributions
        )

    def stand_ins(self) -> list[str]:
        """Write the API's stand-in, then one for each own distribution."""
        directory = self.scratch_dir / "stand-ins"
        own = [
            write_stand_in(directory, distribution, without=self.wanted.overridden)
            for distribution in self.wanted.distributions
        ]
        return [str(file) for file in (write_api_stand_in(directory, self.wanted.api), *own)]

    def ask(
        self, requirements: Sequence[str], *, pins: Sequence[str] = ()
    ) -> tuple[ResolvedPackage, ...]:
        report_file = self.scratch_dir / "report.json"
        arguments = [*_RESOLVE, "--report", str(report_file), *source_options(self.pip)]
        if self.pip.foreign is not None:
            arguments += self.pip.foreign.pip_options
        if pins:
            constraints_file = self.scratch_dir / "constraints.txt"
            constraints_file.write_text("".join(f"{pin}\n" for pin in pins), "utf-8")
            arguments += ["-c", str(constraints_file)]
        done = run_pip(self.pip, *arguments, *requirements)
        if done.returncode != 0:
            unreachable = unreachable_host(done) is not None
            unbuilt = None if unreachable else unbuilt_of(done)
            failed = reason_of(done) if unbuilt is None else f"{unbuilt}{_UNBUILT}{reason_of(done)}"
            kind = UnreachableIndexError if unreachable else ResolutionError
            raise kind(
                plugin=self.wanted.plugin,
                location=self.wanted.location.path,
                interpreter=self.pip.interpreter,
                reason=_without_stand_ins(failed, self.scratch_dir),
                offline=self.pip.offline,
            )
        return _packages(cast("_Report", json.loads(report_file.read_bytes())))


def _without_stand_ins(reason: str, scratch_dir: Path) -> str:
    """Take our own throw-away paths out of pip's sentence."""
    words = reason.replace(f"{scratch_dir}/stand-ins/", "").replace("file://", "")
    return words.replace("-py3-none-any.whl", "").replace("The user requested", "requested:")


def _packages(report: _Report) -> tuple[ResolvedPackage, ...]:
    chosen = {canonicalize_name(item["metadata"]["name"]) for item in report["install"]}
    return tuple(_package(item, report["environment"], chosen) for item in report["install"])


def _package(
    item: _Item, environment: Mapping[str, str], chosen: set[NormalizedName]
) -> ResolvedPackage:
    metadata, download = item["metadata"], item["download_info"]
    python = metadata.get("requires_python")
    return ResolvedPackage(
        name=canonicalize_name(metadata["name"]),
        version=Version(metadata["version"]),
        requires_python=_python(python),
        dependencies=_dependencies(metadata.get("requires_dist", ()), environment, chosen),
        url=_url(download),
        sha256=download.get("archive_info", {}).get("hashes", {}).get("sha256"),
    )


def _python(text: str | None) -> SpecifierSet | None:
    """Return a Requires-Python; pip passes over one that is none, such as `>=3.5.*`."""
    try:
        return SpecifierSet(text) if text else None
    except InvalidSpecifier:
        return None


def _url(download: _Download) -> str:
    url, repository = download["url"], download.get("vcs_info")
    if repository is None:
        return url
    return f"{repository['vcs']}+{url}@{repository['commit_id']}"


def _dependencies(
    lines: Sequence[str], environment: Mapping[str, str], chosen: set[NormalizedName]
) -> tuple[NormalizedName, ...]:
    """Name the chosen packages that are asked for without extras: informative in a lock."""
    found: set[NormalizedName] = set()
    for line in lines:
        try:
            requirement = Requirement(line)
            marker = requirement.marker
            applies = marker is None or marker.evaluate({**environment, "extra": ""})
        except (InvalidRequirement, InvalidMarker):
            continue  # pip took it; an old package's slip makes no difference here
        if applies and canonicalize_name(requirement.name) in chosen - {API_NAME}:
            found.add(canonicalize_name(requirement.name))
    return tuple(sorted(found))
