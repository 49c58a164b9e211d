"""What the connector says about configurations."""

import unittest

from acme_sql import SqlSinkConnector


def faults(props: dict[str, str]) -> dict[str, str]:
    """Return the first message by key."""
    values = SqlSinkConnector().validate(props).config_values
    return {value.name: value.error_messages[0] for value in values if value.error_messages}


class ConfigTest(unittest.TestCase):
    """Validation."""

    def test_the_defaults_are_good(self) -> None:
        self.assertEqual(faults({}), {})

    def test_all_faults_are_told_at_once(self) -> None:
        found = faults(
            {
                "connection.url": "not a url",
                "insert.mode": "upsert",
                "batch.size": "0",
                "table.name.format": "",
                "auto.create": "perhaps",
            }
        )
        self.assertEqual(
            sorted(found),
            ["auto.create", "batch.size", "connection.url", "pk.mode", "table.name.format"],
        )

    def test_a_missing_driver_and_an_unknown_database_are_named(self) -> None:
        self.assertIn("does not know", faults({"connection.url": "klingon://x"})["connection.url"])
        message = faults({"connection.url": "postgresql+pg8000://x/y"})["connection.url"]
        self.assertIn("needs the driver pg8000", message)

    def test_a_key_from_the_value_needs_names(self) -> None:
        self.assertEqual(list(faults({"pk.mode": "record_value"})), ["pk.fields"])

    def test_deleting_needs_the_records_key(self) -> None:
        props = {"delete.enabled": "true", "pk.mode": "record_value", "pk.fields": "id"}
        self.assertEqual(list(faults(props)), ["delete.enabled"])

    def test_the_password_is_not_shown(self) -> None:
        connector = SqlSinkConnector()
        config = connector.validate({"connection.password": "open sesame"})
        self.assertNotIn("sesame", repr(config.to_json(connector.config())))

    def test_every_key_is_documented(self) -> None:
        for key in SqlSinkConnector().config().config_keys.values():
            self.assertTrue(key.documentation, key.name)

    def test_every_task_gets_the_whole_configuration(self) -> None:
        connector = SqlSinkConnector()
        connector.start({"topics": "people"})
        self.assertEqual(connector.task_configs(2), [{"topics": "people"}] * 2)


if __name__ == "__main__":
    unittest.main()
