"""Functions that numba compiles. Importing this module imports numba, which takes long."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def compiled(**options: Any) -> Callable[[F], F]:
    """Return a decorator that compiles a function when it is called first.

    Args:
        options: Those of ``numba.njit``.
    """

    def compile_only(function: F) -> F:
        return cast("F", numba.njit(**options)(function))

    return compile_only


def compiled_once(**options: Any) -> Callable[[F], F]:
    """Return a decorator that also keeps the compiled function on disk if there is a place.

    Args:
        options: Those of ``numba.njit``.
    """

    def compile_and_keep(function: F) -> F:
        try:
            return cast("F", numba.njit(cache=True, **options)(function))
        except RuntimeError:  # neither the function's folder nor the user's can be written to
            return compiled(**options)(function)

    return compile_and_keep
