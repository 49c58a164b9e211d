"""Writes the two tables in `data`; the README there tells where their content is from.

Usage: python make_tables.py PATH_OF_OURAIRPORTS_AIRPORTS_CSV_GZ

The first table is a selection of rows and columns, no value is changed. The second needs no input.
The same input gives the same bytes.
"""

import csv
import gzip
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

DATA_DIR = Path(__file__).parent / "data"

AIRPORT_TYPES = frozenset({"medium_airport", "large_airport"})
AIRPORT_COLUMNS = (
    "id",
    "ident",
    "type",
    "name",
    "latitude_deg",
    "longitude_deg",
    "elevation_ft",
    "continent",
    "iso_country",
    "iso_region",
    "municipality",
    "scheduled_service",
    "gps_code",
    "iata_code",
    "local_code",
)

CONTACT_COLUMNS = ("id", "name", "country", "phone", "since")
FIRST_NAMES = ("Ada", "Bruno", "Chidi", "Dora", "Emre", "Fleur", "Goran", "Hana", "Iris", "Jonas")
LAST_NAMES = ("Ash", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Gum", "Hazel", "Juniper", "Larch")
# Country, and how people there write a number; `{:0n}` counts through the reserved block.
PHONE_STYLES = (
    ("US", "(202) 555-{:04d}", 100),  # NANPA: 555-0100 to 555-0199 in every area code
    ("GB", "07700 900{:03d}", 0),  # Ofcom: mobile, 07700 900000 to 900999
    ("FR", "01 99 00 {:02d} 17", 10),  # ARCEP: 01 99 00 00 00 to 01 99 00 99 99
    ("US", "+1 415.555.{:04d}", 120),
    ("GB", "020 7946 0{:03d}", 200),  # Ofcom: London, 020 7946 0000 to 0999
    ("AU", "(02) 5550 {:04d}", 3000),  # ACMA: Central East, (02) 5550 0000 to 9999
    ("GB", "+44 (0)113 496 0{:03d}", 400),  # Ofcom: Leeds, 0113 496 0000 to 0999
    ("FR", "06.39.98.{:02d}.42", 50),  # ARCEP: mobile, 06 39 98 00 00 to 06 39 98 99 99
)
CONTACTS = 200
# Rows (by id) whose number is none, as such tables have them.
SPOILT_PHONES = {37: "ask reception", 88: "", 133: "1234 5678 9012 3456", 176: "+44 07"}


def airports(source_file: Path) -> Iterator[Sequence[str]]:
    """Large and medium airports, in the order of the source."""
    with gzip.open(source_file, "rt", encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            if row["type"] in AIRPORT_TYPES:
                yield [row[column] for column in AIRPORT_COLUMNS]


def contacts() -> Iterator[Sequence[str]]:
    """People who do not exist, with numbers that the regulators keep free for that."""
    for number in range(1, CONTACTS + 1):
        country, style, first = PHONE_STYLES[number % len(PHONE_STYLES)]
        phone = SPOILT_PHONES.get(number, style.format(first + number // len(PHONE_STYLES)))
        name = f"{FIRST_NAMES[number % 10]} {LAST_NAMES[number // 10 % 10]}"
        since = f"{2010 + number % 14}-{1 + number % 12:02d}-{1 + number % 28:02d}"
        yield str(number), name, country, phone, since


def write_table(file: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """UTF-8, a header row, commas, quotes only where they are needed, lines ended by LF."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def main() -> None:
    """Write both tables."""
    write_table(DATA_DIR / "airports.csv", AIRPORT_COLUMNS, airports(Path(sys.argv[1])))
    write_table(DATA_DIR / "contacts.csv", CONTACT_COLUMNS, contacts())


if __name__ == "__main__":
    main()
