"""Basic authentication (RFC 7617) against a file of users."""

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from pathlib import Path

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from launcher.rest.faults import BadUsersFileError
from launcher.rest.passwords import ScryptHash, hash_password
from launcher.rest.responses import error_response

__all__ = ["Authenticated", "Users", "read_users"]

_OPEN_PATHS = frozenset(("/health",))
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="venvoy", charset="UTF-8"'}
_UNAUTHORIZED = "User cannot access the resource."
_HASHES_AT_ONCE = 2


class Users:
    """Who may use the worker; how long a refusal takes tells nothing about the file.

    A hashed password is computed off the event loop, and once only: what was right before is
    known by a digest under a key that never leaves this process.
    """

    def __init__(self, secrets_by_user: Mapping[str, bytes | ScryptHash]) -> None:
        self._secrets = secrets_by_user
        self._key = secrets.token_bytes(32)
        self._known: dict[str, bytes] = {}
        self._hashing = asyncio.Semaphore(_HASHES_AT_ONCE)
        some_hashed = any(isinstance(secret, ScryptHash) for secret in secrets_by_user.values())
        nobody = secrets.token_urlsafe()
        self._nobody = ScryptHash.parse(hash_password(nobody)) if some_hashed else nobody.encode()

    async def accept(self, user: str, password: bytes) -> bool:
        """Say whether the user exists and has this password."""
        secret = self._secrets.get(user)
        digest = hmac.digest(self._key, password, hashlib.sha256)
        known = self._known.get(user)
        if known is not None and hmac.compare_digest(known, digest):
            return True
        is_right = await self._matches(self._nobody if secret is None else secret, password)
        if is_right and secret is not None:
            self._known[user] = digest
        return is_right and secret is not None

    async def _matches(self, secret: bytes | ScryptHash, password: bytes) -> bool:
        if isinstance(secret, bytes):
            return hmac.compare_digest(secret, password)
        async with self._hashing:
            return await asyncio.to_thread(secret.matches, password)


class Authenticated:
    """Answers 401 to whoever is not a user; `/health` is open to all."""

    def __init__(self, app: ASGIApp, *, users: Users) -> None:
        self._app = app
        self._users = users

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 401."""
        if (
            scope["type"] != "http"
            or scope["path"] in _OPEN_PATHS
            or await self._is_user(Headers(scope=scope).get("authorization", ""))
        ):
            await self._app(scope, receive, send)
            return
        await error_response(401, _UNAUTHORIZED, headers=_CHALLENGE)(scope, receive, send)

    async def _is_user(self, header: str) -> bool:
        scheme, _, encoded = header.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
            return bool(colon) and await self._users.accept(user.decode(), password)
        except (binascii.Error, UnicodeDecodeError):
            return False


def read_users(file: Path) -> Users:
    """Read a file of users: `user: password` or `user: $scrypt$…` a line; `#` starts a comment.

    Raises:
        BadUsersFileError: it cannot be read, a line is no user, a user is there twice, or none is.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise BadUsersFileError(file=file, reason=reason) from error
    users: dict[str, bytes | ScryptHash] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        user, colon, password = (part.strip() for part in line.partition(":"))
        if not (user and colon and password):
            raise BadUsersFileError(file=file, reason=f"line {number} is not `user: password`")
        if user in users:
            raise BadUsersFileError(file=file, reason=f"line {number} names `{user}` again")
        users[user] = _secret(password, file=file, number=number)
    if not users:
        raise BadUsersFileError(file=file, reason="it names no user")
    return Users(users)


def _secret(text: str, *, file: Path, number: int) -> bytes | ScryptHash:
    """Read a password or its hash; other hashes are refused, not taken for passwords."""
    if not text.startswith("$"):
        return text.encode()
    try:
        return ScryptHash.parse(text)
    except ValueError as error:
        raise BadUsersFileError(
            file=file, reason=f"the hash on line {number} is {error}"
        ) from error
