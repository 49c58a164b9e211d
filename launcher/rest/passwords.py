"""Passwords that are kept as scrypt hashes.

`$scrypt$ln=14,r=8,p=1$SALT$HASH`, base64 without padding: the form that passlib writes, too. The
standard library computes it, so that no package is needed for it.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

__all__ = ["ScryptHash", "hash_password"]

_FORM = re.compile(
    r"\$scrypt\$ln=(?P<cost>\d{1,2}),r=(?P<block>\d{1,3}),p=(?P<parallel>\d{1,3})"
    r"\$(?P<salt>[A-Za-z0-9+/]+)\$(?P<hash>[A-Za-z0-9+/]+)"
)
_MAX_MEMORY_BYTES = 1 << 28


@dataclass(frozen=True, slots=True, kw_only=True)
class ScryptHash:
    """The parameters, salt and hash of a password; `cost` is the logarithm of scrypt's N."""

    cost: int
    block: int
    parallel: int
    salt: bytes
    digest: bytes

    @classmethod
    def parse(cls, text: str) -> "ScryptHash":
        """Read `$scrypt$…`.

        Raises:
            ValueError: it is no such hash, or it asks for more than 256 MiB.
        """
        found = _FORM.fullmatch(text)
        if found is None:
            raise ValueError("not of the form `$scrypt$ln=14,r=8,p=1$SALT$HASH`")
        made = cls(
            cost=int(found["cost"]),
            block=int(found["block"]),
            parallel=int(found["parallel"]),
            salt=_decode(found["salt"]),
            digest=_decode(found["hash"]),
        )
        if not (made.block and made.parallel and made.cost):
            raise ValueError("a parameter of scrypt is 0")
        if 128 * made.block * ((1 << made.cost) + made.parallel) > _MAX_MEMORY_BYTES // 2:
            raise ValueError("its parameters ask for too much memory")
        return made

    def matches(self, password: bytes) -> bool:
        """Say whether it is the password's hash; takes some 50 ms, on purpose."""
        digest = hashlib.scrypt(
            password,
            salt=self.salt,
            n=1 << self.cost,
            r=self.block,
            p=self.parallel,
            maxmem=_MAX_MEMORY_BYTES,
            dklen=len(self.digest),
        )
        return hmac.compare_digest(digest, self.digest)

    def __str__(self) -> str:
        """Return it as it stands in a file of users."""
        return (
            f"$scrypt$ln={self.cost},r={self.block},p={self.parallel}"
            f"${_encode(self.salt)}${_encode(self.digest)}"
        )


def hash_password(password: str) -> str:
    """Return the hash of a password, for a line of a file of users."""
    salt = secrets.token_bytes(16)
    digest = hashlib.scrypt(password.encode(), salt=salt, n=1 << 14, r=8, p=1, dklen=32)
    return str(ScryptHash(cost=14, block=8, parallel=1, salt=salt, digest=digest))


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raise ValueError("its salt or hash is not base64") from None


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")
