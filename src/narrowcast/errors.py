"""Errors that the user can correct."""


class UserError(Exception):
    """The user's input is wrong. The message says what is wrong, where, and what to do.

    The command line prints the message as one line and exits with code 2.
    """


class ToolError(Exception):
    """An external tool (GHDL, Verilator, yosys, Vivado) failed. The message quotes its output."""
