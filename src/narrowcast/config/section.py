"""The base class of all sections of a configuration."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A section: frozen, strictly typed, without unknown keys.

    The description of a field completes the sentence "must be ..." in the error message for an
    invalid value.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
