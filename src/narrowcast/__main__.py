"""The program ``narrowcast``, also as ``python -m narrowcast``."""

import sys


def main() -> None:
    """Run the command line; an interruption while it loads is one line, as it is later."""
    try:
        from narrowcast.cli import main as run  # noqa: PLC0415

        run()
    except KeyboardInterrupt:
        print("narrowcast: interrupted", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
