"""The programs of an environment: what an entry point becomes, and scripts of a wheel's own.

Each runs the environment's own python by its final path. A path that the kernel does not take in
a `#!` line (over 127 bytes, or with a blank) goes through `/bin/sh`, which Python reads as a
string (distlib's trick, as in pip and uv).
"""

import re
import shlex
from pathlib import Path

from manager.store.wheels import Script

__all__ = ["asks_for_python", "console_script", "rewritten"]

_TEMPLATE = """\
import sys
from {module} import {name}
if __name__ == "__main__":
    sys.exit({attribute}())
"""
_MAX_LINE_BYTES = 127
_ASKS_FOR_PYTHON = re.compile(rb"#!python[^ \r\n]*([^\r\n]*)\r?\n")


def console_script(script: Script, python: Path) -> bytes:
    """Return the program of an entry point."""
    text = _TEMPLATE.format(
        module=script.module,
        name=script.attribute.partition(".")[0],
        attribute=script.attribute,
    )
    return _shebang(python) + text.encode()


def asks_for_python(file: Path) -> bool:
    """Say whether a wheel's own script is to run an environment's python (PEP 427)."""
    with file.open("rb") as stream:
        return stream.read(len(b"#!python")) == b"#!python"


def rewritten(content: bytes, python: Path) -> bytes:
    """Return a wheel's own script, with `#!python` made this python (PEP 427); others unchanged."""
    asked = _ASKS_FOR_PYTHON.match(content)
    return content if asked is None else _shebang(python) + content[asked.end() :]


def _shebang(python: Path) -> bytes:
    path = str(python)
    line = f"#!{path}\n".encode()
    if len(line) <= _MAX_LINE_BYTES and not re.search(r"\s", path):
        return line
    return f"#!/bin/sh\n'''exec' {shlex.quote(path)} \"$0\" \"$@\"\n' '''\n".encode()
