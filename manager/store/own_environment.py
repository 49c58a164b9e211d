"""The worker's own environment, as hosts are given any other; see `manager.plugins.own_plugins`."""

import sys
from importlib.metadata import distributions
from pathlib import Path

from manager.digests import environment_digest
from manager.interpreters.interpreter import Interpreter
from manager.store.environments import Environment
from manager.store.receipts import Receipt

__all__ = ["own_environment"]


def own_environment(interpreter: Interpreter) -> Environment:
    """Return the worker's own environment as hosts are given any other.

    Its digest tells what is installed by name and version only: nothing here is hashed or locked.
    """
    names = sorted({(one.name.lower(), one.version, "") for one in distributions()})
    digest = environment_digest(names, interpreter.identity)
    receipt = Receipt(
        digest=digest,
        interpreter=interpreter.identity,
        wheels=tuple(names),
        warnings=(),
        verification=None,
        created="",
    )
    return Environment(path=Path(sys.prefix), digest=digest, receipt=receipt)
