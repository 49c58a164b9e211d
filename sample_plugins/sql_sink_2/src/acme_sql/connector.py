"""The connector: checks the configuration; every task gets the same one."""

from collections.abc import Mapping, Sequence

from acme_sql.settings import CONFIG, faults
from acme_sql.task import SqlSinkTask
from venvoy_api import Config, ConfigDef, ConfigError, SinkConnector

__all__ = ["SqlSinkConnector"]


class SqlSinkConnector(SinkConnector):
    """Writes records into tables of a SQL database."""

    def config(self) -> ConfigDef:
        """Return the keys of this connector."""
        return CONFIG

    def validate(self, configs: Mapping[str, str]) -> Config:
        """Check single keys, what they mean together, and that the database's driver is here."""
        config = super().validate(configs)
        sound = {each.name: each.value for each in config.config_values if not each.error_messages}
        for name, message in faults(sound):
            value = config.value(name)
            value.add_error_message(str(ConfigError(name, value.value, message)))
        return config

    def start(self, props: Mapping[str, str]) -> None:
        """Keep the configuration."""
        self._props = dict(props)

    def task_class(self) -> type[SqlSinkTask]:
        """Return the class that writes."""
        return SqlSinkTask

    def task_configs(self, max_tasks: int) -> Sequence[Mapping[str, str]]:
        """Give every task the whole configuration; the framework divides the partitions."""
        return [self._props] * max_tasks

    def stop(self) -> None:
        """Nothing runs outside of the tasks."""
