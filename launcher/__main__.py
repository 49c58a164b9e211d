"""What `venvoy` starts: an interrupt is told in a line from the first module on."""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; see `launcher.cli.main`."""
    try:
        from launcher import cli  # noqa: PLC0415  # it takes long enough to be interrupted

        cli.main()
    except KeyboardInterrupt as error:
        fault = getattr(error, "fault", None)  # cli's own, so early or late that nobody took it
        sys.stderr.write(f"error: {getattr(fault, 'message', 'interrupted')}\n")
        sys.exit(getattr(fault, "exit_code", 130))


if __name__ == "__main__":
    main()
