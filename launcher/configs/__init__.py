"""Configuration as it is written: files, keys, and what a connector's config asks for."""

__all__: list[str] = []
