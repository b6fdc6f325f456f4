"""Transformer forecasters on very small FPGAs, from a table of readings to a verified design."""

from __future__ import annotations

__version__ = "0.1.0"

# Nothing is imported here: until the commands heed signals, Ctrl-C prints a traceback.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from narrowcast import pipeline
    from narrowcast.config import Config, load_config
    from narrowcast.forecasting.forecaster import Forecaster

__all__ = ["Config", "Forecaster", "__version__", "load_config", "pipeline"]


def __getattr__(name: str) -> Any:
    # Loaded on first use, so that importing one module does not import all others.
    import importlib  # noqa: PLC0415

    if name in ("Config", "load_config"):
        from narrowcast import config  # noqa: PLC0415

        return getattr(config, name)
    if name == "pipeline":
        return importlib.import_module("narrowcast.pipeline")
    if name == "Forecaster":
        return importlib.import_module("narrowcast.forecasting.forecaster").Forecaster
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
