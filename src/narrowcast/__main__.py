"""The entry point of ``narrowcast`` and of ``python -m narrowcast``."""

import signal
import sys
from types import FrameType

from narrowcast.errors import exit_code

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> None:
    """Run the command line. An interruption during the imports prints one line, not a traceback.

    SIGTERM and SIGHUP interrupt as Ctrl-C does, so that nothing half-done is left.
    """
    for each in _SIGNALS:
        if signal.getsignal(each) is not signal.SIG_IGN:  # as under nohup
            signal.signal(each, _interrupt)
    try:
        from narrowcast.cli import main as run  # noqa: PLC0415

        run()
    except KeyboardInterrupt as interruption:
        print("narrowcast: interrupted", file=sys.stderr)
        sys.exit(exit_code(interruption))


def _interrupt(number: int, _: FrameType | None) -> None:
    raise KeyboardInterrupt(number)


if __name__ == "__main__":
    main()
