"""What the task makes of records."""

import decimal
import unittest
from datetime import date, datetime, timedelta, timezone
from typing import Optional

from acme_sql.upserts import UPSERTS
from sqlalchemy import Column, MetaData, Table
from sqlalchemy.dialects.postgresql.base import PGDialect
from writing import Context, WritingTestCase, sink_record

from venvoy_api import (
    INT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
    ConnectError,
    Date,
    Decimal,
    RetriableError,
    Schema,
    SchemaBuilder,
    Struct,
    Timestamp,
)

PERSON = (
    SchemaBuilder.struct().field("id", INT64_SCHEMA).field("name", OPTIONAL_STRING_SCHEMA).build()
)


def person(number: int, name: Optional[str]) -> Struct:
    """Return a value with a schema."""
    return Struct(PERSON, {"id": number, "name": name})


class WritingTest(WritingTestCase):
    """Inserts, upserts, tables, types, errors."""

    def test_rows_are_inserted_into_a_table_that_is_created(self) -> None:
        self.task().put([sink_record(person(1, "Ada")), sink_record(person(2, None))])
        self.assertEqual(self.rows(), [(1, "Ada"), (2, None)])
        columns = self.rows("select name, type, \"notnull\", pk from pragma_table_info('people')")
        self.assertEqual(columns, [("id", "BIGINT", 1, 0), ("name", "TEXT", 0, 0)])

    def test_mappings_without_a_schema_are_written_by_their_python_types(self) -> None:
        self.task().put([sink_record({"id": "007", "n": 3, "x": 1.5, "yes": True, "no": None})])
        self.assertEqual(self.rows(), [("007", 3, 1.5, 1, None)])

    def test_upsert_replaces_the_row_with_the_same_key(self) -> None:
        task = self.task(insert__mode="upsert", pk__mode="record_key", pk__fields="id")
        task.put([sink_record({"name": "Ada"}, "1"), sink_record({"name": "Bruno"}, "2")])
        task.put([sink_record({"name": "Chidi"}, "2"), sink_record({"name": "Dora"}, "2")])
        self.assertEqual(self.rows(), [("1", "Ada"), ("2", "Dora")])

    def test_keys_of_several_fields_are_taken_whole(self) -> None:
        task = self.task(insert__mode="upsert", pk__mode="record_key")
        for name in ("Ada", "Bruno"):
            task.put([sink_record({"name": name}, {"country": "GB", "id": 1})])
        self.assertEqual(self.rows(), [("GB", 1, "Bruno")])

    def test_the_key_may_be_in_the_value(self) -> None:
        task = self.task(insert__mode="upsert", pk__mode="record_value", pk__fields="id")
        task.put([sink_record(person(1, "Ada"))])
        task.put([sink_record(person(1, "Bruno"))])
        self.assertEqual(self.rows(), [(1, "Bruno")])

    def test_logical_types_are_stored(self) -> None:
        schema = (
            SchemaBuilder.struct()
            .field("day", Date.SCHEMA)
            .field("at", Timestamp.SCHEMA)
            .field("sum", Decimal.schema(2))
            .build()
        )
        at = datetime(2024, 5, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
        values = {"day": date(2024, 5, 1), "at": at, "sum": decimal.Decimal("1.50")}
        self.task().put([sink_record(Struct(schema, values))])
        self.assertEqual(self.rows(), [("2024-05-01", "2024-04-30 23:30:00.000000", 1.5)])

    def test_topics_have_their_own_tables_by_the_format(self) -> None:
        task = self.task(table__name__format="in_${topic}", batch__size="2")
        records = [
            sink_record({"id": number}, topic="b" if number == 3 else "a") for number in range(6)
        ]
        task.put(records)
        self.assertEqual(self.rows("select id from in_a"), [(0,), (1,), (2,), (4,), (5,)])
        self.assertEqual(self.rows("select id from in_b"), [(3,)])

    def test_nothing_of_a_failed_put_remains(self) -> None:
        task = self.task(pk__mode="record_value", pk__fields="id")
        task.put([sink_record(person(1, "Ada"))])
        with self.assertRaisesRegex(ConnectError, "UNIQUE constraint failed") as raised:
            task.put([sink_record(person(2, "Bruno")), sink_record(person(1, "Chidi"))])
        self.assertNotIsInstance(raised.exception, RetriableError)
        self.assertEqual(self.rows(), [(1, "Ada")])

    def test_a_locked_database_is_tried_again_as_often_as_configured(self) -> None:
        self.execute("create table people (id integer, name text)")
        task = self.task(
            connection__url=f"{self.url}?timeout=0", max__retries="1", retry__backoff__ms="20"
        )
        with self.locked():
            with self.assertRaisesRegex(RetriableError, "locked"):
                task.put([sink_record(person(1, "Ada"))])
            with self.assertRaisesRegex(ConnectError, "refused to write: database is locked"):
                task.put([sink_record(person(1, "Ada"))])
        assert isinstance(task.context, Context)
        self.assertEqual(task.context.timeouts_ms, [20])
        task.put([sink_record(person(1, "Ada"))])
        self.assertEqual(self.rows(), [(1, "Ada")])

    def test_missing_tables_and_columns_are_named(self) -> None:
        with self.assertRaisesRegex(ConnectError, "no table people; .* auto.create=true"):
            self.task(auto__create="false").put([sink_record(person(1, "Ada"))])
        task = self.task()
        task.put([sink_record({"id": 1})])
        with self.assertRaisesRegex(ConnectError, "people has no column age"):
            task.put([sink_record({"id": 2}), sink_record({"id": 2, "age": 3})])

    def test_records_without_what_the_key_needs_are_named(self) -> None:
        by_key = self.task(pk__mode="record_key", pk__fields="id")
        for record, message in (
            (sink_record({"a": 1}, offset=7), "people-0 at offset 7 .* no key"),
            (sink_record({"a": 1}, {"b": 2}), "its key has no field id"),
            (sink_record({"a": 1}, {"id": None}), "its id is null"),
            (sink_record("text", 1), "neither a struct nor a mapping"),
            (sink_record(None, 1), "its value is null"),
        ):
            with self.subTest(message), self.assertRaisesRegex(ConnectError, message):
                by_key.put([record])
        with self.assertRaisesRegex(ConnectError, "pk.fields must name one"):
            self.task(pk__mode="record_key").put([sink_record({"a": 1}, 1)])

    def test_values_inside_of_values_are_stored_as_json(self) -> None:
        strings: Schema = SchemaBuilder.array(STRING_SCHEMA).build()
        schema = SchemaBuilder.struct().field("tags", strings).field("who", PERSON).build()
        value = Struct(schema, {"tags": ["a", "b"], "who": person(1, "Ada")})
        self.task().put([sink_record(value), sink_record({"tags": [], "who": {"id": 2}})])
        self.assertEqual(
            self.rows("select * from people"),
            [('["a", "b"]', '{"id": 1, "name": "Ada"}'), ("[]", '{"id": 2}')],
        )

    def test_upsert_leaves_columns_alone_that_the_record_does_not_have(self) -> None:
        self.execute("create table people (id integer primary key, name text, seen integer)")
        self.execute("insert into people values (1, 'Ada', 7)")
        task = self.task(insert__mode="upsert", pk__mode="record_key", pk__fields="id")
        task.put([sink_record({"name": "Ada Byron"}, 1), sink_record({"name": "Bruno"}, 2)])
        self.assertEqual(self.rows(), [(1, "Ada Byron", 7), (2, "Bruno", None)])

    def test_upsert_of_a_row_that_is_all_key_does_nothing_the_second_time(self) -> None:
        task = self.task(insert__mode="upsert", pk__mode="record_value", pk__fields="id")
        for _ in range(2):
            task.put([sink_record({"id": 1})])
        self.assertEqual(self.rows(), [(1,)])

    def test_tombstones_delete_and_order_counts(self) -> None:
        task = self.task(
            insert__mode="upsert", pk__mode="record_key", pk__fields="id", delete__enabled="true"
        )
        task.put([sink_record(None, 1)])
        ada, bruno, gone = {"name": "Ada"}, {"name": "Bruno"}, None
        records = [(1, ada), (2, ada), (1, gone), (2, gone), (2, bruno), (3, gone)]
        task.put([sink_record(value, key) for key, value in records])
        self.assertEqual(self.rows(), [(2, "Bruno")])

    def test_tables_get_new_optional_columns_where_that_is_allowed(self) -> None:
        task = self.task(auto__evolve="true")
        task.put([sink_record({"id": 1})])
        task.put([sink_record({"id": 2}), sink_record({"id": 3, "full name": "Ada", "age": 36})])
        self.assertEqual(self.rows(), [(1, None, None), (2, None, None), (3, "Ada", 36)])
        required = SchemaBuilder.struct().field("height", INT64_SCHEMA).build()
        with self.assertRaisesRegex(ConnectError, "cannot get the column height"):
            task.put([sink_record(Struct(required, {"height": 1}))])

    def test_postgresql_gets_its_own_upsert(self) -> None:
        table = Table("people", MetaData(), Column("id", primary_key=True), Column("name"))
        statement = UPSERTS["postgresql"](table, ("id",), ("id", "name"))
        dialect = PGDialect()  # type: ignore[no-untyped-call]  # so in SQLAlchemy
        text = str(statement.compile(dialect=dialect))
        self.assertIn("ON CONFLICT (id) DO UPDATE SET name = excluded.name", text)

    def test_an_empty_put_asks_nothing(self) -> None:
        self.task().put([])
        self.assertFalse(self.file.exists())


if __name__ == "__main__":
    unittest.main()
