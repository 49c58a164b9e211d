"""A bundle reads versions, names and files as venvoy does: by the files that it carries."""

import ast
import json
import random
import string
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from manager import carried
from manager.carried.names import dotted_names, short_names
from manager.carried.properties import BadConfigFileError, read_config_text
from manager.carried.version_specs import BadSpecError, VersionRule

CARRIED = Path(str(carried.__file__)).parent
CASES = 4000

PROGRAM = """\
import json, sys
sys.path.insert(0, sys.argv[1])
from venvoy_bundle.names import dotted_names, short_names
from venvoy_bundle.properties import BadConfigFileError, read_config_text
from venvoy_bundle.version_specs import BadSpecError, VersionRule

def chosen(spec, versions):
    try:
        return VersionRule(spec).choose(versions)
    except BadSpecError as error:
        return [error.message, error.hint]

def read(text, name):
    try:
        return read_config_text(text.encode("utf-8", "surrogatepass"), name)
    except BadConfigFileError as error:
        return [error.reason.split(":")[0], error.remedy]

def names(kind, module, qualname, others):
    return [dotted_names(module, qualname), short_names(kind, qualname, others)]

work = {"chosen": chosen, "read": read, "names": names}[sys.argv[2]]
print(json.dumps([work(*case) for case in json.load(sys.stdin)]))
"""


@pytest.fixture(scope="module")
def opened(say_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What lies in a bundle."""
    directory = tmp_path_factory.mktemp("opened")
    with zipfile.ZipFile(say_bundle) as archive:
        archive.extractall(directory)
    return directory


def asked(opened: Path, python: Path, what: str, cases: list[list[object]]) -> list[object]:
    """What the bundle's readers make of the cases under that Python."""
    done = subprocess.run(
        [python, "-I", "-S", "-B", "-c", PROGRAM, opened, what],
        input=json.dumps(cases).encode(),
        capture_output=True,
        check=True,
        env={},
    )
    found: list[object] = json.loads(done.stdout)
    return found


def compare(
    opened: Path,
    python: Path,
    what: str,
    cases: list[list[object]],
    ours: Callable[..., object],
) -> list[object]:
    """See that both say the same of every case; return what they say."""
    known = json.loads(json.dumps([ours(*case) for case in cases]))
    found = asked(opened, python, what, cases)
    differing = [
        (case, one, other)
        for case, one, other in zip(cases, known, found, strict=True)
        if one != other
    ]
    assert not differing, differing[:5]
    return found


def version(dice: random.Random) -> str:
    release = ".".join(str(dice.randrange(4)) for _ in range(dice.randint(1, 3)))
    rest = dice.choice(["", "", "", "", "a1", "rc2", ".dev1", ".post1", "+acme", "+local.7"])
    return dice.choice(["", "", "", "1!"]) + release + rest


def spec(dice: random.Random) -> str:
    one, other = version(dice), version(dice)
    return dice.choice(
        [
            "latest", "locked", one, f"=={one}", f"~={one}", f">={one},<{other}", f"!={one}",
            f"<={one}", f">{one}", f"=={one.split('+')[0]}.*", f"[{one},{other})", f"(,{one}]",
            f"[{one}]", f"({one},)", f"(,{one}),[{other},)", f"==={one}", f"^{one}", "", "x",
        ]
    )  # fmt: skip


def test_every_spec_chooses_among_versions_as_it_does_in_venvoy(
    opened: Path, each_python: Path
) -> None:
    dice = random.Random(10)
    cases: list[list[object]] = [
        [spec(dice), [version(dice) for _ in range(dice.randint(1, 4))]] for _ in range(CASES)
    ]

    def ours(text: str, versions: list[str]) -> object:
        try:
            return VersionRule(text).choose(versions)
        except BadSpecError as error:
            return [error.message, error.hint]

    found = compare(opened, each_python, "chosen", cases, ours)
    assert sum(isinstance(one, str) for one in found) > CASES / 5, "most were refused"


def test_every_file_is_read_as_venvoy_reads_it(opened: Path, each_python: Path) -> None:
    dice = random.Random(11)
    signs = "ab =:\\\\\\\n\n\r#! \t\fu00e9é\u2028\x85\x1c"
    json_signs = '{}[]:,"abe.-+01 \\u'
    cases: list[list[object]] = []
    for _ in range(CASES):
        cases.append(["".join(dice.choices(signs, k=dice.randint(1, 30))), "c.properties"])
        number = "".join(dice.choices("0123456789.e-", k=dice.randint(1, 8)))
        cases.append([f'{{"a": {number}, "b": true}}', "c.json"])
        cases.append(["".join(dice.choices(json_signs, k=dice.randint(1, 12))), "c.json"])

    def ours(text: str, name: str) -> object:
        try:
            return read_config_text(text.encode("utf-8", "surrogatepass"), name)
        except BadConfigFileError as error:
            return [error.reason.split(":")[0], error.remedy]

    compare(opened, each_python, "read", cases, ours)


def test_every_class_has_the_names_that_it_has_in_venvoy(opened: Path, each_python: Path) -> None:
    dice = random.Random(12)
    kinds = ["source", "sink", "transformation", "predicate", "converter", "header_converter"]
    endings = ["", "Connector", "Transformation", "Converter", "HeaderConverter", "Predicate"]
    cases: list[list[object]] = []
    for _ in range(CASES):
        words = [
            "".join(dice.choices(string.ascii_letters, k=2)) for _ in range(dice.randint(0, 2))
        ]
        qualname = ".".join(words) + dice.choice(endings)
        cases.append([dice.choice(kinds), "acme.things", qualname or "X", ["one", "two"]])

    def ours(kind: str, module: str, qualname: str, others: list[str]) -> object:
        return [dotted_names(module, qualname), short_names(kind, qualname, others)]

    compare(opened, each_python, "names", cases, ours)


def test_a_bundle_holds_the_very_files_and_they_need_the_standard_library_only(
    opened: Path,
) -> None:
    files = [file for file in CARRIED.glob("*.py") if file.name != "__init__.py"]
    assert files
    names = {file.stem for file in files}
    for file in files:
        assert (opened / "venvoy_bundle" / file.name).read_bytes() == file.read_bytes()
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                assert {one.name.partition(".")[0] for one in node.names} <= sys.stdlib_module_names
            if isinstance(node, ast.ImportFrom):
                known = names if node.level else sys.stdlib_module_names
                assert str(node.module).partition(".")[0] in known
