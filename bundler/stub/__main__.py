"""What a bundle runs: `venvoy_bundle` beside this file. Any Python can parse this, to be told."""

import sys

if sys.version_info < (3, 7):  # noqa: UP036  # `python3` of a long-term system is older than ours
    _file = __file__[: -len("/__main__.py")]
    sys.exit(
        "error: the bundle " + _file + " needs Python 3.9 or later to start; this is "
        "Python " + sys.version.split()[0] + " (" + str(sys.executable) + ")\n"
        "  start it with a later one, as in `python3.11 " + _file + "`"
    )

import importlib.machinery  # old Pythons have none

_PACKAGE = "venvoy_bundle"


class _Importer:
    """Imports the package from the archive: `zipimport` would compile every module twice."""

    def find_spec(self, name, _path=None, _target=None):
        if name.partition(".")[0] != _PACKAGE:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=name == _PACKAGE)

    def create_module(self, _spec):
        """Have the usual module made."""

    def exec_module(self, module):
        name = module.__name__.replace(".", "/")
        name += "/__init__.py" if module.__name__ == _PACKAGE else ".py"
        module.__file__ = __file__[: -len("__main__.py")] + name
        code = compile(__loader__.get_data(module.__file__), module.__file__, "exec")
        exec(code, module.__dict__)  # noqa: S102  # this is what importing is


sys.meta_path.insert(0, _Importer())

from venvoy_bundle.stub import main  # noqa: E402  # by the importer

main()
