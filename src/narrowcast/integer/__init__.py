"""The integer graph, its arithmetic and its executor. They need neither torch nor hardware."""

from narrowcast.integer.analysis import Analysis, analyse
from narrowcast.integer.calendar import Calendar
from narrowcast.integer.execute import State, execute, execute_words, forecast, reset_state
from narrowcast.integer.model import (
    Affine,
    Append,
    ArgMax,
    Classification,
    Context,
    Detection,
    EarlierReadings,
    Forecast,
    Input,
    IntegerModel,
    L1Norm,
    LastReading,
    Linear,
    Operation,
    Output,
    RowSum,
    Scores,
    Tensor,
    ValuesAhead,
)
from narrowcast.integer.serialise import load_model, model_sha256, save_model
from narrowcast.integer.series import of_series
from narrowcast.integer.state_bytes import join_rows, pack_rows, pack_state, unpack_state

__all__ = [
    "Affine",
    "Analysis",
    "Append",
    "ArgMax",
    "Calendar",
    "Classification",
    "Context",
    "Detection",
    "EarlierReadings",
    "Forecast",
    "Input",
    "IntegerModel",
    "L1Norm",
    "LastReading",
    "Linear",
    "Operation",
    "Output",
    "RowSum",
    "Scores",
    "State",
    "Tensor",
    "ValuesAhead",
    "analyse",
    "execute",
    "execute_words",
    "forecast",
    "join_rows",
    "load_model",
    "model_sha256",
    "of_series",
    "pack_rows",
    "pack_state",
    "reset_state",
    "save_model",
    "unpack_state",
]
