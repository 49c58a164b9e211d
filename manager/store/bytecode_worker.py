"""Compiles files to bytecode: run by the interpreter that will read it, never imported.

Started as `python -I -S -B -W ignore bytecode_worker.py`; reads a JSON list of [file, name to put
into the code] from stdin, writes a JSON list of the files that do not compile to stdout. Python
3.9 and later, standard library only. The bytecode is never checked against its source
(unchecked-hash, PEP 552): both are read-only and of one wheel.
"""

import json
import py_compile
import sys


def main() -> None:
    """Compile each file; one that is not Python of this version is named, and no reason to stop."""
    failed = []
    for file, name in json.load(sys.stdin):
        try:
            py_compile.compile(
                file,
                dfile=name,
                doraise=True,
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
            )
        except (py_compile.PyCompileError, ValueError, RecursionError, MemoryError, OSError):
            failed.append(file)
    json.dump(failed, sys.stdout)


if __name__ == "__main__":
    main()
