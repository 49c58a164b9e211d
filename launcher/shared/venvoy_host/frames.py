"""The frame: one binary message on a data socket, and the unit in which topics are stored.

Laid down for good; little-endian. A header of 96 bytes, then the body::

    offset bytes  field
       0     4    magic `vyf` and the format's number, 1
       4     1    kind: 1 records, 2 objects, 3 ack, 4 end
       5     1    codec of the columns: 0 plain
       6     2    flags, below
       8     4    count of records
      12     4    CRC-32 of the body
      16     8    batch: ordinal of the sender, acknowledged as a whole
      24     4    epoch of a sink's feed: raised when it is rewound
      28     4    partition of the topic (signed)
      32     8    offset of the first record, given by the log; -1 before (signed)
      40     8    timestamp of the first record, ms since 1970 UTC; -2^63 none (signed)
      48     8    the largest timestamp, likewise
      56     4    bytes of topic
      60     4    bytes of source offsets
      64     8    bytes of keys
      72     8    bytes of values
      80     8    bytes of headers
      88     8    bytes of body

    body: topic, UTF-8
          source offsets: canonical JSON [[partition, offset], …], the last of each partition
          key lengths      int32 each     flag KEYS         -1 is null
          value lengths    int32 each     kind records      -1 is null
          header lengths   int32 each     flag HEADERS      0 is none
          timestamps       int64 each     flag TIMESTAMPS; without it all are the first's
          keys, values, headers: the bytes of each, end to end

    headers of one record: uint32 count, then for each
          uint32 bytes of key, key, int32 bytes of value (-1 is null), value

flags: 1 KEYS, 2 HEADERS, 4 TIMESTAMPS, 8 LAST (the batch's last frame), 16 WANTS_METADATA (the
ack shall say where each record went), 32 LOG_APPEND_TIME (timestamps are the log's own).

Records of a frame have consecutive offsets. In kind objects, `values` is one restricted pickle
(`venvoy_host.objects`); in kind ack it is JSON: [[topic, partition, first offset], …], one for
each frame of the batch, with a fourth and fifth member (indices, timestamps) between segments.
`launcher.hosts.frames` reads the header only and has the struct once more; a test holds the two
together.
"""

from __future__ import annotations

import json
import struct
import sys
import zlib
from array import array
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "HEADER",
    "MAGIC",
    "MAX_BODY_BYTES",
    "NO_TIMESTAMP",
    "Columns",
    "Flag",
    "Frame",
    "FrameError",
    "Kind",
    "decode_columns",
    "decode_headers",
    "encode_ack",
    "encode_end",
    "encode_headers",
    "encode_objects",
    "encode_records",
    "parse",
]

HEADER = struct.Struct("<4sBBHIIQIiqqqIIQQQQ")
MAGIC = b"vyf\x01"
NO_TIMESTAMP = -(2**63)
MAX_BODY_BYTES = 2**30
_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")
_NULL = _I32.pack(-1)
_NAMES_MAX = 1000
_NAME_BYTES_MAX = 256


class Kind:
    """What a frame is."""

    RECORDS = 1
    OBJECTS = 2
    ACK = 3
    END = 4


class Flag:
    """Bits of a frame's flags."""

    KEYS = 1
    HEADERS = 2
    TIMESTAMPS = 4
    LAST = 8
    WANTS_METADATA = 16
    LOG_APPEND_TIME = 32


class FrameError(Exception):
    """Bytes that are no frame of this format."""


@dataclass(frozen=True)
class Frame:
    """A frame's header, read, and its body; `values` and the like cut the body."""

    kind: int
    flags: int
    count: int
    batch: int
    epoch: int
    partition: int
    first_offset: int
    first_timestamp: int
    topic_bytes: int
    offsets_bytes: int
    keys_bytes: int
    values_bytes: int
    headers_bytes: int
    body: bytes

    @property
    def topic(self) -> str:
        """The topic; empty for frames without records."""
        return self.body[: self.topic_bytes].decode("utf-8")

    @property
    def source_offsets(self) -> bytes:
        """The canonical JSON as it came."""
        return self.body[self.topic_bytes : self.topic_bytes + self.offsets_bytes]

    @property
    def payload(self) -> bytes:
        """The values as one piece: the pickle, or the ack's JSON."""
        end = len(self.body) - self.headers_bytes
        return self.body[end - self.values_bytes : end]


class Columns(NamedTuple):
    """The records of a frame, column by column; `headers` holds None where there are none."""

    keys: list[bytes | None]
    values: list[bytes | None]
    headers: list[bytes | None] | None
    timestamps: list[int]


def parse(header: bytes | bytearray | memoryview, body: bytes) -> Frame:
    """Read a header and take its body; raises FrameError when they do not belong together."""
    fields = HEADER.unpack(header)
    if fields[0] != MAGIC:
        raise FrameError(f"not a frame: it begins with {bytes(fields[0])!r}")
    if fields[17] != len(body) or fields[5] != zlib.crc32(body):
        raise FrameError("the body of a frame does not match its header")
    return Frame(
        kind=fields[1],
        flags=fields[3],
        count=fields[4],
        batch=fields[6],
        epoch=fields[7],
        partition=fields[8],
        first_offset=fields[9],
        first_timestamp=fields[10],
        topic_bytes=fields[12],
        offsets_bytes=fields[13],
        keys_bytes=fields[14],
        values_bytes=fields[15],
        headers_bytes=fields[16],
        body=body,
    )


def encode_records(
    topic: str,
    partition: int,
    *,
    keys: Sequence[bytes | None],
    values: Sequence[bytes | None],
    headers: Sequence[bytes | None] | None,
    timestamps: Sequence[int],
    batch: int,
    flags: int = 0,
    source_offsets: bytes = b"",
    epoch: int = 0,
    first_offset: int = -1,
) -> list[bytes]:
    """Return a frame of records as pieces to be written one after the other.

    All columns have the same length; a timestamp is NO_TIMESTAMP where there is none.
    """
    lengths: list[bytes] = []
    blobs: list[bytes] = []
    sizes = [0, 0, 0]
    for place, (column, flag) in enumerate(
        ((keys, Flag.KEYS), (values, 0), (headers, Flag.HEADERS))
    ):
        if column is None or (flag and not any(item is not None for item in column)):
            continue
        blob = b"".join([item for item in column if item is not None])
        null = 0 if flag == Flag.HEADERS else -1
        lengths.append(_pack("i", [null if item is None else len(item) for item in column]))
        blobs.append(blob)
        sizes[place] = len(blob)
        flags |= flag
    first, largest = (timestamps[0], max(timestamps)) if timestamps else (NO_TIMESTAMP,) * 2
    if first != largest or first != min(timestamps, default=first):
        flags |= Flag.TIMESTAMPS
        lengths.append(_pack("q", timestamps))
    return _assemble(
        Kind.RECORDS,
        topic.encode("utf-8"),
        source_offsets,
        [*lengths, *blobs],
        sizes,
        flags=flags,
        count=len(values),
        batch=batch,
        epoch=epoch,
        partition=partition,
        first_offset=first_offset,
        times=(first, largest),
    )


def encode_objects(
    payload: bytes,
    *,
    count: int,
    batch: int,
    flags: int = 0,
    source_offsets: bytes = b"",
    epoch: int = 0,
) -> list[bytes]:
    """Return a frame of pickled objects as pieces."""
    return _assemble(
        Kind.OBJECTS,
        b"",
        source_offsets,
        [payload],
        [0, len(payload), 0],
        flags=flags,
        count=count,
        batch=batch,
        epoch=epoch,
    )


def encode_ack(batch: int, placements: Sequence[Sequence[object]] = ()) -> list[bytes]:
    """Return the acknowledgement of a whole batch as pieces."""
    payload = json.dumps(placements, separators=(",", ":")).encode() if placements else b""
    return _assemble(Kind.ACK, b"", b"", [payload], [0, len(payload), 0], batch=batch)


def encode_end(*, batch: int = 0, epoch: int = 0) -> list[bytes]:
    """Return the frame that says "that is all as of now" as pieces."""
    return _assemble(Kind.END, b"", b"", [], [0, 0, 0], batch=batch, epoch=epoch)


def decode_columns(frame: Frame) -> Columns:
    """Take the columns of a frame of records apart."""
    count, body = frame.count, frame.body
    place = frame.topic_bytes + frame.offsets_bytes

    def numbers(code: str) -> list[int]:
        nonlocal place
        end = place + count * (4 if code == "i" else 8)
        column = _unpack(code, body[place:end])
        place = end
        return column

    key_lengths = numbers("i") if frame.flags & Flag.KEYS else None
    value_lengths = numbers("i")
    header_lengths = numbers("i") if frame.flags & Flag.HEADERS else None
    same = [frame.first_timestamp] * count
    timestamps = numbers("q") if frame.flags & Flag.TIMESTAMPS else same
    values_at = place + frame.keys_bytes
    keys: list[bytes | None] = [None] * count
    if key_lengths is not None:
        keys = _cut(body, place, key_lengths)
    values = _cut(body, values_at, value_lengths)
    headers = None
    if header_lengths is not None:
        cut = _cut(body, values_at + frame.values_bytes, header_lengths)
        headers = [item or None for item in cut]
    return Columns(keys, values, headers, timestamps)


def encode_headers(pairs: Iterable[tuple[str, bytes | None]]) -> bytes | None:
    """Return the headers of one record as bytes; None when there are none."""
    pieces = [b""]
    count = 0
    for key, value in pairs:
        pieces.append(_names.get(key) or _packed_name(key))
        pieces += (_NULL,) if value is None else (_I32.pack(len(value)), value)
        count += 1
    pieces[0] = _U32.pack(count)
    return b"".join(pieces) if count else None


def _packed_name(key: str) -> bytes:
    """Return a header's key as it is stored; the names of headers are few and come often."""
    name = key.encode("utf-8")
    packed = _U32.pack(len(name)) + name
    if len(packed) <= _NAME_BYTES_MAX:
        if len(_names) >= _NAMES_MAX:
            _names.clear()
        _names[key] = packed
    return packed


_names: dict[str, bytes] = {}


def decode_headers(data: bytes) -> list[tuple[str, bytes | None]]:
    """Return the headers of one record."""
    (count,) = _U32.unpack_from(data, 0)
    place = 4
    pairs: list[tuple[str, bytes | None]] = []
    for _ in range(count):
        (size,) = _U32.unpack_from(data, place)
        key = data[place + 4 : place + 4 + size].decode("utf-8")
        place += 4 + size
        (size,) = _I32.unpack_from(data, place)
        place += 4
        pairs.append((key, None if size < 0 else data[place : place + size]))
        place += max(size, 0)
    return pairs


def _assemble(
    kind: int,
    topic: bytes,
    source_offsets: bytes,
    pieces: list[bytes],
    sizes: list[int],
    *,
    flags: int = 0,
    count: int = 0,
    batch: int = 0,
    epoch: int = 0,
    partition: int = 0,
    first_offset: int = -1,
    times: tuple[int, int] = (NO_TIMESTAMP, NO_TIMESTAMP),
) -> list[bytes]:
    pieces = [topic, source_offsets, *pieces]
    checksum = 0
    for piece in pieces:
        checksum = zlib.crc32(piece, checksum)
    body_bytes = sum(map(len, pieces))
    if body_bytes > MAX_BODY_BYTES:
        raise FrameError(f"{count} records take {body_bytes} bytes; at most {MAX_BODY_BYTES} pass")
    header = HEADER.pack(
        MAGIC,
        kind,
        0,
        flags,
        count,
        checksum,
        batch,
        epoch,
        partition,
        first_offset,
        *times,
        len(topic),
        len(source_offsets),
        *sizes,
        body_bytes,
    )
    return [header, *(piece for piece in pieces if piece)]


def _pack(code: str, numbers: Sequence[int]) -> bytes:
    column = array(code, numbers)
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()


def _unpack(code: str, data: bytes) -> list[int]:
    column = array(code)
    column.frombytes(data)
    if sys.byteorder == "big":
        column.byteswap()
    return column.tolist()


def _cut(body: bytes, start: int, lengths: list[int]) -> list[bytes | None]:
    if min(lengths, default=0) >= 0:
        ends = list(accumulate(lengths, initial=start))
        return [body[a:b] for a, b in zip(ends, ends[1:])]
    ends = list(accumulate((max(size, 0) for size in lengths), initial=start))
    return [None if size < 0 else body[a:b] for size, a, b in zip(lengths, ends, ends[1:])]
