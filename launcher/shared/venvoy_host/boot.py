"""How a host comes up: die with the parent, framework first, then `site`, then one mode.

`prepare` is all that plugins' code can see of the order; it stands apart from `main` so that a
zygote can run it once and fork (design 8).
"""

import builtins
import contextlib
import os
import signal
import site
import sys
from collections.abc import Sequence

from venvoy_host.first import FrameworkFirst

__all__ = ["die_with_parent", "finder", "main", "parse_arguments", "prepare"]

_PR_SET_PDEATHSIG = 1
_installed: list[FrameworkFirst] = []


def finder() -> FrameworkFirst:
    """Return this process's finder; `prepare` ran before."""
    return _installed[0]


def main(api_dir: str, arguments: Sequence[str]) -> None:
    """Boot, then run the mode; never returns.

    The process ends with `os._exit`, so that a thread which a plugin left running cannot hold it.
    """
    mode, options = parse_arguments(arguments)
    if "parent" in options:
        die_with_parent(int(options["parent"]))
    prepare(api_dir, isolated=options.get("isolated") != "no")
    code = _run(mode, options)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # the worker may have gone, or a plugin put None there
            stream.flush()
    os._exit(code)


def parse_arguments(arguments: Sequence[str]) -> tuple[str, dict[str, str]]:
    """Read `MODE --name value …`; argparse would cost more than the rest of the boot."""
    if not arguments or len(arguments) % 2 == 0:
        sys.exit("usage: venvoy_host MODE [--option value]...; started by venvoy, not by hand")
    names = [name[2:] for name in arguments[1::2]]
    return arguments[0], dict(zip(names, arguments[2::2]))


def die_with_parent(parent: int) -> None:
    """Ask Linux for SIGKILL when the worker dies, and leave if it died before the question.

    Without ctypes or outside Linux the guardian and the end of the control socket do the work.
    """
    try:
        import ctypes  # noqa: PLC0415  # an interpreter may be built without it

        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    except (ImportError, AttributeError, OSError):
        pass
    if os.getppid() != parent:
        os._exit(1)


def prepare(api_dir: str, *, isolated: bool = True) -> None:
    """Install the finder, import the API, run `site`, and leave a clean sys.path.

    `isolated` leaves out what a `.pth` file names outside the environment; the worker's own
    environment, used when the plugin path is empty, may have plugins there (`pip install -e`).
    An `import` statement that a `.pth` file replaced is put back; later a plugin may do so.
    """
    first = FrameworkFirst(api_dir)
    _installed[:] = [first]
    first.assert_first()
    import venvoy_api  # noqa: F401, PLC0415  # before `site`, so that no `.pth` comes first

    first.assert_first()
    main_module = sys.modules["__main__"]
    # A `multiprocessing` child finds the framework only if it runs our __main__ by its path.
    main_module.__spec__ = None
    standard = list(sys.path)
    statement = builtins.__import__
    site.main()
    builtins.__import__ = statement
    first.assert_first()
    if isolated:
        sys.path[:] = _clean_path(standard, sys.path)


def _clean_path(standard: list[str], path: list[str]) -> list[str]:
    """Standard library, then what is below the environment, whatever a `.pth` says."""
    known = set(standard)
    inside = sys.prefix.rstrip(os.sep) + os.sep
    own = [entry for entry in path if entry not in known and entry.startswith(inside)]
    return [*standard, *dict.fromkeys(own)]


def _run(mode: str, options: dict[str, str]) -> int:
    # A host is several programs; each imports only what it needs.
    if mode == "verify":
        from venvoy_host import verify  # noqa: PLC0415

        return verify.main(int(options["result-fd"]))
    if mode == "stdio":
        from venvoy_host import stdio  # noqa: PLC0415

        return stdio.main(int(options["request-fd"]))
    if mode in ("connector", "task"):
        from venvoy_host import serve  # noqa: PLC0415

        return serve.main(mode, options)
    if mode == "zygote":
        from venvoy_host import zygote  # noqa: PLC0415

        return zygote.main(options)
    sys.exit(f"venvoy_host: unknown mode {mode!r}")
