"""What each command of `venvoy` does: parsed by `launcher.cli`, printed by `render`."""

__all__: list[str] = []
