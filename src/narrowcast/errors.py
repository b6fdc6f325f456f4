"""The errors that a user can put right."""


class UserError(Exception):
    """Something the user gave is wrong: the message says what, where, and what to do.

    The command line prints the message as one line and exits with code 2.
    """


class ToolError(Exception):
    """An external tool (GHDL, Verilator, yosys, Vivado) failed; the message holds its own words."""
