"""The commands of a bundle. What `exec` needs when all is made is looked up before anything else.

Imports stand where they are used: a warm start must not pay for those of a first one.
"""

from __future__ import annotations

import os
import sys

__all__ = ["main"]

_USAGE = """\
usage: {file}                            tell what is inside
       {file} check                      check every byte of it
       {file} exec SCRIPT [ARGUMENT]...  run a console script of the plugin's environment, or python
       {file} run CONNECTOR_FILE [--offsets FILE]
                                         run a connector: a source writes JSON lines to stdout,
                                         a sink reads them from stdin
"""


def main() -> None:
    """Run one command; exits 0, 1 when something is wrong, 2 for a usage error."""
    file = os.path.abspath(os.path.dirname(os.path.dirname(__file__)))
    by_sh = os.environ.pop("VENVOY_BUNDLE_SH", "") == "1"
    arguments = sys.argv[1:]
    command = arguments[0] if arguments else "info"
    if command == "exec" and len(arguments) > 1:
        from venvoy_bundle.cache import find_warm

        warm = None if by_sh else find_warm(file)
        if warm is not None and _is_program(warm, arguments[1]):
            _execute(warm, arguments[1:])
    from venvoy_bundle.bundle_format import BadBundleFormatError

    try:
        sys.exit(_run(file, command, arguments[1:], by_sh=by_sh))
    except BadBundleFormatError as error:
        sys.exit(f"error: the bundle {file} cannot be used: {error}")
    except BrokenPipeError:  # whoever read has enough
        os._exit(1)
    except OSError as error:
        sys.exit(f"error: {error}")


def _run(file: str, command: str, arguments: list[str], *, by_sh: bool) -> int:
    if command == "info" and not arguments:
        from venvoy_bundle.telling import tell

        return tell(file)
    if command == "check" and not arguments:
        from venvoy_bundle.telling import check

        return check(file)
    if command == "exec" and arguments:
        from venvoy_bundle.environments import get_environment

        environment = get_environment(file, make_warm=by_sh)
        if not _is_program(environment, arguments[0]):
            names = ", ".join(sorted(os.listdir(os.path.join(environment, "bin"))))
            sys.exit(f"error: the environment has no program {arguments[0]}; it has {names}")
        _execute(environment, arguments)
    if command == "run" and arguments and not arguments[0].startswith("-"):
        from venvoy_bundle.connectors import run

        return run(file, arguments[0], arguments[1:])
    usage = _USAGE.format(file=os.path.basename(file))
    if command in ("-h", "--help", "help"):
        sys.stdout.write(usage)
        return 0
    sys.stderr.write(usage)
    return 2


def _is_program(environment: str, name: str) -> bool:
    plain = os.sep not in name and not name.startswith(".")
    return plain and os.access(os.path.join(environment, "bin", name), os.X_OK)


def _execute(environment: str, arguments: list[str]) -> None:
    """Become a program of the environment; nothing of the caller's Python comes along."""
    for name in ("PYTHONHOME", "PYTHONPATH", "__PYVENV_LAUNCHER__"):
        os.environ.pop(name, None)
    sys.stdout.flush()
    program = os.path.join(environment, "bin", arguments[0])
    os.execv(program, [program, *arguments[1:]])
