"""The entry point of ``narrowcast`` and of ``python -m narrowcast``."""

import sys


def main() -> None:
    """Run the command line. An interruption during the imports prints one line, not a traceback."""
    try:
        from narrowcast.cli import main as run  # noqa: PLC0415

        run()
    except KeyboardInterrupt:
        print("narrowcast: interrupted", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
