"""Tools in YoWASP's Python packages, and the place where they keep what they have prepared."""

import os
import sys
from functools import cache
from pathlib import Path

from narrowcast.tools.scratch import private_folder

_CACHE = "YOWASP_CACHE_DIR"


def yowasp(package: str, tool: str) -> list[str]:
    """Return the command for a tool in a YoWASP Python package.

    Raises:
        UserError: There is no place for what it prepares at its first run.
    """
    call = (
        f"import os, sys; os.environ[{_CACHE!r}] = {str(_place())!r}; "
        f"import {package} as p; sys.exit(p.run_{tool.replace('-', '_')}(sys.argv[1:]))"
    )
    return [sys.executable, "-P", "-c", call]


@cache
def _place() -> Path:
    """Return YoWASP's own place, or, if that cannot be written, one for temporary files."""
    import platformdirs  # noqa: PLC0415 - YoWASP needs it; others may not have it

    own = os.environ.get(_CACHE) or platformdirs.user_cache_dir("YoWASP", appauthor=False)
    place = Path(own).absolute()
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError:
        return private_folder("yowasp")
    return place if os.access(place, os.W_OK) else private_folder("yowasp")
