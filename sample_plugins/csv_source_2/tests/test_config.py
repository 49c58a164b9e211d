"""What the connector says about configurations."""

import unittest
from pathlib import Path
from tempfile import TemporaryDirectory

from acme_csv import CsvSourceConnector
from reading import task_configs


class ConfigTest(unittest.TestCase):
    """Validation and the division of files."""

    def setUp(self) -> None:
        directory = TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)
        for name in ("b", "a", "c"):
            (self.directory / f"{name}.csv").write_text("id\n1\n")
        self.props = {"files": f"{self.directory}/*.csv", "topic": "t"}

    def faults(self, **changes: str) -> dict[str, list[str]]:
        """Return the messages by key; `on__error` stands for `on.error`."""
        props = {**self.props, **{key.replace("__", "."): text for key, text in changes.items()}}
        values = CsvSourceConnector().validate(props).config_values
        return {value.name: value.error_messages for value in values if value.error_messages}

    def test_a_good_configuration_has_no_faults(self) -> None:
        self.assertEqual(self.faults(delimiter="tab", encoding="latin-1"), {})

    def test_all_faults_are_told_at_once(self) -> None:
        faults = self.faults(
            on__error="ignore",
            batch__size="0",
            delimiter="||",
            encoding="utf-16",
            columns="a,a",
            types="id:number",
            topic="",
        )
        self.assertEqual(
            sorted(faults),
            ["batch.size", "columns", "delimiter", "encoding", "on.error", "topic", "types"],
        )
        self.assertIn("one character", faults["delimiter"][0])
        self.assertIn("byte 0A", faults["encoding"][0])

    def test_unknown_encodings_and_equal_quote_and_delimiter_are_refused(self) -> None:
        self.assertEqual(list(self.faults(encoding="klingon")), ["encoding"])
        self.assertEqual(list(self.faults(quote=",")), ["quote"])

    def test_types_are_checked(self) -> None:
        self.assertEqual(self.faults(types="id:int,a:b:date"), {})
        self.assertIn("gives id two types", self.faults(types="id:int,id:bool")["types"][0])
        message = self.faults(types="id:number")["types"][0]
        self.assertIn("one of int, float, bool, date, timestamp, string", message)

    def test_missing_keys_are_named(self) -> None:
        values = CsvSourceConnector().validate({}).config_values
        missing = {value.name for value in values if value.error_messages}
        self.assertEqual(missing, {"files", "topic"})

    def test_a_pattern_that_finds_nothing_is_a_fault(self) -> None:
        faults = self.faults(files=f"{self.directory}/*.tsv")
        self.assertIn("no such file", faults["files"][0])

    def test_every_key_is_documented(self) -> None:
        for key in CsvSourceConnector().config().config_keys.values():
            self.assertTrue(key.documentation, key.name)

    def test_files_are_dealt_out_to_at_most_max_tasks(self) -> None:
        shares = [config["task.files"] for config in task_configs(self.props, 2)]
        a, b, c = (f'"{self.directory}/{name}.csv"' for name in "abc")
        self.assertEqual(shares, [f"[{a}, {c}]", f"[{b}]"])
        self.assertEqual(len(task_configs(self.props, 7)), 3)


if __name__ == "__main__":
    unittest.main()
