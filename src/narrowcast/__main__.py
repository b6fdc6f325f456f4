"""The entry point of ``narrowcast`` and of ``python -m narrowcast``."""

import signal
import sys
from types import FrameType

_NO_WINDOWS = "Windows lacks what the commands need of a system: use its Subsystem for Linux (WSL)"


def main() -> None:
    """Run the command line. An interruption during the imports prints one line, not a traceback.

    SIGTERM and SIGHUP interrupt as Ctrl-C does, so that nothing half-done is left. After the run
    they end the process at once: nothing is left to tidy up, and no traceback appears.
    """
    if sys.platform == "win32":
        print(f"narrowcast: error: {_NO_WINDOWS}", file=sys.stderr)
        sys.exit(2)
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    heeded = [each for each in signals if signal.getsignal(each) is not signal.SIG_IGN]  # nohup
    for each in heeded:
        signal.signal(each, _interrupt)
    try:
        try:
            from narrowcast.cli import main as run  # noqa: PLC0415

            run()
        finally:
            for each in heeded:
                signal.signal(each, signal.SIG_DFL)
    except KeyboardInterrupt as interruption:
        from narrowcast.errors import exit_code  # noqa: PLC0415

        print("narrowcast: interrupted", file=sys.stderr)
        sys.exit(exit_code(interruption))


class _Interruption(KeyboardInterrupt):
    """An interruption by a signal.

    Python remembers a plain KeyboardInterrupt in code made from a string, as dataclasses are. It
    then ends by SIGINT, whatever the exit code is.
    """


def _interrupt(number: int, _: FrameType | None) -> None:
    raise _Interruption(number)


if __name__ == "__main__":
    main()
