"""What a bundle runs: `venvoy_bundle` beside this file."""

import importlib.machinery
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from zipimport import zipimporter

    __loader__: zipimporter

_PACKAGE = "venvoy_bundle"


class _Importer:
    """Imports the package from the archive: `zipimport` would compile every module twice."""

    def find_spec(
        self, name: str, _path: object = None, _target: object = None
    ) -> "importlib.machinery.ModuleSpec | None":
        if name.partition(".")[0] != _PACKAGE:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=name == _PACKAGE)  # type: ignore[arg-type]  # any object with these methods will do

    def create_module(self, _spec: object) -> None:
        """Have the usual module made."""

    def exec_module(self, module: "ModuleType") -> None:
        name = module.__name__.replace(".", "/")
        name = f"{name}/__init__.py" if module.__name__ == _PACKAGE else f"{name}.py"
        module.__file__ = f"{__file__[: -len('__main__.py')]}{name}"
        code = compile(__loader__.get_data(module.__file__), module.__file__, "exec")
        exec(code, module.__dict__)  # noqa: S102  # this is what importing is


sys.meta_path.insert(0, _Importer())

from venvoy_bundle.stub import main  # noqa: E402  # by the importer

main()
