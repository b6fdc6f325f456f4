"""The integer graph, its arithmetic and its executor. They need neither torch nor hardware."""

from narrowcast.integer.analysis import Analysis, analyse
from narrowcast.integer.calendar import Calendar
from narrowcast.integer.execute import execute, execute_words, forecast
from narrowcast.integer.model import (
    Affine,
    Context,
    EarlierReadings,
    Forecast,
    Input,
    IntegerModel,
    LastReading,
    Linear,
    Operation,
    Output,
    RowSum,
    Scores,
    Tensor,
    ValuesAhead,
)
from narrowcast.integer.serialise import load_model, save_model

__all__ = [
    "Affine",
    "Analysis",
    "Calendar",
    "Context",
    "EarlierReadings",
    "Forecast",
    "Input",
    "IntegerModel",
    "LastReading",
    "Linear",
    "Operation",
    "Output",
    "RowSum",
    "Scores",
    "Tensor",
    "ValuesAhead",
    "analyse",
    "execute",
    "execute_words",
    "forecast",
    "load_model",
    "save_model",
]
