"""A window of credit: how much may be on its way to a host before something has arrived."""

__all__ = ["Window"]


class Window:
    """Counts what is on its way, in records and bytes; one batch always may, however large."""

    def __init__(self, *, records: int, size_bytes: int) -> None:
        self._records_max = records
        self._bytes_max = size_bytes
        self._batches: dict[int, tuple[int, int]] = {}
        self._records = 0
        self._bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether the next batch has to wait."""
        return self._records >= self._records_max or self._bytes >= self._bytes_max

    def take(self, batch: int, *, records: int, size_bytes: int) -> None:
        """A batch goes on its way."""
        self._batches[batch] = (records, size_bytes)
        self._records += records
        self._bytes += size_bytes

    def release(self, batch: int) -> int:
        """A batch has arrived; return its records (0 for one that was not on its way)."""
        records, size_bytes = self._batches.pop(batch, (0, 0))
        self._records -= records
        self._bytes -= size_bytes
        return records
