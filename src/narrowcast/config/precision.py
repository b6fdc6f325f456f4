"""The section of bits and schemes, and the rules in it: a pattern of names, and what it gives."""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Literal, TypeVar

from pydantic import BeforeValidator, Field, field_serializer

from narrowcast.config.mistakes import did_you_mean
from narrowcast.config.section import Section
from narrowcast.config.tensor_names import (
    array_name,
    as_configured,
    quantised_names,
    scheme_names,
    symmetric_names,
)

Choice = TypeVar("Choice")
Scheme = Literal["adaptive", "symmetric", "asymmetric"]
Bits = Annotated[int, Field(ge=2, le=8)]


def flat_items(table: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Yield what a table and those in it hold, with dots in the keys."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{key}", each) for key, each in flat_items(value))
        else:
            yield name, value


def _flat(table: object) -> object:
    """Flatten a table, if it is one: TOML nests the keys of ``a.b = 4``, and so loses their order.

    Raises:
        ValueError: a rule stands after such keys, and it cannot be told which came first.
    """
    if not isinstance(table, dict):
        return table
    nested: list[str] = []
    for name, value in table.items():
        if isinstance(value, dict):
            nested += [f"{name}.{key}" for key, _ in flat_items(value)]
        elif len(same := [key for key in nested if fnmatchcase(key, name)]) > 1:
            raise ValueError(f"the order of {same[-1]} and {name!r} is lost: write both in quotes")
    return dict(flat_items(table))


def _first_match(table: Mapping[str, Choice], name: str, otherwise: Choice) -> Choice:
    """Return the choice of the first rule for ``name``, else that for ``default``."""
    rules = [*table.items(), ("*", table.get("default", otherwise))]
    return next(choice for rule, choice in rules if fnmatchcase(name, rule))


def _check_rules(key: str, rules: object, names: Sequence[str]) -> None:
    for rule in rules if isinstance(rules, dict) else ():
        if rule != "default" and not any(fnmatchcase(name, rule) for name in names):
            raise ValueError(
                f"{key}: there is no {rule!r}{did_you_mean(as_configured(rule), names)}: "
                f"it may have default, {', '.join(names)}"
            )


class QuantizationConfig(Section):
    """Bits of weights and activations, of the model's input, and of its output; zero points.

    ``bits`` may be a table: widths by step and tensor, such as ``"layers.*.ffn_up.activation"``,
    of which the first that matches counts, and ``default`` (8) for all others. So may ``scheme``,
    by tensor, and ``default`` (adaptive). What is adaptive has a zero point where its distribution
    asks for one; keys and values, which feed the lanes, are symmetric whatever ``default`` says.
    """

    bits: Annotated[Bits | dict[str, Bits], BeforeValidator(_flat)] = Field(
        default=8,
        description="a whole number from 2 to 8, or a table of such by step and tensor",
    )
    scheme: Annotated[Scheme | dict[str, Scheme], BeforeValidator(_flat)] = Field(
        default="adaptive",
        description="'adaptive', 'symmetric' or 'asymmetric', or a table of such by tensor",
    )
    input_bits: int = Field(default=8, ge=2, le=8, description="a whole number from 2 to 8")
    output_bits: int = Field(default=16, ge=8, le=16, description="a whole number from 8 to 16")

    def widths(self, layers: int) -> dict[str, int]:
        """Return the width of everything that has one, by the names of ``quantised_names``."""
        table = self.bits if isinstance(self.bits, dict) else {"default": self.bits}
        return {name: _first_match(table, name, 8) for name in quantised_names(layers)}

    def tensor_widths(self, layers: int) -> dict[str, int]:
        """Return the width of every tensor and of all weights, by their names in the model."""
        widths = {"input": self.input_bits, "head.output": self.output_bits}
        return widths | {array_name(name): bits for name, bits in self.widths(layers).items()}

    def schemes(self, layers: int) -> dict[str, Scheme]:
        """Return the scheme of every tensor that has one, by the names of ``scheme_names``."""
        table = self.scheme if isinstance(self.scheme, dict) else {"default": self.scheme}
        return {name: _first_match(table, name, "adaptive") for name in scheme_names(layers)}

    def check_names(self, layers: int) -> None:
        """Raise a ValueError if a rule is for nothing, or cannot be followed."""
        names, lanes = scheme_names(layers), set(symmetric_names(layers))
        _check_rules("quantization.bits", self.bits, quantised_names(layers))
        _check_rules("quantization.scheme", self.scheme, names)
        for rule, scheme in self.scheme.items() if isinstance(self.scheme, dict) else ():
            meant = {name for name in names if fnmatchcase(name, rule)}
            if scheme == "asymmetric" and meant and meant <= lanes:
                raise ValueError(
                    f"quantization.scheme: {rule!r} cannot be asymmetric: keys and values take the "
                    "place of weights, from which nothing is subtracted; choose symmetric"
                )

    @field_serializer("bits", "scheme", when_used="json")
    def _in_order(self, choice: Choice | dict[str, Choice]) -> Choice | list[tuple[str, Choice]]:
        # The order of rules matters, and objects in JSON have none.
        return list(choice.items()) if isinstance(choice, dict) else choice
