"""The finder that serves the framework from one read-only directory, before anything else.

Design 7, third place: nothing that a plugin brings (a copy of `venvoy_api`, a `.pth` file, an
import hook) can put another framework in its place.
"""

import os
import sys
from collections.abc import Iterable, Sequence

# By name: a `.pth` file, which runs later, may put other functions into `importlib`.
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from types import ModuleType
from typing import Any, Optional

__all__ = ["FRAMEWORK", "FrameworkFirst", "import_module"]

FRAMEWORK = ("venvoy_api", "venvoy_host")


class FrameworkFirst:
    """Serves `FRAMEWORK` and its submodules from `api_dir` only, and `venvoy-api`'s metadata."""

    def __init__(self, api_dir: str) -> None:
        self.api_dir = api_dir
        self._modules: dict[str, ModuleType] = {}
        # Names that may have become modules of ours. Whoever walks all of sys.modules touches a
        # page for each, which a fork of a zygote would otherwise share.
        self._served = {name for name in sys.modules if name.partition(".")[0] in FRAMEWORK}

    def find_spec(
        self,
        fullname: str,
        path: Optional[Sequence[str]] = None,
        target: Optional[ModuleType] = None,
    ) -> Optional[ModuleSpec]:
        """Return the framework's own file; None for other names.

        Raises ModuleNotFoundError for a framework name that does not exist: the search must not
        go on to a finder that would make one up.
        """
        del path, target
        if fullname.partition(".")[0] not in FRAMEWORK:
            return None
        base = os.path.join(self.api_dir, *fullname.split("."))  # noqa: PTH118
        package = os.path.join(base, "__init__.py")  # noqa: PTH118
        self._served.add(fullname)
        if os.path.isfile(package):  # noqa: PTH113
            return spec_from_file_location(fullname, package, submodule_search_locations=[base])
        if os.path.isfile(base + ".py"):  # noqa: PTH113
            return spec_from_file_location(fullname, base + ".py")
        raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)

    def find_distributions(self, context: Any = None) -> Iterable[Any]:
        """Answer `importlib.metadata` for `venvoy-api`; the first answer to a name wins there.

        Called by `importlib.metadata` (and its backport), so importing it here costs nothing.
        """
        name = getattr(context, "name", None)
        if name is not None and name.lower().replace("_", "-").replace(".", "-") != "venvoy-api":
            return []
        from venvoy_host import metadata  # noqa: PLC0415  # importlib.metadata is slow to import

        return [metadata.ApiDistribution(self.api_dir)]

    def invalidate_caches(self) -> None:
        """Nothing is cached."""

    def assert_first(self) -> None:
        """Put this finder back at the head and the framework's modules back in their place.

        Called after everything of a plugin's that may have inserted a hook: `site`'s `.pth`
        files, and each import of a plugin's module.
        """
        meta_path: list[Any] = sys.meta_path
        if not meta_path or meta_path[0] is not self:
            meta_path[:] = [self, *(finder for finder in meta_path if finder is not self)]
        for name in list(self._served):  # another thread may import just now
            found = sys.modules.get(name)
            if found is not None and self._is_ours(found):
                self._modules[name] = found
        for name, module in self._modules.items():
            if sys.modules.get(name) is not module:
                sys.modules[name] = module

    def _is_ours(self, module: object) -> bool:
        file = getattr(module, "__file__", None)
        return isinstance(file, str) and file.startswith(self.api_dir + os.sep)
