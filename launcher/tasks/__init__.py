"""Connectors and tasks at run time, each in its hosts."""

__all__: list[str] = []
