"""The configuration of a run: one TOML file, which is validated before the run starts."""

from narrowcast.config.dump import to_toml
from narrowcast.config.load import load_config
from narrowcast.config.mistakes import did_you_mean
from narrowcast.config.precision import QuantizationConfig, Scheme, flat_items
from narrowcast.config.sections import (
    HOLIDAY,
    Aggregate,
    Config,
    DataConfig,
    DetectConfig,
    HardwareConfig,
    InterfaceName,
    ModelConfig,
    SplitConfig,
    StorageConfig,
    TrainConfig,
    VerifyConfig,
    is_pattern,
)
from narrowcast.config.shape import Monitors, Stream, shape_of
from narrowcast.config.tensor_names import array_name, quantised_names, scheme_names

__all__ = [
    "HOLIDAY",
    "Aggregate",
    "Config",
    "DataConfig",
    "DetectConfig",
    "HardwareConfig",
    "InterfaceName",
    "ModelConfig",
    "Monitors",
    "QuantizationConfig",
    "Scheme",
    "SplitConfig",
    "StorageConfig",
    "Stream",
    "TrainConfig",
    "VerifyConfig",
    "array_name",
    "did_you_mean",
    "flat_items",
    "is_pattern",
    "load_config",
    "quantised_names",
    "scheme_names",
    "shape_of",
    "to_toml",
]
