"""The store takes each wheel once, whole, read-only, and lets nobody wait in vain."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from manager.digests import file_sha256
from manager.interpreters.search import Interpreter, probe
from manager.store.filling import HashMismatchError
from manager.store.layout import UnsafeStoreError
from manager.store.store import Store
from manager.store.wheels import CorruptWheelError

ROOT = Path(__file__).parents[2]

ADD = """
import sys
from pathlib import Path
from manager.store import filling
from manager.interpreters.search import probe
from manager.store.store import Store
from manager.digests import file_sha256
store = Store(Path(sys.argv[1]))
python = probe(Path(sys.executable), cache_dir=store.interpreters_dir)
{patch}
wheel = Path(sys.argv[2])
say = lambda text: print(text, flush=True)
store.add_wheels([(wheel, file_sha256(wheel))], python, progress=say)
print("done", flush=True)
"""


def adding(store: Store, wheel: Path, patch: str = "") -> subprocess.Popen[str]:
    """Start a process that adds a wheel; `patch` is put before it does."""
    return subprocess.Popen(
        [sys.executable, "-c", ADD.format(patch=patch), str(store.root), str(wheel)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def tree(root: Path) -> dict[str, tuple[int, bytes]]:
    """Every file below, with mode and content."""
    return {
        str(path.relative_to(root)): (stat.S_IMODE(path.lstat().st_mode), path.read_bytes())
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def add(store: Store, interpreter: Interpreter, *files: Path) -> list[Path]:
    wheels = store.add_wheels([(file, file_sha256(file)) for file in files], interpreter)
    return [wheel.path for wheel in wheels]


def test_the_store_is_private_and_says_what_it_is(store: Store) -> None:
    store.prepare()
    assert stat.S_IMODE(store.root.stat().st_mode) == 0o700
    assert (store.root / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d17278")
    assert "venvoy plugins sync" in (store.root / "README").read_text()


def test_a_store_that_everybody_may_write_to_is_refused(store: Store) -> None:
    store.root.mkdir()
    store.root.chmod(0o777)
    with pytest.raises(UnsafeStoreError):
        store.prepare()


def test_a_wheel_enters_once_and_is_read_only(
    store: Store, python311: Interpreter, make_wheel: Callable[..., Path]
) -> None:
    file = make_wheel(files={"acme/__init__.py": "A = 1\n", "acme/data.txt": "x", "single.py": ""})
    (path,) = add(store, python311, file)
    assert path == store.root / "wheels" / file_sha256(file)[:40] / "cpython-311"
    assert (path / "site/acme/__pycache__/__init__.cpython-311.pyc").is_file()
    for entry in (path, *path.rglob("*")):
        assert not entry.stat().st_mode & 0o222
    before = path.stat().st_ctime_ns
    sha256 = file_sha256(file)
    file.unlink()  # not needed any more
    (again,) = store.add_wheels([(file, sha256)], python311)
    assert again.path == path
    assert path.stat().st_ctime_ns == before


def test_bytecode_is_never_checked_and_names_the_final_path(
    store: Store, python311: Interpreter, make_wheel: Callable[..., Path]
) -> None:
    (path,) = add(store, python311, make_wheel(files={"acme.py": "def f(): pass\n"}))
    content = (path / "site/__pycache__/acme.cpython-311.pyc").read_bytes()
    assert int.from_bytes(content[4:8], "little") == 0b01  # hash-based, unchecked (PEP 552)
    assert str(path / "site" / "acme.py").encode() in content
    assert b"staging" not in content


def test_a_file_that_is_not_python_is_told_and_does_not_stop_the_wheel(
    store: Store, python311: Interpreter, make_wheel: Callable[..., Path]
) -> None:
    file = make_wheel(files={"acme.py": "", "templates/x.py": "def {{name}}(:", "z.py": "\0"})
    (wheel,) = store.add_wheels([(file, file_sha256(file))], python311)
    assert wheel.receipt.uncompiled == ("templates/x.py", "z.py")
    assert (wheel.site_dir / "__pycache__/acme.cpython-311.pyc").is_file()


def test_each_interpreter_gets_its_own_bytecode(
    store: Store,
    each_python: Path,
    interpreter_cache: Path,
    make_wheel: Callable[..., Path],
) -> None:
    interpreter = probe(each_python, cache_dir=interpreter_cache)
    (path,) = add(store, interpreter, make_wheel(files={"acme.py": "A = 1\n"}))
    assert path.name == interpreter.cache_tag
    (compiled,) = (path / "site" / "__pycache__").iterdir()
    assert compiled.read_bytes()[:4].hex() == interpreter.magic


def test_the_same_bytes_come_out_under_any_umask(
    tmp_path: Path, python311: Interpreter, make_wheel: Callable[..., Path]
) -> None:
    file = make_wheel(files={"acme/__init__.py": "", "run": "x"}, executable=["run"])
    sides = []
    for umask in (0o022, 0o077):
        old = os.umask(umask)
        try:
            (path,) = add(Store(tmp_path / str(umask) / "s"), python311, file)
        finally:
            os.umask(old)
        sides.append({name: entry for name, entry in tree(path).items() if ".pyc" not in name})
    assert sides[0] == sides[1]


def test_a_damaged_library_is_a_file_like_any_other(
    store: Store, python311: Interpreter, make_wheel: Callable[..., Path]
) -> None:
    (path,) = add(store, python311, make_wheel(files={"acme/_cut.so": "\x7fELF"}))
    assert (path / "site/acme/_cut.so").read_bytes() == b"\x7fELF"


def test_a_file_with_another_hash_is_refused(
    store: Store, python311: Interpreter, make_wheel: Callable[..., Path]
) -> None:
    with pytest.raises(HashMismatchError) as caught:
        store.add_wheels([(make_wheel(), "0" * 64)], python311)
    assert "0" * 64 in caught.value.message
    assert list((store.root / "staging").iterdir()) == []


def test_a_bad_wheel_does_not_keep_the_good_ones_out(
    store: Store, python311: Interpreter, make_wheel: Callable[..., Path]
) -> None:
    good, bad = make_wheel("good"), make_wheel("bad")
    bad.write_bytes(bad.read_bytes()[:100])
    with pytest.raises(CorruptWheelError):
        add(store, python311, bad, good)
    assert store.find_wheel(file_sha256(good), "cpython-311") is not None
    assert store.find_wheel(file_sha256(bad), "cpython-311") is None


def test_a_wheel_whose_receipt_is_damaged_is_made_again(
    store: Store, python311: Interpreter, make_wheel: Callable[..., Path]
) -> None:
    file = make_wheel(files={"acme.py": "A = 1\n"})
    (path,) = add(store, python311, file)
    (path / "wheel.json").chmod(0o644)
    (path / "wheel.json").write_text("")
    (path / "site/acme.py").chmod(0o644)
    (path / "site/acme.py").write_text("broken")
    assert store.find_wheel(file_sha256(file), "cpython-311") is None
    add(store, python311, file)
    assert (path / "site/acme.py").read_text() == "A = 1\n"


SLOW = """
slow = filling.publish
def publish(*args, **kwargs):
    print("about to publish", flush=True)
    input()
    slow(*args, **kwargs)
filling.publish = publish
"""


def wait_for(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdout is not None
    while line := process.stdout.readline():
        if text in line:
            return
    pytest.fail(f"the process ended before it said {text!r}")


def slow_adding(store: Store, wheel: Path) -> subprocess.Popen[str]:
    """Start a process that stops before it publishes, until it gets a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", ADD.format(patch=SLOW), str(store.root), str(wheel)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    wait_for(process, "about to publish")
    return process


def end(process: subprocess.Popen[str]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
    process.wait(30)


def test_a_kill_in_the_middle_leaves_nothing_that_is_trusted(
    store: Store, python311: Interpreter, make_wheel: Callable[..., Path]
) -> None:
    """X02: what is there is whole."""
    file = make_wheel(files={"acme.py": "A = 1\n"})
    process = slow_adding(store, file)
    process.send_signal(signal.SIGKILL)
    end(process)
    assert store.find_wheel(file_sha256(file), "cpython-311") is None
    assert not store.wheels_dir.exists() or not list(store.wheels_dir.rglob("acme.py"))
    (path,) = add(store, python311, file)  # the dead process's lock is free again
    assert (path / "site/acme.py").read_text() == "A = 1\n"


def test_a_process_that_wants_the_same_wheel_waits_and_builds_nothing(
    store: Store, make_wheel: Callable[..., Path]
) -> None:
    file = make_wheel()
    first = slow_adding(store, file)
    second = adding(store, file)
    time.sleep(0.5)
    assert second.poll() is None  # it waits for the first
    assert first.stdin is not None
    first.stdin.write("\n")
    first.stdin.flush()
    output, _ = second.communicate(timeout=60)
    end(first)
    assert output == "done\n"  # nothing unpacked, nothing stored


def test_a_build_of_another_wheel_is_not_waited_for(
    store: Store, make_wheel: Callable[..., Path]
) -> None:
    first = slow_adding(store, make_wheel("slow"))
    second = adding(store, make_wheel("quick"))
    output, _ = second.communicate(timeout=60)
    assert output.endswith("done\n")
    first.kill()
    end(first)


def test_many_processes_at_once_agree(store: Store, make_wheel: Callable[..., Path]) -> None:
    file = make_wheel(files={f"acme/m{index}.py": "A = 1\n" for index in range(30)})
    processes = [adding(store, file) for _ in range(4)]
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert all(output.endswith("done\n") for output in outputs)
    assert sum("unpacking 1 wheel\n" in output for output in outputs) == 1


def test_built_wheels_are_kept_by_their_tree(
    store: Store, make_wheel: Callable[..., Path], tmp_path: Path
) -> None:
    assert store.built_wheel("ab" * 32) is None
    kept = store.add_built_wheel("ab" * 32, make_wheel())
    assert store.built_wheel("ab" * 32) == kept
    assert not kept.stat().st_mode & 0o222
    other = make_wheel(files={"other.py": ""}, directory=tmp_path / "later")
    assert store.add_built_wheel("ab" * 32, other) == kept


def shared_like(directory: Path) -> Path:
    for package in ("venvoy_api", "venvoy_host"):
        (directory / package / "__pycache__").mkdir(parents=True)
        (directory / package / "__init__.py").write_text("A = 1\n")
        (directory / package / "__pycache__" / "old.pyc").write_text("")
    (directory / "pyproject.toml").write_text('[project]\nname = "venvoy-api"\nversion = "1.2.3"\n')
    return directory


def test_the_api_copy_is_read_only_and_compiled_for_those_who_ask(
    store: Store, python311: Interpreter, tmp_path: Path
) -> None:
    shared = shared_like(tmp_path / "shared")
    copy = store.put_api(shared, [python311])
    assert str(copy.version) == "1.2.3"
    assert copy.host == copy.path / "venvoy_host"
    caches = [path.name for path in copy.path.rglob("*.pyc")]
    assert sorted(caches) == ["__init__.cpython-311.pyc"] * 2
    assert all(not path.stat().st_mode & 0o222 for path in copy.path.rglob("*"))
    assert store.put_api(shared, [python311]) == copy


def test_a_changed_api_is_another_copy_and_the_old_one_stays(store: Store, tmp_path: Path) -> None:
    shared = shared_like(tmp_path / "shared")
    first = store.put_api(shared)
    (shared / "venvoy_host" / "__init__.py").write_text("A = 2\n")
    second = store.put_api(shared)
    assert first.digest != second.digest
    assert (first.path / "venvoy_host/__init__.py").read_text() == "A = 1\n"
    assert (second.path / "venvoy_host/__init__.py").read_text() == "A = 2\n"
