"""What the task makes of files."""

import unittest
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

from reading import Offsets, Reading, read_all, task_configs

from venvoy_api import INT64_SCHEMA, STRING_SCHEMA, ConnectError, Date

AIRPORTS = Path(__file__).parents[2] / "data" / "airports.csv"


class ReadingTest(unittest.TestCase):
    """Rows, keys, offsets, bad rows."""

    def setUp(self) -> None:
        directory = TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.file = Path(directory.name) / "people.csv"
        self.props = {"files": str(self.file), "topic": "people", "key.field": "id"}

    def write(self, text: str, encoding: str = "utf-8") -> None:
        """Write the file that the tests read."""
        self.file.write_bytes(text.encode(encoding))

    def test_types_are_inferred_and_blank_is_null(self) -> None:
        self.write(
            "id,name,height,member,since,seen,code,none\n"
            '1,"Ada, née Byron",1.65,yes,2020-02-29,2024-01-01T12:30:00+02:00,007,\n'
            "2,Bruno,2,no,,2024-01-01 12:30,12,\n"
        )
        first, second = read_all(self.props)
        self.assertEqual(
            [first.value.get(name) for name in ("id", "name", "height", "member", "since")],
            [1, "Ada, née Byron", 1.65, True, date(2020, 2, 29)],
        )
        noon = datetime(2024, 1, 1, 12, tzinfo=timezone.utc)
        self.assertEqual(first.value.get("seen"), noon - timedelta(minutes=90))
        self.assertEqual(second.value.get("seen"), noon + timedelta(minutes=30))
        self.assertEqual((first.value.get("code"), first.value.get("none")), ("007", None))
        self.assertIsNone(second.value.get("since"))
        self.assertEqual((first.key_schema, first.key), (INT64_SCHEMA, 1))
        self.assertIs(first.value_schema, second.value_schema)

    def test_schemas_tell_types_and_what_may_be_null(self) -> None:
        self.write("id,name,since\n1,Ada,2020-02-29\n")
        (record,) = read_all({**self.props, "required": "name"})
        schema = record.value_schema
        assert schema is not None
        self.assertEqual([field.name for field in schema.fields], ["id", "name", "since"])
        schemas = [field.schema for field in schema.fields]
        since = Date.builder().optional().build()
        self.assertEqual(schemas, [INT64_SCHEMA, STRING_SCHEMA, since])

    def test_configured_types_go_before_inferred_ones(self) -> None:
        self.write("id,flag,n\n1,1,2\n")
        (record,) = read_all({**self.props, "types": "id:string,flag:bool,n:float"})
        self.assertEqual(record.key, "1")
        self.assertIs(record.value.get("flag"), True)
        self.assertIsInstance(record.value.get("n"), float)

    def test_without_inference_everything_is_a_string(self) -> None:
        self.write("id,flag\n1,yes\n")
        (record,) = read_all({**self.props, "types.infer.rows": "0"})
        self.assertEqual((record.key, record.value.get("flag")), ("1", "yes"))

    def test_a_row_that_does_not_fit_its_type_is_bad_and_the_message_names_the_field(self) -> None:
        self.write("id,age,born\n1,36,2000-01-31\nx,old,2000-02-31\n")
        message = "line 3: .*id is not of type int: 'x'.*age is not of type int: 'old'.*born is not"
        with self.assertRaisesRegex(ConnectError, message):
            read_all({**self.props, "types.infer.rows": "1", "batch.size": "1"})

    def test_a_number_is_no_date(self) -> None:
        self.write("id,born\n1,1700000000\n")
        with self.assertRaisesRegex(ConnectError, "born is not of type date"):
            read_all({**self.props, "types": "born:date"})

    def test_a_restart_infers_from_the_head_again(self) -> None:
        self.write("id,code\n1,A1\n2,22\n")
        (config,) = task_configs({**self.props, "batch.size": "1"})
        before = Reading(config)
        (first,) = before.poll()
        (second,) = Reading(config, before.offsets).drain()
        self.assertEqual((first.value.get("code"), second.value.get("code")), ("A1", "22"))

    def test_offsets_count_lines_and_bytes_after_each_row(self) -> None:
        self.write('id,note\r\n1,"é\r\ntwo lines"\r\n\r\n2,x')
        first, second = read_all(self.props)
        self.assertEqual(first.source_partition, {"file": str(self.file)})
        self.assertEqual(first.source_offset, {"line": 3, "byte": 28})
        self.assertEqual(second.source_offset, {"line": 5, "byte": self.file.stat().st_size})

    def test_a_restart_goes_on_after_the_last_committed_row(self) -> None:
        self.write("id,name\n" + "".join(f"{n},né {n}\n" for n in range(10)))
        (config,) = task_configs({**self.props, "batch.size": "4"})
        before = Reading(config)
        seen = before.poll()
        after = Reading(config, before.offsets).drain()
        self.assertEqual([record.key for record in [*seen, *after]], list(range(10)))

    def test_the_end_is_told_and_a_later_restart_reads_what_was_appended(self) -> None:
        self.write("id\n1\n")
        (config,) = task_configs(self.props)
        reading = Reading(config)
        self.assertFalse(reading.task.drained())
        self.assertEqual([record.key for record in reading.drain()], [1])
        with self.file.open("a") as stream:
            stream.write("2\n")
        again = Reading(config, reading.offsets)
        self.assertEqual([record.key for record in again.drain()], [2])

    def test_a_file_that_shrank_is_refused(self) -> None:
        self.write("id\n1\n")
        offsets = Offsets({str(self.file): {"line": 9, "byte": 99}})
        with self.assertRaisesRegex(ConnectError, "has 5 bytes, but was read to byte 99"):
            read_all(self.props, offsets)

    def test_a_bad_row_fails_the_task_after_the_good_rows_before_it(self) -> None:
        self.write("id,name\n1,Ada\n2\n3,Chidi\n")
        (config,) = task_configs(self.props)
        reading = Reading(config)
        self.assertEqual([record.key for record in reading.poll()], [1])
        with self.assertRaisesRegex(ConnectError, r"people.csv, line 3: 1 fields, not 2; .*skip"):
            reading.poll()

    def test_bad_rows_are_left_out_when_the_config_says_so(self) -> None:
        self.write("id,name\n1,Ada\n2\n3,Chidi,x\n4,Dora\n5, \n")
        with self.assertLogs("acme_csv", "WARNING") as logged:
            records = read_all({**self.props, "on.error": "skip", "required": "name"})
        self.assertEqual([record.key for record in records], [1, 4])
        self.assertEqual(len(logged.output), 3)
        self.assertIn("line 6: name is blank", logged.output[2])

    def test_bytes_that_are_not_in_the_encoding_are_a_bad_row(self) -> None:
        self.file.write_bytes(b"id\n\xff\n2\n")
        with self.assertLogs("acme_csv", "WARNING"):
            records = read_all({**self.props, "on.error": "skip"})
        self.assertEqual([record.key for record in records], [2])

    def test_other_dialects_are_read(self) -> None:
        self.write("1\t'a\tb'\n", "latin-1")
        dialect = {"delimiter": "tab", "quote": "'", "columns": "id,name", "encoding": "latin-1"}
        (record,) = read_all({**self.props, **dialect})
        self.assertEqual(record.value.get("name"), "a\tb")

    def test_a_byte_order_mark_is_no_part_of_the_first_column(self) -> None:
        self.write("\ufeffid\n1\n")
        self.assertEqual([record.key for record in read_all(self.props)], [1])

    def test_unusable_headers_and_unknown_key_columns_are_named(self) -> None:
        for text, message in (
            ("", "no header row"),
            ("id,,x\n", "blank name"),
            ("id,id\n", "a column twice: id"),
            ("number\n1\n", r"no column id \(key.field\); it has: number"),
        ):
            with self.subTest(text):
                self.write(text)
                with self.assertRaisesRegex(ConnectError, message):
                    read_all(self.props)

    def test_the_topic_may_name_the_file(self) -> None:
        self.write("id\n1\n")
        (record,) = read_all({**self.props, "topic": "csv-${file}"})
        self.assertEqual(record.topic, "csv-people")

    @unittest.skipUnless(AIRPORTS.exists(), "the table is not beside the project")
    def test_the_airports_are_read_whole(self) -> None:
        records = read_all({"files": str(AIRPORTS), "topic": "airports", "key.field": "ident"})
        self.assertEqual(len({record.key for record in records}), 5220)
        schema = records[0].value_schema
        assert schema is not None
        types = {field.name: field.schema.type.value for field in schema.fields}
        text = {name for name, kind in types.items() if kind == "string"}
        self.assertEqual(types["id"], "int64")
        self.assertEqual(types["latitude_deg"], "float64")
        self.assertEqual(types["elevation_ft"], "int64")
        self.assertEqual(types["scheduled_service"], "boolean")
        self.assertEqual(len(text), 10)


if __name__ == "__main__":
    unittest.main()
