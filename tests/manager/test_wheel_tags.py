"""The tags that an interpreter takes are those that `packaging` names when it runs there."""

import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.tags import sys_tags

from manager.interpreters.interpreter import probe
from manager.interpreters.wheel_tags import libc_platforms, linux_platforms, wheel_tags

# pip carries a `packaging` that its own Python can run.
_ASK = """
import json
from pip._vendor.packaging import markers, tags
print(json.dumps([[str(tag) for tag in tags.sys_tags()], markers.default_environment()]))
"""
_FACTS = {
    "implementation": "cpython",
    "version": "3.11.7",
    "free_threaded": False,
    "debug": False,
    "ext_suffix": ".cpython-311-x86_64-linux-gnu.so",
    "platform": "linux-x86_64",
    "libc": "glibc 2.31",
    "pointer_bytes": 8,
}


def test_each_python_takes_what_its_own_packaging_says(
    each_python: Path, interpreter_cache: Path
) -> None:
    done = subprocess.run([each_python, "-I", "-c", _ASK], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"{each_python} has no pip to compare with")
    tags, markers = json.loads(done.stdout)
    found = probe(each_python, cache_dir=interpreter_cache)
    # An older packaging has another order, and leaves out wheels like `cp39-none-any`.
    assert set(tags) <= set(found.tags)
    assert set(found.tags) - set(tags) <= {f"cp{found.minor.replace('.', '')}-none-any"}
    assert found.markers == markers


def test_the_own_python_takes_what_the_newest_packaging_says(tmp_path: Path) -> None:
    found = probe(Path(sys.executable), cache_dir=tmp_path)
    assert list(found.tags) == [str(tag) for tag in sys_tags()]
    assert found.markers == default_environment()


def test_a_free_threaded_one_takes_no_stable_abi_but_its_own(tmp_path: Path) -> None:
    tags = wheel_tags({**_FACTS, "version": "3.14.0", "free_threaded": True}, tmp_path / "none")
    assert tags[1] == "cp314-cp314t-manylinux_2_31_x86_64"
    assert not any("-abi3-" in tag for tag in tags)


def test_a_debug_build_takes_what_was_built_for_the_other_too(tmp_path: Path) -> None:
    tags = wheel_tags({**_FACTS, "debug": True}, tmp_path / "none")
    assert tags[1] == "cp311-cp311d-manylinux_2_31_x86_64"
    assert "cp311-cp311-manylinux_2_31_x86_64" in tags


def test_pypy_takes_its_own_abi_and_pure_wheels(tmp_path: Path) -> None:
    facts = {
        **_FACTS,
        "implementation": "pypy",
        "version": "3.10.14",
        "ext_suffix": ".pypy310-pp73-x86_64-linux-gnu.so",
    }
    tags = wheel_tags(facts, tmp_path / "none")
    assert tags[1] == "pp310-pypy310_pp73-manylinux_2_31_x86_64"
    assert {"pp3-none-any", "py3-none-any"} <= set(tags)
    assert not any(tag.startswith("cp") for tag in tags)


def test_legacy_names_stand_beside_their_versions_and_the_kernels_name_is_last() -> None:
    platforms = libc_platforms("many", 2, 17, "x86_64")
    assert platforms[:2] == ("manylinux_2_17_x86_64", "manylinux2014_x86_64")
    assert platforms[-2:] == ("manylinux_2_5_x86_64", "manylinux1_x86_64")
    assert libc_platforms("many", 2, 17, "aarch64")[-1] == "manylinux2014_aarch64"


def test_32_bits_on_a_kernel_of_64_take_wheels_of_32(tmp_path: Path) -> None:
    platforms = linux_platforms({**_FACTS, "pointer_bytes": 4}, tmp_path / "none")
    assert platforms[:2] == ("linux_i686", "manylinux_2_31_i686")


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("wide", [True, False])
def test_a_musl_python_asks_its_loader(tmp_path: Path, *, wide: bool, order: str) -> None:
    loader = tmp_path / "ld-musl-x86_64.so.1"
    loader.write_text(
        "#!/bin/sh\nprintf 'musl libc (x86_64)\\nVersion 1.2.4\\nDynamic\\n' >&2; exit 1\n"
    )
    loader.chmod(0o755)
    python = tmp_path / "python3"
    python.write_bytes(_elf(str(loader).encode(), wide=wide, order=order))
    platforms = linux_platforms({**_FACTS, "libc": ""}, python)
    assert platforms == (
        "linux_x86_64",
        "musllinux_1_2_x86_64",
        "musllinux_1_1_x86_64",
        "musllinux_1_0_x86_64",
    )


def test_wheels_for_armv7l_need_hard_float(tmp_path: Path) -> None:
    facts = {**_FACTS, "platform": "linux-armv7l", "pointer_bytes": 4}
    python = tmp_path / "python3"
    python.write_bytes(_elf(b"/lib/ld-linux-armhf.so.3", wide=False, flags=0x05000400))
    assert linux_platforms(facts, python)[1] == "manylinux_2_31_armv7l"
    python.write_bytes(_elf(b"/lib/ld-linux.so.3", wide=False, flags=0x05000200))
    assert linux_platforms(facts, python) == ("linux_armv7l",)


def test_a_file_that_is_no_executable_tells_no_c_library(tmp_path: Path) -> None:
    for content in (b"", b"\x7fELF", b"\x7fELF\x02\x01" + bytes(20), b"#!/bin/sh\n"):
        (tmp_path / "file").write_bytes(content)
        assert linux_platforms({**_FACTS, "libc": ""}, tmp_path / "file") == ("linux_x86_64",)


def _elf(loader: bytes, *, wide: bool, order: str = "<", flags: int = 0) -> bytes:
    """An executable's header with one program header, which names its loader."""
    address = "Q" if wide else "I"
    ident = b"\x7fELF" + bytes((2 if wide else 1, 1 if order == "<" else 2)) + bytes(10)
    header_bytes = 16 + struct.calcsize(f"{order}HHI{address * 3}IHHH")
    row = f"{order}II{'Q' * 6}" if wide else f"{order}{'I' * 8}"
    start = header_bytes + struct.calcsize(row)
    header = struct.pack(
        f"{order}HHI{address * 3}IHHH",
        *(2, 62, 1, 0, header_bytes, 0, flags, 0, struct.calcsize(row), 1),
    )
    if wide:
        program = struct.pack(row, 3, 4, start, 0, 0, len(loader), len(loader), 1)
    else:
        program = struct.pack(row, 3, start, 0, 0, len(loader), len(loader), 4, 1)
    return ident + header + program + loader
