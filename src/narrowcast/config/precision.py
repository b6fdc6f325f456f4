"""The section ``[quantization]``: widths and schemes, each given once or by rules.

A rule maps a pattern of tensor names to a width or to a scheme. The first rule that matches counts.
"""

import re
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
    result_widths,
    row_operand_names,
    scheme_names,
    symmetric_names,
)
from narrowcast.errors import shown, shown_key
from narrowcast.integer.builder import Shape, transformer

Choice = TypeVar("Choice")
Scheme = Literal["adaptive", "symmetric", "asymmetric"]
Width = Annotated[int, Field(ge=2, le=8)]
_FEW = Field(max_length=2000)  # rules, as every name is compared with every rule


def flat_items(table: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Yield the entries of a table and of the tables in it, with dotted keys."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{key}", each) for key, each in flat_items(value))
        else:
            yield name, value


def _flat(table: object) -> object:
    """Flatten a table: TOML nests unquoted keys such as ``a.b = 4``, so their order is lost.

    Raises:
        ValueError: A pattern follows several nested keys that it matches, so that the first match
            is unknown.
    """
    if not isinstance(table, dict):
        return table
    nested: list[str] = []
    for name, value in table.items():
        if isinstance(value, dict):
            nested += [f"{name}.{key}" for key, _ in flat_items(value)]
        elif len(same := [key for key in nested if fnmatchcase(key, name)]) > 1:
            raise ValueError(
                f"the order of {shown_key(same[-1])} and {shown(name)} is lost: "
                "write both in quotes"
            )
    return dict(flat_items(table))


def _first_match(table: Mapping[str, Choice], name: str, otherwise: Choice) -> Choice:
    """Return the choice of the first rule that matches ``name``, else that of ``default``."""
    rules = [*table.items(), ("*", table.get("default", otherwise))]
    return next(choice for rule, choice in rules if fnmatchcase(name, rule))


def _check_rules(key: str, rules: object, names: Sequence[str]) -> None:
    for rule in rules if isinstance(rules, dict) else ():
        if rule != "default" and not any(fnmatchcase(name, rule) for name in names):
            raise ValueError(
                f"{key}: there is no {shown(rule)}{did_you_mean(as_configured(rule), names)}: "
                f"it may have default, {_listed(names)}"
            )


def _listed(names: Sequence[str]) -> str:
    """Return patterns of all names in a row: one for each step, and those of one layer only."""
    steps = dict.fromkeys(re.sub(r"\.\w+$", ".*", name) for name in names)
    return ", ".join(step for step in steps if not re.match(r"layers\.[1-9]", step))


class QuantizationConfig(Section):
    """Widths of weights, activations, input and output in bits, and quantisation schemes.

    ``bits`` is the width of weights, and of keys and values, which take the place of weights in the
    lanes of the engine. It may be a table of rules: patterns of step and tensor, such as
    ``"layers.*.ffn_up.activation"``, with their widths. The first match counts; ``default`` (8)
    holds for all other names. Keys and values that no rule but ``default`` names have at least
    ``attention_bits``: they are computed anew for each window, so that others cannot make up for
    their rounding as weights do.
    ``activation_bits`` is the width of all other activations that no rule but ``default`` names.
    The engine broadcasts them to the lanes, as it does the inputs, which have ``input_bits``: the
    rounding error of a reading is an error of the forecast. On 7 series and ECP5, inputs of 10 bits
    and activations of 8 cost no clock cycle if weights have at most 6 bits, and up to a tenth with
    8. On iCE40, the products of wider sums take DSP blocks from the lanes, so that a model with
    inputs of 8 bits may be faster.

    ``scheme`` may be such a table as well, with the default adaptive. An adaptive tensor gets a
    zero point if that reduces its rounding error enough. Keys and values are operands of the lanes
    like weights, so they are symmetric whatever ``default`` says.
    """

    bits: Annotated[Width | Annotated[dict[str, Width], _FEW], BeforeValidator(_flat)] = Field(
        default=8,
        description="a whole number from 2 to 8, or a table of such by step and tensor",
    )
    scheme: Annotated[Scheme | Annotated[dict[str, Scheme], _FEW], BeforeValidator(_flat)] = Field(
        default="adaptive",
        description="'adaptive', 'symmetric' or 'asymmetric', or a table of such by tensor",
    )
    attention_bits: int = Field(default=6, ge=2, le=8, description="a whole number from 2 to 8")
    activation_bits: int = Field(default=8, ge=2, le=8, description="a whole number from 2 to 8")
    input_bits: int = Field(default=10, ge=2, le=12, description="a whole number from 2 to 12")
    output_bits: int = Field(default=16, ge=8, le=16, description="a whole number from 8 to 16")

    def widths(self, shape: Shape) -> dict[str, int]:
        """Return the configured widths in bits, by the names of ``quantised_names``."""
        table = self.bits if isinstance(self.bits, dict) else {"default": self.bits}
        default = table.get("default", 8)
        others = dict.fromkeys(row_operand_names(shape), self.activation_bits)
        others |= dict.fromkeys(symmetric_names(shape), max(default, self.attention_bits))
        return {
            name: _first_match(table | {"default": others.get(name, default)}, name, default)
            for name in quantised_names(shape)
        }

    def tensor_widths(self, shape: Shape) -> dict[str, int]:
        """Return the widths of all tensors and weights in bits, by their integer model names."""
        widths = dict.fromkeys(transformer(shape).inputs, self.input_bits)
        widths |= result_widths(shape, self.output_bits)
        return widths | {array_name(name): bits for name, bits in self.widths(shape).items()}

    def schemes(self, shape: Shape) -> dict[str, Scheme]:
        """Return the configured schemes, by the names of ``scheme_names``."""
        table = self.scheme if isinstance(self.scheme, dict) else {"default": self.scheme}
        return {name: _first_match(table, name, "adaptive") for name in scheme_names(shape)}

    def check_names(self, shape: Shape) -> None:
        """Raise a ValueError if a rule matches no name, or if its scheme is impossible."""
        names, lanes = scheme_names(shape), set(symmetric_names(shape))
        _check_rules("quantization.bits", self.bits, quantised_names(shape))
        _check_rules("quantization.scheme", self.scheme, names)
        for rule, scheme in self.scheme.items() if isinstance(self.scheme, dict) else ():
            meant = {name for name in names if fnmatchcase(name, rule)}
            if scheme == "asymmetric" and meant and meant <= lanes:
                raise ValueError(
                    f"quantization.scheme: {shown(rule)} cannot be asymmetric: keys and values "
                    "take the place of weights, from which nothing is subtracted; choose symmetric"
                )

    @field_serializer("bits", "scheme", when_used="json")
    def _in_order(self, choice: Choice | dict[str, Choice]) -> Choice | list[tuple[str, Choice]]:
        # A list, because the order of the rules matters and JSON objects are unordered.
        return list(choice.items()) if isinstance(choice, dict) else choice
