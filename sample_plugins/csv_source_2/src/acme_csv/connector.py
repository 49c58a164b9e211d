"""The connector: finds the files and divides them among the tasks."""

import json
from collections.abc import Mapping, Sequence
from glob import glob
from itertools import chain

from acme_csv.settings import CONFIG, Settings, faults
from acme_csv.task import TASK_FILES, CsvSourceTask
from venvoy_api import Config, ConfigDef, ConfigError, SourceConnector

__all__ = ["CsvSourceConnector"]


def find_files(patterns: Sequence[str]) -> list[str]:
    """Return every file that a pattern means, once, in the order of the names."""
    found = (glob(pattern, recursive=True) for pattern in patterns)  # noqa: PTH207  # as written
    return sorted(set(chain.from_iterable(found)))


class CsvSourceConnector(SourceConnector):
    """Reads CSV files into topics; values are typed."""

    def config(self) -> ConfigDef:
        """Return the keys of this connector."""
        return CONFIG

    def validate(self, configs: Mapping[str, str]) -> Config:
        """Check single keys, what they mean together, and that there are files to read."""
        config = super().validate(configs)
        sound = {each.name: each.value for each in config.config_values if not each.error_messages}
        for name, message in faults(sound):
            if name in sound:
                fault = ConfigError(name, sound[name], message)
                config.value(name).add_error_message(str(fault))
        files = config.value("files")
        if isinstance(files.value, list) and files.value and not find_files(files.value):
            fault = ConfigError("files", ",".join(files.value), "there is no such file")
            files.add_error_message(str(fault))
        return config

    def start(self, props: Mapping[str, str]) -> None:
        """Look for the files; they are found anew by every start."""
        self._props = dict(props)
        self._files = find_files(Settings.of(props).files)
        if not self._files:
            raise ConfigError("files", props["files"], "there is no such file")

    def task_class(self) -> type[CsvSourceTask]:
        """Return the class that reads."""
        return CsvSourceTask

    def task_configs(self, max_tasks: int) -> Sequence[Mapping[str, str]]:
        """Deal the files out in turn; a task without a file is not made."""
        shares = [self._files[at::max_tasks] for at in range(min(max_tasks, len(self._files)))]
        return [{**self._props, TASK_FILES: json.dumps(share)} for share in shares]

    def stop(self) -> None:
        """Nothing runs outside of the tasks."""
