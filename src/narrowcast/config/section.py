"""What all sections of a configuration have in common."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A section: frozen, of exact types, without keys of its own invention.

    The description of a field completes the sentence "must be ...": it is what somebody reads who
    got the field wrong.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
