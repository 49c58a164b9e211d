"""The README's tables are true: each row's files have a test with its id, each id has a row."""

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
ROW = re.compile(r"\| ([A-Z]{1,2}\d+b?) \| [^|]+ \| ([^|]*) \|")
ROWS = dict(ROW.findall((HERE / "README.md").read_text()))


def ids_of(file: Path) -> set[str]:
    names = re.findall(r"^(?:async )?def (test_\w+)\(", file.read_text(), re.MULTILINE)
    return {one for name in names for one in re.findall(r"(?<=_)[A-Z]{1,2}\d+b?(?=_)", name)}


@pytest.mark.parametrize("row", ROWS)
def test_each_row_is_proven_where_the_readme_says(row: str) -> None:
    files = re.findall(r"`((?:tests/\w+/)?test_\w+\.py)`", ROWS[row])
    assert files or ROWS[row] == "none" or ROWS[row].startswith("issue ")
    for file in files:
        if "/" in file:  # written before the row: it names it
            assert re.search(rf"\b{row}\b", (ROOT / file).read_text()), file
        else:
            assert row in ids_of(HERE / file)


def test_each_test_with_an_id_has_its_row() -> None:
    for file in HERE.glob("test_*.py"):
        for row in ids_of(file):
            assert file.name in ROWS.get(row, ""), f"{row} of {file.name}"
