"""The tables that the sample pipelines read are what their README says."""

import csv
import hashlib
import runpy
from pathlib import Path

from tests.sample_plugins.conftest import SAMPLES

DATA = SAMPLES / "data"


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_airports_are_as_described() -> None:
    airports = rows("airports.csv")
    assert len(airports) == len({row["ident"] for row in airports}) == 5220
    blank = {name: sum(not row[name] for row in airports) for name in airports[0]}
    assert {name: count for name, count in blank.items() if count} == {
        "elevation_ft": 183,
        "municipality": 260,
        "gps_code": 253,
        "iata_code": 703,
        "local_code": 3889,
    }
    assert (DATA / "airports.csv").stat().st_size < 1_000_000


def test_the_contacts_are_those_that_the_script_makes(tmp_path: Path) -> None:
    script = runpy.run_path(str(SAMPLES / "make_tables.py"))
    script["write_table"](
        tmp_path / "contacts.csv", script["CONTACT_COLUMNS"], script["contacts"]()
    )
    made, shipped = (
        hashlib.sha256(file.read_bytes()).hexdigest()
        for file in (tmp_path / "contacts.csv", DATA / "contacts.csv")
    )
    assert made == shipped
    assert len(rows("contacts.csv")) == 200
