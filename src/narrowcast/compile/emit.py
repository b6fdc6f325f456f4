"""Writes the one generated file: a package of constants, ``engine_config.vhd``."""

from collections.abc import Iterable, Mapping, Sequence


def bits_of(value: int, width: int) -> str:
    """Return a two's complement integer as a string of 0 and 1."""
    return format(value & ((1 << width) - 1), f"0{width}b")


def image(words: Iterable[int], width: int) -> str:
    """Return a memory image as VHDL: word 0 leftmost."""
    text = "".join(bits_of(word, width) for word in words)
    whole = len(text) // 4 * 4
    digits = "".join(f"{int(text[i : i + 4], 2):X}" for i in range(0, whole, 4))
    parts = [f'x"{digits[i : i + 80]}"' for i in range(0, len(digits), 80)]
    if whole < len(text):
        parts.append(f'"{text[whole:]}"')
    return "\n      " + "\n      & ".join(parts)


def vector(name: str, words: Sequence[int], width: int) -> str:
    """Return the declaration of a memory image."""
    size = len(words) * width
    return f"  constant {name} : std_logic_vector(0 to {size - 1}) :={image(words, width)};"


def scalar(name: str, value: int) -> str:
    """Return the declaration of a number."""
    return f"  constant {name} : integer := {value};"


def aggregate(fields: Mapping[str, int]) -> str:
    """Return a record aggregate."""
    return "(" + ", ".join(f"{name} => {value}" for name, value in fields.items()) + ")"


def array(name: str, kind: str, items: Sequence[str]) -> str:
    """Return the declaration of a constant array, indexed downwards.

    GHDL subtracts an index from the array's last one where it counts upwards.
    """
    body = ",\n    ".join(f"{i} => {item}" for i, item in enumerate(items))
    return f"  constant {name} : {kind}({len(items) - 1} downto 0) := (\n    {body});"


def package(comment: Sequence[str], declarations: Sequence[str]) -> str:
    """Return the whole package."""
    head = "\n".join(f"-- {line}".rstrip() for line in comment)
    body = "\n".join(declarations)
    return (
        f"{head}\nlibrary ieee;\nuse ieee.std_logic_1164.all;\n\nlibrary work;\n"
        f"use work.engine_types.all;\n\npackage engine_config is\n\n{body}\n\n"
        "end package engine_config;\n"
    )
