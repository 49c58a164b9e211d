"""The pipeline of `benchmarks.pipelines` without venvoy's hosts: one process, one plain loop.

``python -m benchmarks.plain_pipeline source|sink CONFIG`` runs it once and prints the seconds by
the clock, from the first poll to the last append or from the first read to the last put, and the
seconds of the processor. CONFIG is JSON.
"""

import asyncio
import importlib
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from launcher.hosts.frames import StoredFrame, parse_frame
from launcher.settings import SHARED_DIR
from launcher.storage.sqlite_log import SqliteLog
from launcher.storage.topic_log import Append, parse_source_offsets

APPENDS_AT_ONCE = 8
READ_BYTES = 1024 * 1024
TOPIC = "rows"


def main() -> None:
    """Run the pipeline that the arguments name."""
    kind, text = sys.argv[1:]
    config: Mapping[str, str] = json.loads(text)
    sys.path[:0] = [str(SHARED_DIR), config["plugins"]]
    log = SqliteLog(Path(config["log"]))
    try:
        pipeline = Pipeline(log, config)
        began = time.process_time()
        seconds = asyncio.run(pipeline.run_source() if kind == "source" else pipeline.run_sink())
        print(seconds, time.process_time() - began)
    finally:
        log.close()


class Pipeline:
    """The stages, made and configured, and the loops over them."""

    def __init__(self, log: SqliteLog, config: Mapping[str, str]) -> None:
        converters = importlib.import_module("venvoy_api.converters")
        self.log = log
        self.config = config
        self.plugins = importlib.import_module("rows")
        self.frames = importlib.import_module("venvoy_host.frames")
        self.api = importlib.import_module("venvoy_api")
        self.mask, self.insert = self.plugins.Mask(), self.plugins.Insert()
        self.mask.configure(json.loads(config["mask"]))
        self.insert.configure(json.loads(config["insert"]))
        self.keys, self.values = converters.StringConverter(), converters.JsonConverter()
        self.keys.configure({}, True)
        self.values.configure({"schemas.enable": "false"}, False)
        self.headers = converters.SimpleHeaderConverter()

    async def run_source(self) -> float:
        """Poll, transform, convert, frame and append; return the seconds."""
        task = self.plugins.RowsTask()
        task.start(self.config)
        appends: set[asyncio.Task[Any]] = set()
        began, batch = time.monotonic(), 0
        while not task.drained():
            batch += 1
            appends.add(asyncio.create_task(self.log.append(self.framed(task.poll(), batch))))
            await asyncio.sleep(0)
            if len(appends) >= APPENDS_AT_ONCE:
                done, appends = await asyncio.wait(appends, return_when="FIRST_COMPLETED")
                for one in done:
                    one.result()
        await asyncio.gather(*appends)
        return time.monotonic() - began

    def framed(self, records: list[Any], batch: int) -> Append:
        """Take one poll through the chain."""
        keys, values, headers, timestamps = [], [], [], []
        last: Any = None
        for record in records:
            last = record
            changed = self.mask.apply(record)
            if changed is not None:
                changed = self.insert.apply(changed)
            if changed is None:
                continue
            topic, own = changed.topic, changed.headers
            keys.append(self.keys.from_connect_data(topic, own, changed.key_schema, changed.key))
            values.append(
                self.values.from_connect_data(topic, own, changed.value_schema, changed.value)
            )
            convert = self.headers.from_connect_header
            headers.append(
                self.frames.encode_headers(
                    (one.key, convert(topic, one.key, one.schema, one.value)) for one in own
                )
            )
            timestamps.append(changed.timestamp)
        offsets = json.dumps([[last.source_partition, last.source_offset]]).encode()
        pieces = self.frames.encode_records(
            TOPIC,
            0,
            keys=keys,
            values=values,
            headers=headers,
            timestamps=timestamps,
            batch=batch,
            flags=self.frames.Flag.LAST,
            source_offsets=offsets,
        )
        frame = parse_frame(b"".join(pieces))
        return Append(
            connector="bench-source",
            frames=(frame,),
            source_offsets=parse_source_offsets(frame.source_offsets),
        )

    async def run_sink(self) -> float:
        """Read, convert, transform, put and commit; return the seconds up to the last put."""
        task = self.plugins.CountTask()
        task.start(self.config)
        (end,) = (await self.log.ends([TOPIC])).values()
        began, place = time.monotonic(), 0
        while place < end:
            for stored in await self.log.read(TOPIC, 0, place, max_bytes=READ_BYTES):
                task.put(self.records(stored))
                place = stored.end_offset
        seconds = time.monotonic() - began
        await self.log.commit_sink_offsets("bench-sink", {(TOPIC, 0): place})
        return seconds

    def records(self, stored: StoredFrame) -> list[Any]:
        """Take one frame through the chain."""
        size = self.frames.HEADER.size
        frame = self.frames.parse(stored.data[:size], stored.data[size:])
        columns = zip(*self.frames.decode_columns(frame), strict=True)
        convert = self.headers.to_connect_header
        found = []
        for row, (key, value, data, stamp) in enumerate(columns):
            headers = [
                self.api.Header(name, *convert(TOPIC, name, item))
                for name, item in self.frames.decode_headers(data)
            ]
            record = self.api.SinkRecord(
                TOPIC,
                0,
                *self.keys.to_connect_data(TOPIC, None, key),
                *self.values.to_connect_data(TOPIC, None, value),
                stored.first_offset + row,
                stamp,
                self.api.TimestampType.CREATE_TIME,
                headers,
            )
            changed = self.mask.apply(record)
            if changed is not None:
                changed = self.insert.apply(changed)
            if changed is not None:
                found.append(changed)
        return found


if __name__ == "__main__":
    main()
