"""No fault: moves the lines of one file into another, to show that its neighbours' do no harm."""

import time
from pathlib import Path

from venvoy_api import (
    ConfigDef,
    ConfigType,
    Range,
    SinkConnector,
    SinkTask,
    SourceConnector,
    SourceRecord,
    SourceTask,
    ValidString,
)


class LinesSource(SourceConnector):
    """Reads a file; `pause.ms` after each line; ends with the file unless `follow` is true."""

    def config(self):
        return (
            ConfigDef()
            .define("file", ConfigType.STRING, documentation="what to read")
            .define("topic", ConfigType.STRING, documentation="where its lines go")
            .define("pause.ms", ConfigType.INT, 0, validator=Range.between(0, 1000))
            .define("on.error", ConfigType.STRING, "fail", validator=ValidString("fail", "skip"))
            .define("follow", ConfigType.BOOLEAN, False)
        )

    def start(self, props):
        self.props = props

    def task_class(self):
        return LinesSourceTask

    def task_configs(self, max_tasks):
        return [self.props]

    def stop(self):
        pass


class LinesSourceTask(SourceTask):
    """One line a record, its number the offset."""

    def start(self, props):
        self.props = props
        self.lines = Path(props["file"]).read_text().splitlines()
        offset = self.context.offset_storage_reader().offset({"file": props["file"]})
        self.next = offset["line"] if offset else 0

    def poll(self):
        time.sleep(int(self.props.get("pause.ms", "0")) / 1000)
        if self.next >= len(self.lines):
            return None
        number, self.next = self.next, self.next + 1
        partition, offset = {"file": self.props["file"]}, {"line": self.next}
        return [SourceRecord(partition, offset, self.props["topic"], value=self.lines[number])]

    def drained(self):
        return self.next >= len(self.lines) and self.props.get("follow") != "true"

    def stop(self):
        pass


class LinesSink(SinkConnector):
    """Appends each value to a file."""

    def config(self):
        return ConfigDef().define("file", ConfigType.STRING, documentation="what to write")

    def start(self, props):
        self.props = props

    def task_class(self):
        return LinesSinkTask

    def task_configs(self, max_tasks):
        return [self.props]

    def stop(self):
        pass


class LinesSinkTask(SinkTask):
    def start(self, props):
        self.file = Path(props["file"])

    def put(self, records):
        with self.file.open("a") as stream:
            stream.writelines(f"{record.value}\n" for record in records)

    def stop(self):
        pass
