"""The worker: one run to its end, or standing and steered from outside."""

__all__: list[str] = []
