"""What came of trying an environment's entry points: one result for each, with its remedy."""

import re
from dataclasses import dataclass

from manager.digests import JsonValue
from manager.json_fields import Fields

__all__ = [
    "EntryPointResult",
    "Verification",
    "remedy_for",
    "verification_from_json",
    "verification_to_json",
]

_REMOVED_FROM_STDLIB = {
    "asynchat": "3.11",
    "asyncore": "3.11",
    "distutils": "3.11",
    "imp": "3.11",
    "smtpd": "3.11",
    "cgi": "3.12",
    "crypt": "3.12",
    "imghdr": "3.12",
    "pipes": "3.12",
    "sndhdr": "3.12",
    "telnetlib": "3.12",
    "uu": "3.12",
    "xdrlib": "3.12",
    "audioop": "3.12",
    "lib2to3": "3.12",
}
"""Modules that the standard library lost, and the last Python that had them."""

_DISTRIBUTIONS = {
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "google.protobuf": "protobuf",
    "jwt": "pyjwt",
    "pkg_resources": "setuptools<81",
    "setuptools": "setuptools",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}
"""Modules whose distribution has another name. setuptools 81 dropped `pkg_resources`."""

_MOVED_TO_ABC = re.compile(
    r"(?:module 'collections' has no attribute '\w+'|cannot import name '\w+' from 'collections')"
)

_WANTS_ARGUMENTS = re.compile(r"raised TypeError: .*missing \d+ required")

_EXTRA = "`[tool.venvoy] extra` (beside wheels: `extra` in `venvoy.toml`)"

_REMEDIES = {
    "missing-attribute": "correct the entry point in the plugin's `pyproject.toml`",
    "not-a-plugin": "derive the class from the API's class of its type, or correct its group",
    "abstract": "define the methods that are missing",
    "constructor": "do nothing that can fail in `__init__`: that is for `start` or `configure`",
    "crash": "do at import nothing that ends or blocks the process: that is for `start`",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPointResult:
    """How one entry point fared when it was imported, checked and constructed.

    `kind` is None when it is usable; else the host's word (`missing-module`, `import-error`,
    `missing-attribute`, `not-a-plugin`, `abstract`, `constructor`) or `crash` when it took the
    host with it. `version` is what the plugin says itself, None when it does not.
    """

    type: str
    name: str
    class_name: str
    kind: str | None
    message: str
    module: str | None
    version: str | None
    remedy: str | None

    @property
    def ok(self) -> bool:
        """Whether the plugin can be used."""
        return self.kind is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The results of all entry points of one environment against one API."""

    api_version: str
    api_digest: str
    results: tuple[EntryPointResult, ...]

    @property
    def ok(self) -> bool:
        """Whether every entry point can be used."""
        return all(result.ok for result in self.results)


def remedy_for(kind: str, module: str | None, message: str) -> str | None:
    """Return one sentence that says how a failed entry point is mended; None when we know none."""
    if kind == "missing-module" and module:
        return _remedy_for_module(module)
    if kind == "constructor" and _WANTS_ARGUMENTS.search(message):
        return "take no arguments in `__init__`: `start` or `configure` gets the configuration"
    if _MOVED_TO_ABC.search(message):
        return 'set `python = "3.9"` in `[tool.venvoy]`, or take a newer version of the package'
    return _REMEDIES.get(kind)


def _remedy_for_module(module: str) -> str:
    top = module.partition(".")[0]
    if top in ("venvoy_api", "venvoy_host"):
        return f"this venvoy's API has no `{module}`; require the `venvoy-api` that has it"
    if top in _REMOVED_FROM_STDLIB:
        return f'set `python = "{_REMOVED_FROM_STDLIB[top]}"` in `[tool.venvoy]`'
    known = _DISTRIBUTIONS.get(module) or _DISTRIBUTIONS.get(top)
    if known is not None:
        return f"add `{known}` to {_EXTRA}, then lock and sync again"
    return f"add the distribution that provides `{top}` to {_EXTRA}"


def verification_to_json(verification: Verification) -> dict[str, JsonValue]:
    """Return the shape that stands in a receipt."""
    return {
        "api_version": verification.api_version,
        "api_digest": verification.api_digest,
        "results": [
            {
                "type": result.type,
                "name": result.name,
                "class": result.class_name,
                "kind": result.kind,
                "message": result.message,
                "module": result.module,
                "version": result.version,
                "remedy": result.remedy,
            }
            for result in verification.results
        ],
    }


def verification_from_json(known: Fields) -> Verification:
    """Read that shape back; raises `BadFieldError`."""
    return Verification(
        api_version=known.text("api_version"),
        api_digest=known.text("api_digest"),
        results=tuple(
            EntryPointResult(
                type=row.text("type"),
                name=row.text("name"),
                class_name=row.text("class"),
                kind=row.text_or_none("kind"),
                message=row.text("message"),
                module=row.text_or_none("module"),
                version=row.text_or_none("version"),
                remedy=row.text_or_none("remedy"),
            )
            for row in known.objects("results")
        ),
    )
