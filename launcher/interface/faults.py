"""What a worker refuses, each with the status that REST answers it with (reference, section 4)."""

from manager.errors import VenvoyError

__all__ = [
    "ConflictError",
    "ConnectorExistsError",
    "InvalidConnectorConfigError",
    "NotFoundError",
    "RefusedError",
    "RequestError",
    "RequestTimedOutError",
]


class RefusedError(VenvoyError):
    """A request to the worker that cannot be done; `status` is HTTP's."""

    code = "refused"
    status = 400

    def __init__(self, what: str, *, remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy

    @property
    def message(self) -> str:
        """What Kafka Connect says in this case, word for word where it has words."""
        return self.what

    @property
    def hint(self) -> str:
        """What to do; REST leaves it out, as Kafka has no room for it."""
        return self.remedy


class RequestError(RefusedError):
    """The request itself is wrong."""

    code = "bad-request"


class NotFoundError(RefusedError):
    """There is no such connector, task, plugin or logger."""

    code = "not-found"
    status = 404


class ConnectorExistsError(RefusedError):
    """A connector of that name exists."""

    code = "connector-exists"
    status = 409

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Connector {name} already exists",
            remedy=f"change it with PUT /connectors/{name}/config",
        )


class ConflictError(RefusedError):
    """Something else is being done to the connector right now."""

    code = "conflict"
    status = 409


class InvalidConnectorConfigError(RefusedError):
    """A connector's config has faults; the message lists every one, as Kafka's does."""

    code = "invalid-config"

    def __init__(self, errors: tuple[str, ...]) -> None:
        listed = "\n".join(errors)
        super().__init__(
            f"Connector configuration is invalid and contains the following {len(errors)} "
            f"error(s):\n{listed}\nYou can also find the above list of errors at the endpoint "
            "`/connector-plugins/{connectorType}/config/validate`"
        )
        self.errors = errors


class RequestTimedOutError(RefusedError):
    """A plugin did not answer in time; `stage` is what was being done, `began` since when."""

    code = "request-timed-out"
    status = 500

    def __init__(self, *, stage: str, began: str) -> None:
        super().__init__(
            f"Request timed out. The worker is currently {stage}, which began at {began}",
            remedy="find out what the plugin waits for; its host was ended",
        )
        self.stage = stage
        self.began = began
