"""What the transformation makes of records."""

import csv
import unittest
from pathlib import Path
from typing import Optional

from acme_phone import NormalizePhone

from venvoy_api import (
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
    ConfigError,
    DataError,
    Schema,
    SchemaBuilder,
    SourceRecord,
    Struct,
)

CONTACTS = Path(__file__).parents[2] / "data" / "contacts.csv"
CONTACT = (
    SchemaBuilder.struct()
    .name("contact")
    .field("phone", STRING_SCHEMA)
    .field("country", OPTIONAL_STRING_SCHEMA)
    .build()
)


def on_values(**configs: str) -> NormalizePhone.Value:
    """Return the transformation; `on__invalid` stands for `on.invalid`."""
    transformation = NormalizePhone.Value()
    transformation.configure({key.replace("__", "."): text for key, text in configs.items()})
    return transformation


def source_record(value: object, schema: Optional[Schema] = None) -> SourceRecord:
    """Return a record with that value."""
    return SourceRecord(None, None, "contacts", value_schema=schema, value=value)


class NormalizeTest(unittest.TestCase):
    """Keys, values, schemas, configurations."""

    def test_a_field_of_a_mapping_is_normalized(self) -> None:
        record = source_record({"phone": "(202) 555-0123", "name": "Ada"})
        changed = on_values(field="phone", region="US").apply(record)
        self.assertEqual(changed.value, {"phone": "+12025550123", "name": "Ada"})
        self.assertEqual(record.value["phone"], "(202) 555-0123")

    def test_the_region_may_stand_in_the_record(self) -> None:
        transformation = on_values(field="phone", region="US", region__field="country")
        for country, expected in (("GB", "+442079460958"), (None, "+12025550123")):
            phone = "020 7946 0958" if country else "202 555 0123"
            value = Struct(CONTACT, {"phone": phone, "country": country})
            changed = transformation.apply(source_record(value, CONTACT))
            self.assertEqual(changed.value.get("phone"), expected)
            self.assertIs(changed.value_schema, CONTACT)

    def test_the_whole_key_may_be_the_number(self) -> None:
        transformation = NormalizePhone.Key()
        transformation.configure({"region": "FR", "format": "INTERNATIONAL"})
        record = SourceRecord(None, None, "t", key_schema=STRING_SCHEMA, key="0199001017", value=1)
        changed = transformation.apply(record)
        self.assertEqual((changed.key, changed.key_schema), ("+33 1 99 00 10 17", STRING_SCHEMA))
        self.assertEqual(changed.value, 1)

    def test_what_is_no_number_fails_by_default(self) -> None:
        with self.assertRaisesRegex(DataError, "phone is no telephone number: 'none' in US"):
            on_values(field="phone", region="US").apply(source_record({"phone": "none"}))
        with self.assertRaisesRegex(DataError, "no region is given"):
            on_values().apply(source_record("2025550123"))

    def test_what_is_no_number_may_be_kept(self) -> None:
        transformation = on_values(region="US", on__invalid="keep")
        self.assertEqual(transformation.apply(source_record("none")).value, "none")

    def test_null_for_no_number_makes_the_field_optional_in_every_record(self) -> None:
        transformation = on_values(field="phone", region="US", on__invalid="null")
        changed = [
            transformation.apply(source_record(Struct(CONTACT, {"phone": text}), CONTACT))
            for text in ("2025550123", "none")
        ]
        self.assertEqual([record.value.get("phone") for record in changed], ["+12025550123", None])
        schema = changed[0].value_schema
        assert schema is not None
        self.assertIs(changed[1].value_schema, schema)
        self.assertEqual(schema.name, "contact")
        self.assertEqual([field.schema.optional for field in schema.fields], [True, True])

    def test_tombstones_and_nulls_are_kept(self) -> None:
        transformation = on_values(field="phone", region="US")
        tombstone = source_record(None)
        self.assertIs(transformation.apply(tombstone), tombstone)
        null = source_record({"phone": None})
        self.assertEqual(transformation.apply(null).value, {"phone": None})

    def test_missing_fields_and_other_types_are_named(self) -> None:
        transformation = on_values(field="phone", region="US", on__invalid="keep")
        for value, message in (
            ({"tel": "1"}, "no field phone; there are: tel"),
            ({"phone": 2025550123}, "must be a string, but phone is 2025550123"),
            ("2025550123", "in a struct or a mapping"),
        ):
            with self.subTest(message), self.assertRaisesRegex(DataError, message):
                transformation.apply(source_record(value))

    def test_configurations_are_checked(self) -> None:
        with self.assertRaises(ConfigError) as raised:
            on_values(region="XX", format="SHORT", on__invalid="drop")
        names = [fault.name for fault in raised.exception.errors]
        self.assertEqual(names, ["region", "format", "on.invalid"])
        with self.assertRaisesRegex(ConfigError, "needs field"):
            on_values(region__field="country")

    @unittest.skipUnless(CONTACTS.exists(), "the table is not beside the project")
    def test_the_contacts_are_normalized(self) -> None:
        transformation = on_values(
            field="phone", region__field="country", check="possible", on__invalid="null"
        )
        with CONTACTS.open(encoding="utf-8", newline="") as stream:
            records = [source_record(row) for row in csv.DictReader(stream)]
        changed = [transformation.apply(record).value for record in records]
        self.assertEqual(len(changed), 200)
        no_number = [row["id"] for row in changed if row["phone"] is None]
        self.assertEqual(no_number, ["37", "88", "133", "176"])
        self.assertEqual(changed[0]["phone"], "+447700900000")


if __name__ == "__main__":
    unittest.main()
