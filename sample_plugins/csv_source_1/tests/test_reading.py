"""What the task makes of files."""

import unittest
from pathlib import Path
from tempfile import TemporaryDirectory

from reading import Offsets, Reading, read_all, task_configs

from venvoy_api import STRING_SCHEMA, ConnectError

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

    def test_every_value_is_a_string_and_there_is_no_schema(self) -> None:
        self.write('id,name,age\n1,"Ada, née Byron",36\n2,Bruno,\n')
        first, second = read_all(self.props)
        self.assertEqual(first.value, {"id": "1", "name": "Ada, née Byron", "age": "36"})
        self.assertEqual(second.value["age"], "")
        self.assertIsNone(first.value_schema)
        self.assertEqual((first.key_schema, first.key), (STRING_SCHEMA, "1"))
        self.assertEqual(first.topic, "people")

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
        self.assertEqual([record.key for record in [*seen, *after]], [str(n) for n in range(10)])

    def test_the_end_is_told_and_a_later_restart_reads_what_was_appended(self) -> None:
        self.write("id\n1\n")
        (config,) = task_configs(self.props)
        reading = Reading(config)
        self.assertFalse(reading.task.drained())
        self.assertEqual([record.key for record in reading.drain()], ["1"])
        with self.file.open("a") as stream:
            stream.write("2\n")
        again = Reading(config, reading.offsets)
        self.assertEqual([record.key for record in again.drain()], ["2"])

    def test_a_file_that_shrank_is_refused(self) -> None:
        self.write("id\n1\n")
        offsets = Offsets({str(self.file): {"line": 9, "byte": 99}})
        with self.assertRaisesRegex(ConnectError, "has 5 bytes, but was read to byte 99"):
            read_all(self.props, offsets)

    def test_a_bad_row_fails_the_task_after_the_good_rows_before_it(self) -> None:
        self.write("id,name\n1,Ada\n2\n3,Chidi\n")
        (config,) = task_configs(self.props)
        reading = Reading(config)
        self.assertEqual([record.key for record in reading.poll()], ["1"])
        with self.assertRaisesRegex(ConnectError, r"people.csv, line 3: 1 fields, not 2; .*skip"):
            reading.poll()

    def test_bad_rows_are_left_out_when_the_config_says_so(self) -> None:
        self.write("id,name\n1,Ada\n2\n3,Chidi,x\n4,Dora\n5, \n")
        with self.assertLogs("acme_csv", "WARNING") as logged:
            records = read_all({**self.props, "on.error": "skip", "required": "name"})
        self.assertEqual([record.key for record in records], ["1", "4"])
        self.assertEqual(len(logged.output), 3)
        self.assertIn("line 6: name is blank", logged.output[2])

    def test_bytes_that_are_not_in_the_encoding_are_a_bad_row(self) -> None:
        self.file.write_bytes(b"id\n\xff\n2\n")
        with self.assertLogs("acme_csv", "WARNING"):
            records = read_all({**self.props, "on.error": "skip"})
        self.assertEqual([record.key for record in records], ["2"])

    def test_other_dialects_are_read(self) -> None:
        self.write("1\t'a\tb'\n", "latin-1")
        dialect = {"delimiter": "tab", "quote": "'", "columns": "id,name", "encoding": "latin-1"}
        (record,) = read_all({**self.props, **dialect})
        self.assertEqual(record.value, {"id": "1", "name": "a\tb"})

    def test_a_byte_order_mark_is_no_part_of_the_first_column(self) -> None:
        self.write("\ufeffid\n1\n")
        self.assertEqual([record.key for record in read_all(self.props)], ["1"])

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
        self.assertEqual({type(each) for each in records[0].value.values()}, {str})


if __name__ == "__main__":
    unittest.main()
