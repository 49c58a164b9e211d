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

__all__ = ["USER", "Authenticated", "Users", "read_users"]

USER = "venvoy.user"
"""The key of a request's scope that holds the user's name, where users are asked for."""

_OPEN_PATHS = frozenset(("/health",))
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="venvoy", charset="UTF-8"'}
_UNAUTHORIZED = "User cannot access the resource."
_HASHES_AT_ONCE = 2


class Users:
    """Who may use the worker; how long a refusal takes tells nothing about the file.

    Passwords are compared by digests under a key that never leaves this process. A scrypt hash is
    computed off the event loop, and once only: then its password's digest is known, too.
    """

    def __init__(self, secrets_by_user: Mapping[str, str | ScryptHash]) -> None:
        self._key = secrets.token_bytes(32)
        self._known: dict[str, bytes] = {}
        self._hashes: dict[str, ScryptHash] = {}
        for user, secret in secrets_by_user.items():
            if isinstance(secret, str):
                self._known[user] = self._digest(secret.encode())
            else:
                self._hashes[user] = secret
        self._nobody = self._digest(secrets.token_bytes(32))
        nobodys = ScryptHash.parse(hash_password(secrets.token_urlsafe()))
        self._nobodys_hash = nobodys if self._hashes else None
        self._hashing = asyncio.Semaphore(_HASHES_AT_ONCE)

    async def accept(self, user: str, password: bytes) -> bool:
        """Say whether the user exists and has this password."""
        digest = self._digest(password)
        if hmac.compare_digest(self._known.get(user, self._nobody), digest):
            return True
        hashed = self._hashes.get(user, self._nobodys_hash)
        if hashed is None:
            return False
        async with self._hashing:
            is_right = await asyncio.to_thread(hashed.matches, password)
        if is_right and user in self._hashes:
            self._known[user] = digest
            return True
        return False

    def _digest(self, password: bytes) -> bytes:
        return hmac.digest(self._key, password, hashlib.sha256)


class Authenticated:
    """Answers 401 to whoever is not a user; `/health` is open to all."""

    def __init__(self, app: ASGIApp, *, users: Users) -> None:
        self._app = app
        self._users = users

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 401."""
        if scope["type"] != "http" or scope["path"] in _OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        user = await self._user(Headers(scope=scope).get("authorization", ""))
        if user is None:
            await error_response(401, _UNAUTHORIZED, headers=_CHALLENGE)(scope, receive, send)
            return
        scope[USER] = user
        await self._app(scope, receive, send)

    async def _user(self, header: str) -> str | None:
        scheme, _, encoded = header.partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            text, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
            user = text.decode()
        except (binascii.Error, UnicodeDecodeError):
            return None
        return user if colon and await self._users.accept(user, password) else None


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
    users: dict[str, str | ScryptHash] = {}
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


def _secret(text: str, *, file: Path, number: int) -> str | ScryptHash:
    """Read a password or its hash; other hashes are refused, not taken for passwords."""
    if not text.startswith("$"):
        return text
    try:
        return ScryptHash.parse(text)
    except ValueError as error:
        raise BadUsersFileError(
            file=file, reason=f"the hash on line {number} is {error}"
        ) from error
