"""One request, as an endpoint sees it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import parse_qsl, unquote

from starlette.requests import Request

from launcher.interface.faults import RequestError
from launcher.interface.motion import MotionInterface, StandingInterface
from launcher.rest.authentication import USER
from launcher.rest.config import RestConfig
from launcher.rest.faults import BodyError, BodyTooLargeError, MediaTypeError, UnroutableError
from launcher.rest.shapes import parse_json

__all__ = ["Call"]

_Value = TypeVar("_Value")
_FLAGS = {"true": True, "": True, "false": False}
_MAX_TASK_DIGITS = 10
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request, the worker that it is for, and the settings that bound it."""

    request: Request
    worker: StandingInterface
    config: RestConfig

    @property
    def motion(self) -> MotionInterface:
        """The worker's door for versions in motion."""
        return self.worker

    @property
    def connector(self) -> str:
        """The connector's name in the path."""
        return self.segment("connector")

    @property
    def task(self) -> int:
        """The task's number in the path; UnroutableError when it is none, as Kafka answers."""
        text = self.segment("task")
        if text.isascii() and text.isdigit() and len(text) <= _MAX_TASK_DIGITS:
            return int(text)
        raise UnroutableError

    @property
    def by(self) -> str:
        """Who asks: the user, else the client's address."""
        user = self.request.scope.get(USER)
        if isinstance(user, str):
            return user
        client = self.request.client
        return client.host if client is not None and client.host else "unknown"

    def segment(self, name: str) -> str:
        """Return a part of the path, decoded; RequestError when it is not UTF-8."""
        encoded: str = self.request.path_params[name]
        try:
            return unquote(encoded, errors="strict")
        except UnicodeDecodeError:
            raise RequestError(f"The path is not UTF-8 at `{encoded}`") from None

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a boolean of the query; a name without a value is true.

        Raises:
            RequestError: it is neither true nor false. Kafka takes anything else for false.
        """
        text = self.request.query_params.get(name)
        if text is None:
            return default
        if text.lower() not in _FLAGS:
            raise RequestError(f"The query parameter {name} is `{text}`, not true or false")
        return _FLAGS[text.lower()]

    async def json(self, read: Callable[[object], _Value]) -> _Value:
        """Read the body with one of the readers in `shapes`.

        Raises:
            MediaTypeError: it is not declared as JSON.
            BodyTooLargeError: it is larger than the worker reads.
            BodyError: it is not what the reader expects.
        """
        self._must_be_json()
        return read(parse_json(await self._body()))

    async def form(self) -> Mapping[str, str]:
        """Read the body of an HTML form; of a field that comes twice the last one counts.

        Raises:
            MediaTypeError: it is not declared as one.
            BodyTooLargeError: it is larger than the worker reads.
            BodyError: it is no form.
        """
        declared = self.request.headers.get("content-type", "")
        if declared.partition(";")[0].strip().lower() != _FORM:
            raise MediaTypeError(media_type=declared, expected=_FORM)
        try:
            text = (await self._body()).decode()
            pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=1000)
        except ValueError as error:
            raise BodyError(f"The request body is no form: {error}") from None
        return dict(pairs)

    def _must_be_json(self) -> None:
        headers = self.request.headers
        if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
            return
        declared = headers.get("content-type", "")
        if declared.partition(";")[0].strip().lower() != "application/json":
            raise MediaTypeError(media_type=declared)

    async def _body(self) -> bytes:
        limit = self.config.rest_max_body_bytes
        if int(self.request.headers.get("content-length", "0")) > limit:
            raise BodyTooLargeError(limit=limit)
        body = bytearray()
        async for chunk in self.request.stream():
            body += chunk
            if len(body) > limit:
                raise BodyTooLargeError(limit=limit)
        return bytes(body)
