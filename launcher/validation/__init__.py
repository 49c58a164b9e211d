"""Configs checked as Kafka Connect checks them, by plugins in their own versions."""

__all__: list[str] = []
