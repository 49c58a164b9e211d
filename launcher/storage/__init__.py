"""What a worker keeps: topics, offsets, configs and states, behind Protocols."""

__all__: list[str] = []
