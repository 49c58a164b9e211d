"""A plugin's class: imported from its entry point, or the reason why it cannot be."""

import inspect
import operator
import traceback
from typing import Any, Optional  # Python 3.9

import venvoy_api
from venvoy_host import boot
from venvoy_host.first import import_module

__all__ = ["API_CLASSES", "LoadError", "load_class", "make"]

API_CLASSES: dict[str, type[Any]] = {
    "source": venvoy_api.SourceConnector,
    "sink": venvoy_api.SinkConnector,
    "transformation": venvoy_api.Transformation,
    "predicate": venvoy_api.Predicate,
    "converter": venvoy_api.Converter,
    "header_converter": venvoy_api.HeaderConverter,
}
"""The API class that a plugin of each type must extend."""


class LoadError(Exception):
    """A class that cannot be loaded; `kind` is one of the kinds that `verify` documents."""

    def __init__(self, kind: str, message: str, module: Optional[str] = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.module = module
        self.trace = ""

    def as_json(self) -> dict[str, object]:
        """Return the shape that crosses to the worker."""
        return {
            "kind": self.kind,
            "module": self.module,
            "message": self.message,
            "traceback": self.trace,
        }


def load_class(plugin_type: str, module: str, qualname: str) -> type[Any]:
    """Import `module:qualname` and check that it is a concrete class of its type.

    Raises LoadError. Whatever the import did to the import system is put right afterwards.
    """
    name = f"{module}.{qualname}"
    try:
        found: Any = import_module(module)
    except BaseException as error:  # SystemExit at import is the plugin's fault, too
        raise _import_failure(module, error) from error
    finally:
        boot.finder().assert_first()
    try:
        found = operator.attrgetter(qualname)(found)
    except AttributeError as error:
        raise LoadError("missing-attribute", f"module {module} has no {qualname}") from error
    wanted = API_CLASSES[plugin_type]
    if not inspect.isclass(found) or not issubclass(found, wanted):
        raise LoadError("not-a-plugin", f"{name} is not a subclass of venvoy_api.{wanted.__name__}")
    if found is wanted or inspect.isabstract(found):
        missing = ", ".join(sorted(getattr(found, "__abstractmethods__", ())))
        raise LoadError("abstract", f"{name} is abstract: it does not define {missing}")
    return found


def make(cls: type[Any]) -> Any:
    """Construct the class without arguments, as the worker will; raises LoadError."""
    try:
        return cls()
    except BaseException as error:  # see load_class
        failure = LoadError(
            "constructor", f"{cls.__module__}.{cls.__qualname__}() raised {_short(error)}"
        )
        failure.trace = _trace(error)
        raise failure from error


def _import_failure(module: str, error: BaseException) -> LoadError:
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    kind = "missing-module" if missing else "import-error"
    message = f"importing {module} raised {_short(error)}{_where(error)}"
    failure = LoadError(kind, message, missing)
    failure.trace = _trace(error)
    return failure


def _short(error: BaseException) -> str:
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _where(error: BaseException) -> str:
    """Return the file and line that raised, as a SyntaxError tells them itself."""
    frames = [one for one in traceback.extract_tb(error.__traceback__) if one.line is not None]
    outside = [
        one for one in frames if not ("importlib" in one.filename or "venvoy_host" in one.filename)
    ]
    if isinstance(error, SyntaxError) or not outside:
        return ""
    file, line = outside[-1].filename.rpartition("/")[2], outside[-1].lineno
    return f" ({file}, line {line})"


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(type(error), error, error.__traceback__))
