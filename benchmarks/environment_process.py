"""One environment from stored wheels, made by a process of its own: STORE SHA256...."""

import sys
from pathlib import Path

from manager.interpreters.search import probe
from manager.store.environments import make_environment, plan_environment
from manager.store.store import Store


def main() -> None:
    """Find the interpreter and the wheels, and make the environment."""
    store = Store(Path(sys.argv[1]))
    interpreter = probe(Path(sys.executable), cache_dir=store.interpreters_dir)
    found = (store.find_wheel(sha256, interpreter.bytecode_tag) for sha256 in sys.argv[2:])
    wheels = [wheel for wheel in found if wheel is not None]
    print(make_environment(store, plan_environment(wheels, interpreter)).path)


if __name__ == "__main__":
    main()
