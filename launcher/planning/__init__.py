"""From a plugin path and configs to plans: which stage runs in which environment."""

__all__: list[str] = []
