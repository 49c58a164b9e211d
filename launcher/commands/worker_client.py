"""A client of a worker's REST API: what `venvoy connectors` asks, and what it gets."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from manager.errors import UsageError, VenvoyError

if TYPE_CHECKING:
    import ssl

    import httpx

__all__ = [
    "DEFAULT_URL",
    "WorkerAddress",
    "WorkerClient",
    "WorkerRefusedError",
    "WorkerUnreachableError",
]

DEFAULT_URL = "http://127.0.0.1:8083"
_MUST_BE_STOPPED = "must be in the STOPPED state"
_NO_GENERATION = "has no generation"
_INVALID = re.compile(
    r"Connector configuration is invalid and contains the following (?P<count>\d+) error\(s\):\n"
    r"(?P<faults>.*)\nYou can also find the above list of errors at the endpoint [^\n]*",
    re.DOTALL,
)
_TIMEOUT_S = 90.0
"""As long as Kafka Connect's own request timeout: a validation may have to make an environment."""


class WorkerUnreachableError(VenvoyError):
    """Nobody answers as a worker at the address."""

    code = "worker-unreachable"

    def __init__(self, *, url: str, reason: str) -> None:
        super().__init__(url, reason)
        self.url = url
        self.reason = reason

    @property
    def message(self) -> str:
        """The address and why it did not do."""
        return f"no worker answers at `{self.url}`: {self.reason}"

    @property
    def hint(self) -> str:
        """Start one, or name another, or who signs for it."""
        if "CERTIFICATE_VERIFY_FAILED" in self.reason:
            return (
                "name the authority that signed its certificate with `--ca-file FILE`, a PEM file"
            )
        return "start one with `venvoy standalone worker.properties`, or name it with `--url`"


class WorkerRefusedError(VenvoyError):
    """A worker has refused a request; `status` is HTTP's, the words are the worker's.

    `subject` is the connector that the request is about, None when it is about none.
    """

    code = "worker-refused"

    def __init__(self, *, url: str, status: int, said: str, subject: str | None) -> None:
        super().__init__(url, status, said)
        self.url = url
        self.status = status
        self.said = said
        self.subject = subject

    @property
    def message(self) -> str:
        """What the worker said, and about what."""
        about = "" if self.subject is None else f" for `{self.subject}`"
        return f"the worker at `{self.url}` refused{about} ({self.status}): {_readable(self.said)}"

    @property
    def hint(self) -> str:
        """What usually helps with that status."""
        match self.status:
            case 401 | 403:
                return "name a user of the worker with `--user NAME:PASSWORD`"
            case 404:
                return self._shown_by()
            case 400 if _MUST_BE_STOPPED in self.said:
                return f"run `venvoy connectors stop --wait {self.subject}` first"
            case 409:
                return "change a connector that exists with `venvoy connectors create --replace`"
            case status if status >= 500:  # noqa: PLR2004  # HTTP's own border
                return "the worker's log says more"
            case _:
                return "correct what it names; nothing was changed"

    def _shown_by(self) -> str:
        """What shows that which was asked for in vain."""
        if _NO_GENERATION in self.said:
            return f"`venvoy connectors generations {self.subject}` shows those there are"
        return "`venvoy connectors list` shows the names, `status` the tasks"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerAddress:
    """Where a worker is, and who asks. `user` is `name:password`; `ca_file` signs its certificate.

    Without `ca_file`, the system's own authorities are asked.
    """

    url: str = DEFAULT_URL
    user: str | None = None
    ca_file: str | None = None


class WorkerClient:
    """One connection to a worker. Use as a context manager.

    Every method raises WorkerUnreachableError and WorkerRefusedError.
    """

    def __init__(self, address: WorkerAddress, *, timeout_s: float = _TIMEOUT_S) -> None:
        import httpx  # noqa: PLC0415  # costs every other command a tenth of a second

        self._faults = (httpx.HTTPError, httpx.InvalidURL)
        self._url = address.url.rstrip("/")
        name, _, password = (address.user or "").partition(":")
        self._client = httpx.Client(
            timeout=timeout_s,
            auth=(name, password) if address.user else None,
            verify=True if address.ca_file is None else _trusting(address.ca_file),
            headers={"Accept": "application/json"},
        )

    def __enter__(self) -> "WorkerClient":
        """Return itself."""
        return self

    def __exit__(self, *_details: object) -> None:
        """Close the connection."""
        self._client.close()

    def get(self, *path: str, **query: str) -> object:
        """Return the JSON of a resource; each part of `path` is escaped."""
        return self._ask("GET", path, query=query)

    def put(self, *path: str, body: object = None) -> object:
        """PUT; return the answer's JSON, None when it is empty."""
        return self._ask("PUT", path, body=body)

    def post(self, *path: str, body: object = None, **query: str) -> object:
        """POST; return the answer's JSON, None when it is empty."""
        return self._ask("POST", path, body=body, query=query)

    def patch(self, *path: str, body: object) -> object:
        """PATCH; return the answer's JSON."""
        return self._ask("PATCH", path, body=body)

    def delete(self, *path: str) -> object:
        """DELETE; return the answer's JSON, None when it is empty."""
        return self._ask("DELETE", path)

    def _ask(
        self,
        method: str,
        path: tuple[str, ...],
        *,
        body: object = None,
        query: Mapping[str, str] | None = None,
    ) -> object:
        url = "/".join((self._url, *(quote(part, safe="") for part in path)))
        try:
            answer = self._client.request(method, url, json=body, params=dict(query or {}))
        except self._faults as error:
            reason = str(error) or type(error).__name__
            raise WorkerUnreachableError(url=self._url, reason=reason) from error
        if answer.is_error:
            raise WorkerRefusedError(
                url=self._url,
                status=answer.status_code,
                said=_words(answer),
                subject=_subject(path, body),
            )
        if not answer.content:
            return None
        try:
            told: object = answer.json()
        except ValueError as error:
            raise WorkerUnreachableError(
                url=self._url, reason="it does not answer in JSON"
            ) from error
        return told


def _readable(said: str) -> str:
    """Return the words; faults of a config without Kafka's frame, each once.

    Kafka tells one that concerns two keys, as a class and its version, under both.
    """
    invalid = _INVALID.fullmatch(said)
    if invalid is None:
        return said
    told = str(invalid["faults"])
    faults = tuple(dict.fromkeys(told.split("\n"))) if invalid["count"] != "1" else (told,)
    if len(faults) == 1:
        return faults[0]
    return "".join(("the config has faults", *(f"\n  - {fault}" for fault in faults)))


def _subject(path: tuple[str, ...], body: object) -> str | None:
    """Return the connector that a request is about."""
    if path[:1] == ("connectors",) and len(path) > 1:
        return path[1]
    return str(body["name"]) if isinstance(body, dict) and "name" in body else None


def _words(answer: "httpx.Response") -> str:
    """Return the worker's message, or the whole body of somebody who is no worker."""
    try:
        told = answer.json()
    except ValueError:
        return answer.text.strip()[:500] or answer.reason_phrase
    return str(told["message"]) if isinstance(told, dict) and "message" in told else answer.text


def _trusting(ca_file: str) -> "ssl.SSLContext":
    import ssl  # noqa: PLC0415  # as httpx above

    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        what = f"the certificate file `{ca_file}` cannot be read: {error.strerror or error}"
        raise UsageError(what=what, remedy="name a PEM file with `--ca-file`") from error
