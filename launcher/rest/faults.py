"""What REST itself refuses: requests, each with its status, and settings that it cannot serve."""

from pathlib import Path

from launcher.interface.faults import RefusedError
from manager.errors import VenvoyError

__all__ = [
    "AddressInUseError",
    "BadUsersFileError",
    "BodyError",
    "BodyTooLargeError",
    "ForbiddenError",
    "InsecureListenerError",
    "ListenerError",
    "MediaTypeError",
    "RequestTimeoutError",
    "StartingError",
    "TlsError",
    "UnroutableError",
]


class BodyError(RefusedError):
    """The body is no JSON, or not of the shape that the endpoint reads."""

    code = "bad-body"


class BodyTooLargeError(RefusedError):
    """The body is larger than the worker reads; nothing of it was kept."""

    code = "body-too-large"
    status = 413

    def __init__(self, *, limit: int) -> None:
        super().__init__(
            f"The request body is larger than {limit} bytes",
            remedy="raise `rest.max.body.bytes` in the worker's file",
        )
        self.limit = limit


class MediaTypeError(RefusedError):
    """The body is not declared as what the endpoint reads."""

    code = "media-type"
    status = 415

    def __init__(self, *, media_type: str, expected: str = "application/json") -> None:
        found = f"`{media_type}`" if media_type else "missing"
        super().__init__(
            f"HTTP 415 Unsupported Media Type: Content-Type is {found}, not `{expected}`"
        )
        self.media_type = media_type


class ForbiddenError(RefusedError):
    """The request is understood and refused."""

    code = "forbidden"
    status = 403


class UnroutableError(RefusedError):
    """The path names nothing, in the words of Kafka Connect's server."""

    code = "not-found"
    status = 404

    def __init__(self) -> None:
        super().__init__("HTTP 404 Not Found")


class StartingError(RefusedError):
    """The worker does not know its own connectors yet."""

    code = "starting"
    status = 503

    def __init__(self) -> None:
        super().__init__("Worker is still starting up.")


class RequestTimeoutError(RefusedError):
    """The worker needed too long; it goes on with what was asked, as in Kafka Connect."""

    code = "timeout"
    status = 500

    def __init__(self, *, seconds: float) -> None:
        super().__init__(
            f"Request timed out. The worker has not finished it after {seconds:g} seconds and goes "
            "on; ask for the connector's status to see what became of it"
        )
        self.seconds = seconds


class ListenerError(VenvoyError):
    """A listener cannot be opened."""

    code = "listener"

    def __init__(self, *, listener: str, reason: str) -> None:
        super().__init__(listener, reason)
        self.listener = listener
        self.reason = reason

    @property
    def message(self) -> str:
        """The listener, and what the system said."""
        return f"cannot listen on `{self.listener}`: {self.reason}"

    @property
    def hint(self) -> str:
        """Where listeners are set."""
        return (
            "change `listeners` in the worker's file, for one to `listeners=http://127.0.0.1:8083`"
        )


class AddressInUseError(ListenerError):
    """Something else listens there."""

    code = "address-in-use"

    def __init__(self, *, listener: str) -> None:
        super().__init__(listener=listener, reason="the address is in use")

    @property
    def hint(self) -> str:
        """Stop the other, or go elsewhere."""
        return (
            "another worker may be running; stop it, or choose another port in `listeners` of the "
            "worker's file"
        )


class InsecureListenerError(ListenerError):
    """Whoever reaches the listener could run any plugin, and read what passes on the wire."""

    code = "insecure-listener"

    def __init__(self, *, listener: str, missing: tuple[str, ...]) -> None:
        super().__init__(
            listener=listener,
            reason=f"it is open to other machines without {' and without '.join(missing)}",
        )
        self.missing = missing

    @property
    def hint(self) -> str:
        """What would make it safe, and how to insist."""
        return (
            "set `rest.basic.auth.file`, use `https://` with "
            "`listeners.https.ssl.certificate.location`, bind to 127.0.0.1, or set "
            "`rest.insecure.allow=true` where something else guards the listener"
        )


class TlsError(VenvoyError):
    """An https listener has no certificate, or one that cannot be used."""

    code = "tls"

    def __init__(self, *, listener: str, reason: str) -> None:
        super().__init__(listener, reason)
        self.listener = listener
        self.reason = reason

    @property
    def message(self) -> str:
        """The listener and what its certificate lacks."""
        return f"cannot use TLS on `{self.listener}`: {self.reason}"

    @property
    def hint(self) -> str:
        """The two keys."""
        return (
            "set `listeners.https.ssl.certificate.location` to a PEM file with the certificate "
            "and its chain, and `listeners.https.ssl.key.location` to its key without a passphrase"
        )


class BadUsersFileError(VenvoyError):
    """The file of users cannot be read, or has a line that says no user."""

    code = "bad-users-file"

    def __init__(self, *, file: Path, reason: str) -> None:
        super().__init__(str(file), reason)
        self.file = file
        self.reason = reason

    @property
    def message(self) -> str:
        """The file and the line; never a password."""
        return f"`rest.basic.auth.file` `{self.file}`: {self.reason}"

    @property
    def hint(self) -> str:
        """What a line looks like."""
        return "write a line `user: password`, or `user: $scrypt$…`, for each user"
