"""Frames as the worker sees them: a header that it reads, a body that it never opens.

The format is drawn in `launcher/shared/venvoy_host/frames.py`; this is its header once more,
because nothing above the hosts imports what runs in them. A test holds the two together.
"""

import asyncio
import json
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from manager.errors import VenvoyError

__all__ = [
    "HEADER",
    "MAX_BODY_BYTES",
    "BrokenFrameError",
    "FrameFlag",
    "FrameKind",
    "RawRecord",
    "StoredFrame",
    "WireFrame",
    "cut_record",
    "encode_ack",
    "encode_end",
    "encode_record",
    "for_feed",
    "parse_frame",
    "read_frame",
    "with_first_offset",
]

HEADER = struct.Struct("<4sBBHIIQIiqqqIIQQQQ")
MAGIC = b"vyf\x01"
MAX_BODY_BYTES = 2**30
_NO_TIMESTAMP = -(2**63)
_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")
_FEED = struct.Struct("<QI")
_FEED_AT = 16
_FIRST_OFFSET = struct.Struct("<q")
_FIRST_OFFSET_AT = 32


class FrameKind(IntEnum):
    """What a frame is."""

    RECORDS = 1
    OBJECTS = 2
    ACK = 3
    END = 4


class FrameFlag(IntFlag):
    """Bits of a frame's flags that the worker looks at."""

    KEYS = 1
    HEADERS = 2
    TIMESTAMPS = 4
    LAST = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class WireFrame:
    """One frame with the fields that routing needs; `data` is header and body as they came.

    `source_offsets` is canonical JSON, empty but in the last frame of a batch.
    """

    kind: FrameKind
    is_last: bool
    count: int
    batch: int
    epoch: int
    topic: str
    partition: int
    first_offset: int
    source_offsets: bytes
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFrame:
    """A frame in a topic: the records `first_offset` up to, but without, `end_offset`."""

    topic: str
    partition: int
    first_offset: int
    count: int
    data: bytes

    @property
    def end_offset(self) -> int:
        """The offset behind the last record."""
        return self.first_offset + self.count


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRecord:
    """One record as converters wrote it; `timestamp` in ms since 1970 UTC, None without one."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    timestamp: int | None = None


class BrokenFrameError(VenvoyError):
    """What came from a host is no frame: plugin code has written where only the host may."""

    code = "host-broke-protocol"

    def __init__(self, *, began: bytes) -> None:
        super().__init__(began)
        self.began = began

    @property
    def message(self) -> str:
        """What came."""
        return f"the host broke the protocol: {self.began!r} where a frame should begin"

    @property
    def hint(self) -> str:
        """What can cause it."""
        return "the plugin, or a library of its, may write to file descriptors that are not its own"


def parse_frame(data: bytes) -> WireFrame:
    """Read the header, the topic and the source offsets of one whole frame.

    Raises:
        BrokenFrameError: it is no frame of this format.
    """
    fields = HEADER.unpack_from(data)
    if fields[0] != MAGIC or fields[17] != len(data) - HEADER.size:
        raise BrokenFrameError(began=data[:8])
    topic_end = HEADER.size + fields[12]
    try:
        kind, topic = FrameKind(fields[1]), data[HEADER.size : topic_end].decode()
    except ValueError as error:
        raise BrokenFrameError(began=data[:8]) from error
    return WireFrame(
        kind=kind,
        is_last=bool(fields[3] & FrameFlag.LAST),
        count=fields[4],
        batch=fields[6],
        epoch=fields[7],
        topic=topic,
        partition=fields[8],
        first_offset=fields[9],
        source_offsets=data[topic_end : topic_end + fields[13]],
        data=data,
    )


async def read_frame(reader: asyncio.StreamReader) -> WireFrame | None:
    """Read one frame; None at the end of the stream, also when it ends inside a frame.

    Raises:
        BrokenFrameError: what came is no frame.
    """
    try:
        header = await reader.readexactly(HEADER.size)
        body_bytes = HEADER.unpack(header)[17]
        if header[:4] != MAGIC or body_bytes > MAX_BODY_BYTES:
            raise BrokenFrameError(began=header[:8])
        body = await reader.readexactly(body_bytes)
    except (asyncio.IncompleteReadError, ConnectionError):  # also when our last ack found nobody
        return None
    return parse_frame(header + body)


def with_first_offset(data: bytes, first_offset: int) -> bytes:
    """Return the frame with the offset that the log gave it; the body is as it was."""
    end = _FIRST_OFFSET_AT + _FIRST_OFFSET.size
    return data[:_FIRST_OFFSET_AT] + _FIRST_OFFSET.pack(first_offset) + data[end:]


def for_feed(data: bytes, *, batch: int, epoch: int) -> bytes:
    """Return the stored frame numbered for one sink's feed."""
    return data[:_FEED_AT] + _FEED.pack(batch, epoch) + data[_FEED_AT + _FEED.size :]


def encode_ack(batch: int, placements: Sequence[tuple[str, int, int]]) -> bytes:
    """Return the ack of a batch: (topic, partition, first offset) of each of its frames."""
    payload = json.dumps(placements, separators=(",", ":")).encode() if placements else b""
    return _control_frame(FrameKind.ACK, batch=batch, payload=payload)


def encode_end(*, batch: int, epoch: int) -> bytes:
    """Return "that is all as of now"."""
    return _control_frame(FrameKind.END, batch=batch, epoch=epoch)


def encode_record(topic: str, partition: int, record: RawRecord) -> WireFrame:
    """Return a frame of one record, to be appended: a dead letter."""
    name = topic.encode()
    headers = _encode_headers(record.headers)
    lengths = [] if record.key is None else [len(record.key)]
    lengths.append(-1 if record.value is None else len(record.value))
    flags = FrameFlag(0) if record.key is None else FrameFlag.KEYS
    if headers:
        lengths.append(len(headers))
        flags |= FrameFlag.HEADERS
    key, value = record.key or b"", record.value or b""
    body = b"".join((name, struct.pack(f"<{len(lengths)}i", *lengths), key, value, headers))
    times = (_NO_TIMESTAMP if record.timestamp is None else record.timestamp,) * 2
    sizes = (len(name), 0, len(key), len(value), len(headers), len(body))
    header = HEADER.pack(
        MAGIC, FrameKind.RECORDS, 0, flags, 1, zlib.crc32(body), 0, 0, partition, -1, *times, *sizes
    )
    return parse_frame(header + body)


def cut_record(data: bytes, index: int) -> RawRecord:
    """Take one record, from 0, out of a whole frame of records, for a dead letter."""
    fields = HEADER.unpack_from(data)
    flags, count = FrameFlag(fields[3]), fields[4]
    place = HEADER.size + fields[12] + fields[13]

    def column(flag: FrameFlag | None, code: str = "i") -> tuple[int, ...]:
        nonlocal place
        if flag is not None and not flags & flag:
            return ()
        found = struct.unpack_from(f"<{count}{code}", data, place)
        place += struct.calcsize(f"<{count}{code}")
        return found

    lengths = (column(FrameFlag.KEYS), column(None), column(FrameFlag.HEADERS))
    timestamps = column(FrameFlag.TIMESTAMPS, "q")
    pieces = []
    for sizes, column_bytes in zip(lengths, fields[14:17], strict=True):
        start = place + sum(max(size, 0) for size in sizes[:index])
        is_null = not sizes or sizes[index] < 0
        pieces.append(None if is_null else data[start : start + sizes[index]])
        place += column_bytes
    key, value, headers = pieces
    timestamp = timestamps[index] if timestamps else fields[10]
    return RawRecord(
        key=key,
        value=value,
        headers=_decode_headers(headers) if headers else (),
        timestamp=None if timestamp == _NO_TIMESTAMP else timestamp,
    )


def _encode_headers(pairs: Sequence[tuple[str, bytes | None]]) -> bytes:
    """Return the headers of one record as they stand in a frame; nothing for none."""
    pieces = [_U32.pack(len(pairs))] if pairs else []
    for key, value in pairs:
        name = key.encode()
        size = _I32.pack(-1 if value is None else len(value))
        pieces += (_U32.pack(len(name)), name, size, value or b"")
    return b"".join(pieces)


def _decode_headers(data: bytes) -> tuple[tuple[str, bytes | None], ...]:
    """Read the headers of one record."""
    pairs: list[tuple[str, bytes | None]] = []
    (count,) = _U32.unpack_from(data)
    place = _U32.size
    for _ in range(count):
        (size,) = _U32.unpack_from(data, place)
        key_end = place + _U32.size + size
        (value_size,) = _I32.unpack_from(data, key_end)
        value_at = key_end + _I32.size
        value = None if value_size < 0 else data[value_at : value_at + value_size]
        pairs.append((data[place + _U32.size : key_end].decode(), value))
        place = value_at + max(value_size, 0)
    return tuple(pairs)


def _control_frame(
    kind: FrameKind, *, batch: int = 0, epoch: int = 0, payload: bytes = b""
) -> bytes:
    times = (_NO_TIMESTAMP, _NO_TIMESTAMP)
    sizes = (0, 0, 0, len(payload), 0, len(payload))
    checksum = zlib.crc32(payload)
    header = HEADER.pack(MAGIC, kind, 0, 0, 0, checksum, batch, epoch, 0, -1, *times, *sizes)
    return header + payload
