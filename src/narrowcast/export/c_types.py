"""The integer types of C99, and names and numbers as C writes them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

# Keywords of C99, the types of <stdint.h> and <stddef.h>, and macros that compilers predefine.
_WORDS = (
    "auto break case char const continue default do double else enum extern float for goto if "
    "inline int long register restrict return short signed sizeof static struct switch typedef "
    "union unsigned void volatile while asm bool true false null size_t ptrdiff_t wchar_t linux "
    "unix arm i386"
)
_RESERVED = frozenset(_WORDS.split()) | {
    f"{sign}int{size}_t" for sign in ("", "u") for size in (8, 16, 32, 64, "ptr", "max")
}


@dataclass(frozen=True)
class CType:
    """An integer type of ``<stdint.h>``.

    Attributes:
        bits: Width.
        signed: Whether it is in two's complement.
    """

    bits: int
    signed: bool = True

    @property
    def name(self) -> str:
        """Its name in C."""
        return f"{'' if self.signed else 'u'}int{self.bits}_t"

    @property
    def short(self) -> str:
        """Its name as a part of other names."""
        return f"{'i' if self.signed else 'u'}{self.bits}"

    @property
    def bytes(self) -> int:
        """Its size."""
        return self.bits // 8

    @property
    def low(self) -> int:
        """Lowest integer."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """Highest integer."""
        return self.low + (1 << self.bits) - 1

    def holds(self, low: int, high: int) -> bool:
        """Return whether it holds all integers of a range."""
        return self.low <= low and high <= self.high


INT8, UINT8 = CType(8), CType(8, signed=False)
INT16, INT32, INT64 = CType(16), CType(32), CType(64)
NARROW = (INT8, UINT8, INT16, INT32)
WIDE = (INT32, INT64)


def narrowest(low: int, high: int, among: Iterable[CType] = NARROW) -> CType:
    """Return the first of some types that holds a range."""
    return next(each for each in among if each.holds(low, high))


def identifiers(names: Iterable[str]) -> dict[str, str]:
    """Return a C identifier for each of some distinct names, all of them different.

    Args:
        names: Names of a valid model: letters, digits, ``_`` and ``.``.
    """
    found: dict[str, str] = {}
    taken = set(_RESERVED)
    for name in names:
        base = text = name.lower().replace(".", "_")
        number = 2
        while text in taken:
            text = f"{base}_{number}"
            number += 1
        taken.add(text)
        found[name] = text
    return found


def literal(value: int) -> str:
    """Return an integer as C writes it; C has no literal for the lowest ones."""
    if INT32.holds(value, value):
        return str(value) if value > INT32.low else "INT32_MIN"
    return f"INT64_C({value})" if value > INT64.low else "INT64_MIN"


def comment(text: str) -> str:
    """Return a text from outside as a part of a comment: ASCII without anything that C reads."""
    return re.sub(r"[^A-Za-z0-9_ .,:()%+=/-]", "_", text)[:60]
