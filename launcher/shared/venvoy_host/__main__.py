"""The entry of a host process: `python -I -S -B <api copy>/venvoy_host MODE --option value …`."""

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  # pathlib costs a host start its milliseconds
_API_DIR = os.path.dirname(_HERE)  # noqa: PTH120


def _start() -> None:
    # Python put the directory it was told to run at the head of sys.path, also under -I.
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != _HERE]  # noqa: PTH100
    sys.path.insert(0, _API_DIR)
    from venvoy_host import boot  # noqa: PLC0415  # nothing can be imported before the line above

    sys.path.remove(_API_DIR)
    if __name__ == "__main__":
        boot.main(_API_DIR, sys.argv[1:])
    else:
        boot.prepare(_API_DIR)


if __name__ in ("__main__", "__mp_main__"):  # the second: a `multiprocessing` child of a plugin
    _start()
