"""An environment is a virtualenv made of links: nothing is copied, nothing is written later."""

import os
import stat
import struct
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from manager.digests import file_sha256
from manager.interpreters.search import Interpreter, probe
from manager.store.environments import (
    Environment,
    UnfitWheelError,
    make_environment,
    plan_environment,
    unhealthy,
)
from manager.store.links import FileCollisionError
from manager.store.receipts import UnreadableReceiptError, read_receipt
from manager.store.store import Store

MakeWheel = Callable[..., Path]
MakeEnvironment = Callable[..., Environment]


def run(environment: Environment, code: str, *options: str) -> str:
    """Run code in an environment and return what it printed."""
    done = subprocess.run(
        [environment.python, "-I", "-B", *options, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd="/",
    )
    return done.stdout.strip()


def snapshot(root: Path) -> dict[str, tuple[int, int, int]]:
    """Everything below with mode, size and mtime."""
    found = {}
    for path in root.rglob("*"):
        status = path.lstat()
        found[str(path)] = (status.st_mode, status.st_size, status.st_mtime_ns)
    return found


def test_every_python_runs_what_is_linked(
    store: Store,
    each_python: Path,
    interpreter_cache: Path,
    make_wheel: MakeWheel,
    environment_of: MakeEnvironment,
) -> None:
    interpreter = probe(each_python, cache_dir=interpreter_cache)
    wheel = make_wheel(
        files={
            "acme/__init__.py": "import single\nV = single.V\ndef main(): return 'ACME'",
            "single.py": "V = 7",
        },
        entry_points={"console_scripts": {"acme": "acme:main"}},
    )
    environment = environment_of(wheel, interpreter=interpreter)
    code = "import acme, sys, importlib.metadata as m; print(acme.V, sys.prefix, m.version('acme'))"
    assert run(environment, code) == f"7 {environment.path} 1.0"
    paths = run(environment, "import sys; print([p for p in sys.path if 'site-packages' in p])")
    assert str(environment.path / "lib" / interpreter.library / "site-packages") in paths
    assert paths.count("site-packages") == 1
    program = environment.path / "bin" / "acme"
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "ACME"  # sys.exit says a text it is given
    assert environment.path.name == environment.digest[:40]


def test_a_virtualenv_sees_no_site_of_its_base(
    make_wheel: MakeWheel, environment_of: MakeEnvironment
) -> None:
    environment = environment_of(make_wheel())
    configuration = (environment.path / "pyvenv.cfg").read_text()
    assert "include-system-site-packages = false" in configuration
    assert "command" not in configuration
    assert "staging" not in configuration
    assert not (environment.path / "bin" / "pip").exists()
    assert not (environment.path / "bin" / "activate").exists()


def test_a_second_environment_adds_only_links_and_its_import_compiles_nothing(
    store: Store, make_wheel: MakeWheel, environment_of: MakeEnvironment
) -> None:
    files = {f"shared/m{index}.py": f"V = {index}\n" for index in range(200)}
    files |= {"shared/__init__.py": "", "shared/big.bin": "x" * 500_000}
    shared = make_wheel("shared", files=files)
    environment_of(shared, make_wheel("one"))
    before = snapshot(store.root)
    second = environment_of(shared, make_wheel("two", files={"two.py": ""}))
    added = {path: entry for path, entry in snapshot(store.root).items() if path not in before}
    in_environment = [path for path in added if path.startswith(str(second.path))]
    contents = sum(
        size
        for path, (mode, size, _) in added.items()
        if path in in_environment and stat.S_ISREG(mode)
    )
    assert contents < 4096  # pyvenv.cfg and the receipt
    assert len(in_environment) < 25
    os.utime(shared)
    before = snapshot(store.root)
    code = "import shared.m1, shared.m199, two"
    done = subprocess.run(
        [second.python, "-I", "-v", "-c", code], capture_output=True, text=True, check=True
    )
    assert f"shared/__pycache__/m199.cpython-311.pyc matches {second.path}" in done.stderr
    assert "# wrote" not in done.stderr
    assert snapshot(store.root) == before


def test_bytecode_is_used_whatever_the_clock_says(
    make_wheel: MakeWheel, environment_of: MakeEnvironment
) -> None:
    environment = environment_of(make_wheel(files={"acme.py": "V = 1\n"}))
    site = environment.path / "lib/python3.11/site-packages"
    os.utime(site / "acme.py", (1, 1))
    code = "import acme; print(acme.__cached__, acme.V)"
    assert run(environment, code) == f"{site}/__pycache__/acme.cpython-311.pyc 1"


def test_nothing_in_the_store_may_be_written(
    store: Store, make_wheel: MakeWheel, environment_of: MakeEnvironment
) -> None:
    environment_of(make_wheel())
    for place in (store.environments_dir, store.wheels_dir):
        for path in place.rglob("*"):
            private = path.is_dir() and path.parent == store.wheels_dir  # holds the tags
            assert path.is_symlink() or private or not path.stat().st_mode & 0o222, path
    assert stat.S_IMODE(store.root.stat().st_mode) == 0o700


def test_the_same_wheels_in_any_order_are_one_environment(
    make_wheel: MakeWheel, environment_of: MakeEnvironment
) -> None:
    one, two = make_wheel("one"), make_wheel("two")
    assert environment_of(one, two) == environment_of(two, one)


def test_another_wheel_or_another_interpreter_is_another_environment(
    make_wheel: MakeWheel,
    environment_of: MakeEnvironment,
    tmp_path: Path,
    interpreter_cache: Path,
    python311: Interpreter,
) -> None:
    wheel = make_wheel(files={"acme.py": "V = 1\n"})
    changed = make_wheel(files={"acme.py": "V = 2\n"}, directory=tmp_path / "changed")
    digests = {environment_of(wheel).digest, environment_of(changed).digest}
    touched = replace(python311, mtime_ns=python311.mtime_ns + 1)
    digests.add(plan_environment([], touched).digest)
    digests.add(plan_environment([], python311).digest)
    assert len(digests) == 4


def test_namespace_packages_of_several_wheels_are_merged_at_every_depth(
    make_wheel: MakeWheel, environment_of: MakeEnvironment
) -> None:
    environment = environment_of(
        make_wheel("ns-one", files={"ns/deep/one/__init__.py": "V = 1", "ns/one.py": "V = 10"}),
        make_wheel("ns-two", files={"ns/deep/two/__init__.py": "V = 2", "ns/two.py": "V = 20"}),
    )
    code = "import ns.one, ns.two, ns.deep.one, ns.deep.two; print(ns.one.V, ns.two.V, {})"
    assert run(environment, code.format("ns.deep.one.V, ns.deep.two.V")) == "10 20 1 2"
    site = environment.path / "lib/python3.11/site-packages"
    assert not (site / "ns").is_symlink()
    assert (site / "ns/deep/one").is_symlink()


def test_the_same_file_twice_is_fine_if_it_is_equal_and_an_error_if_not(
    make_wheel: MakeWheel, environment_of: MakeEnvironment
) -> None:
    common = {"ns/__init__.py": "# same\n"}
    one = make_wheel("one", files={**common, "ns/one.py": "V = 1"})
    two = make_wheel("two", files={**common, "ns/two.py": "V = 2"})
    environment = environment_of(one, two)
    assert run(environment, "import ns.one, ns.two; print(ns.one.V + ns.two.V)") == "3"
    three = make_wheel("three", files={"ns/__init__.py": "# other\n"})
    with pytest.raises(FileCollisionError) as caught:
        environment_of(one, three)
    assert "ns/__init__.py` is in both one 1.0 and three 1.0" in caught.value.message
    assert "`override = [\"NAME; sys_platform == 'never'\"]`" in caught.value.hint


def test_a_file_and_a_directory_of_one_name_collide(
    make_wheel: MakeWheel, environment_of: MakeEnvironment
) -> None:
    with pytest.raises(FileCollisionError):
        environment_of(
            make_wheel("one", files={"thing": "x"}), make_wheel("two", files={"thing/x.py": ""})
        )


def test_a_failed_environment_leaves_nothing(
    store: Store, make_wheel: MakeWheel, environment_of: MakeEnvironment
) -> None:
    with pytest.raises(FileCollisionError):
        environment_of(make_wheel("a", files={"x": "1"}), make_wheel("b", files={"x": "2"}))
    assert not list(store.environments_dir.glob("*"))
    assert not list((store.root / "staging").iterdir())


def test_what_stands_in_for_the_api_is_left_out_and_told(
    make_wheel: MakeWheel, environment_of: MakeEnvironment
) -> None:
    false = make_wheel(
        "venvoy-api",
        files={"venvoy_api/__init__.py": "EVIL = 1", "venvoy_host.py": "EVIL = 1", "ok.py": ""},
    )
    environment = environment_of(false)
    site = environment.path / "lib/python3.11/site-packages"
    assert sorted(path.name for path in site.iterdir()) == ["__pycache__", "ok.py"]
    assert [path.name for path in (site / "__pycache__").iterdir()] == ["ok.cpython-311.pyc"]
    warnings = environment.receipt.warnings
    assert len(warnings) == 3
    assert (
        "venvoy-api 1.0 ships `venvoy_api`, which only venvoy provides: it was left out" in warnings
    )


def test_data_headers_scripts_and_pth_files_are_in_their_places(
    make_wheel: MakeWheel, environment_of: MakeEnvironment
) -> None:
    environment = environment_of(
        make_wheel(
            files={
                "acme.py": "",
                "acme.pth": "import sys; sys.pth_was_here = True\n",
                "acme-1.0.data/data/share/acme/x.txt": "x",
                "acme-1.0.data/data/etc/acme.conf": "y",
                "acme-1.0.data/headers/a.h": "h",
                "acme-1.0.data/scripts/hello": "#!python\nimport sys; print(sys.prefix)\n",
                "acme-1.0.data/scripts/plain": "#!/bin/sh\necho plain\n",
            },
            executable=["acme-1.0.data/scripts/hello", "acme-1.0.data/scripts/plain"],
        ),
        make_wheel("other", files={"other-1.0.data/data/share/other.txt": "z"}),
    )
    path = environment.path
    assert run(environment, "import sys; print(sys.pth_was_here)") == "True"
    assert (path / "share/acme/x.txt").read_text() == "x"
    assert (path / "share/other.txt").read_text() == "z"
    assert (path / "etc/acme.conf").read_text() == "y"
    assert (path / "include/site/python3.11/acme/a.h").read_text() == "h"
    hello = subprocess.run([path / "bin/hello"], capture_output=True, text=True, check=True)
    assert hello.stdout.strip() == str(path)
    assert (path / "bin/plain").is_symlink()
    plain = subprocess.run([path / "bin/plain"], capture_output=True, text=True, check=True)
    assert plain.stdout.strip() == "plain"


@pytest.mark.parametrize("place", ["x" * 120, "with blank"])
def test_programs_survive_long_paths_and_blanks(
    tmp_path: Path, python311: Interpreter, make_wheel: MakeWheel, place: str
) -> None:
    store = Store(tmp_path / place / "store")
    wheel = make_wheel(
        files={"acme.py": "import sys\ndef main():\n    print(sys.argv[1:])\n"},
        entry_points={"console_scripts": {"acme": "acme:main"}},
    )
    wheels = store.add_wheels([(wheel, file_sha256(wheel))], python311)
    environment = make_environment(store, plan_environment(wheels, python311))
    program = environment.path / "bin" / "acme"
    done = subprocess.run([program, "a b", "c"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['a b', 'c']"


def test_a_wheel_for_another_python_and_a_wheel_twice_are_refused(
    make_wheel: MakeWheel, environment_of: MakeEnvironment, tmp_path: Path
) -> None:
    with pytest.raises(UnfitWheelError, match="cp27"):
        environment_of(make_wheel(tag="cp27-cp27m-win32"))
    with pytest.raises(UnfitWheelError, match=r"acme 1\.0 cannot"):
        environment_of(make_wheel(), make_wheel(version="2.0"))


def test_an_environment_without_its_wheel_or_interpreter_is_unhealthy_and_made_again(
    store: Store, make_wheel: MakeWheel, environment_of: MakeEnvironment
) -> None:
    wheel = make_wheel()
    environment = environment_of(wheel)
    assert unhealthy(environment) is None
    (stored,) = store.wheels_dir.iterdir()
    stored.rename(store.root / "away")
    assert unhealthy(environment) == "its wheel acme 1.0 is no longer in the store"
    assert store.environment(environment.digest) is None
    environment_of(wheel)
    assert unhealthy(environment) is None
    environment.path.chmod(0o755)
    (environment.path / "bin").chmod(0o755)
    environment.python.unlink()
    assert "is gone" in str(unhealthy(environment))
    again = environment_of(wheel)
    assert again.path == environment.path
    assert unhealthy(again) is None


def test_a_receipt_of_a_newer_venvoy_is_refused_by_name(
    make_wheel: MakeWheel, environment_of: MakeEnvironment
) -> None:
    environment = environment_of(make_wheel())
    assert read_receipt(environment.path) == environment.receipt
    file = environment.path / "receipt.json"
    file.chmod(0o644)
    file.write_text(file.read_text().replace('"schema": 1', '"schema": 2'))
    with pytest.raises(UnreadableReceiptError, match="schema 2, and this venvoy knows 1"):
        read_receipt(environment.path)


def test_making_one_from_stored_wheels_starts_no_process_and_is_quick(
    store: Store,
    python311: Interpreter,
    make_wheel: MakeWheel,
    environment_of: MakeEnvironment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = [make_wheel(f"w{index}") for index in range(20)]
    environment_of(*files)  # makes the skeleton
    wheels = store.add_wheels([(file, file_sha256(file)) for file in files[:19]], python311)
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", None)
        before = time.thread_time()  # not what others do meanwhile
        make_environment(store, plan_environment(wheels, python311))
    assert time.thread_time() - before < 0.25  # about 5 ms


def elf(runpath: str) -> bytes:
    """The least 64-bit ELF library that has a RUNPATH."""
    strings = b"\0" + runpath.encode() + b"\0"
    start = 64 + 2 * 56
    dynamic = struct.pack("<qQqQqQ", 5, start + 48, 29, 1, 0, 0)
    size = start + len(dynamic) + len(strings)
    header = (
        b"\x7fELF\2\1\1"
        + bytes(9)
        + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    )
    load = struct.pack("<IIQQQQQQ", 1, 4, 0, 0, 0, size, size, 4096)
    table = struct.pack("<IIQQQQQQ", 2, 4, start, start, start, len(dynamic), len(dynamic), 8)
    return header + load + table + dynamic + strings


def test_libraries_that_look_outside_their_wheel_get_real_directories(
    make_wheel: MakeWheel, environment_of: MakeEnvironment
) -> None:
    environment = environment_of(
        make_wheel(
            "torchlike",
            files={
                "torch/lib/libtorch.so.1": elf("$ORIGIN/../../nvidia/cublas/lib:$ORIGIN"),
                "torch/_C.so": elf("$ORIGIN/lib"),
                "torch/nn/__init__.py": "",
            },
        ),
        make_wheel("nvidia-cublas", files={"nvidia/cublas/lib/libcublas.so.12": elf("$ORIGIN")}),
        make_wheel(
            "numpylike",
            files={"np/core/x.so": elf("$ORIGIN/../../np.libs"), "np.libs/blas.so": elf("$ORIGIN")},
        ),
    )
    site = environment.path / "lib/python3.11/site-packages"
    links = {
        name
        for name in ("torch", "torch/lib", "torch/nn", "np", "nvidia")
        if (site / name).is_symlink()
    }
    assert links == {"torch/nn", "np", "nvidia"}
    assert (site / "torch/lib/libtorch.so.1").is_symlink()
    # What the loader opens: $ORIGIN is the directory of the path that it was given.
    assert (site / "torch/lib/../../nvidia/cublas/lib/libcublas.so.12").exists()
    assert (site / "np/core/../../np.libs/blas.so").exists()
