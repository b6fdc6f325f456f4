"""A C program that sends words over the exported driver, on standard input and output."""

import re
import subprocess
from pathlib import Path

import numpy as np

from narrowcast.config import InterfaceName
from narrowcast.export import c_code
from narrowcast.integer import IntegerModel
from narrowcast.integer.loaded_weights import LoadedWeights

PAGE = Path(__file__).parents[1] / "docs" / "host.md"
WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-pedantic", "-Werror")
SANITIZED = ("-O1", "-fsanitize=undefined,address", "-fno-sanitize-recover=all")
MAIN = """
#define _POSIX_C_SOURCE 200809L
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "pump_link.h"

TRANSPORT

int main(int argc, char **argv)
{
    LINK
    static pump_input_t inputs;
    static pump_output_t outputs;
    FILE *given = fopen(argv[argc - 1], "r");
    int restart;
    int status = (int)pump_link_open(&link);
    fprintf(stderr, "%d\\n", status);
    while (status == 0 && given && fscanf(given, "%d", &restart) == 1) {
        size_t i;
        int word = 0;
        FILL
        RESET
        fprintf(stderr, "%d", (int)pump_link_infer(&link, &inputs, &outputs));
        PRINT
        fprintf(stderr, "\\n");
    }
    return given && fclose(given) ? 4 : 0;
}
"""
UART = """
static int uart_write(void *context, const uint8_t *bytes, size_t count)
{
    (void)context;
    while (count > 0) {
        ssize_t sent = write(1, bytes, count);
        if (sent <= 0) {
            return 1;
        }
        bytes += sent;
        count -= (size_t)sent;
    }
    return 0;
}

static int uart_read(void *context, uint8_t *bytes, size_t count, uint32_t milliseconds)
{
    struct pollfd input = {0, POLLIN, 0};
    (void)context;
    return poll(&input, 1, (int)milliseconds) > 0 ? (int)read(0, bytes, count) : 0;
}
"""
# Parts of transactions on two pipes, as rtl/testbench/spi_main.cpp states them.
SPI = """
static void send_all(const uint8_t *bytes, size_t count)
{
    if (write(1, bytes, count) != (ssize_t)count) {
        exit(6);
    }
}

static void board_select(void)
{
}

static uint8_t board_exchange(uint8_t byte)
{
    const uint8_t part[2] = {1, byte};
    send_all(part, sizeof part);
    if (read(0, &byte, 1) != 1) {
        exit(7);
    }
    return byte;
}

static void board_deselect(void)
{
    const uint8_t end = 0;
    send_all(&end, 1);
}

static uint32_t milliseconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)now.tv_sec * 1000u + (uint32_t)(now.tv_nsec / 1000000);
}

"""
LINK = "pump_link_t link = {{.write = {0}_write, .read = {0}_read{1}}};"
STATE = "static pump_link_state_t state;"
RESET = "if (restart == 1) { pump_link_reset(&link); }"
RESTORE = """
        if (restart == 2 && (pump_link_open(&link) || pump_link_restore(&link))) {
            return 5;
        }"""
FILL = """for (i = 0; i < {size}; ++i) {{
            if (fscanf(given, "%d", &word) != 1) {{
                return 3;
            }}
            inputs.{name}[i] = ({type})word;
        }}
        """
PRINT = """for (i = 0; i < {size}; ++i) {{
            fprintf(stderr, " %d", (int)outputs.{name}[i]);
        }}
        """


def driver_command(
    folder: Path,
    model: IntegerModel,
    sha256: str,
    words: np.ndarray,
    restart: np.ndarray,
    milliseconds: int,
    *,
    access: bool = False,
    interface: InterfaceName = "uart",
    weights: LoadedWeights | None = None,
) -> list[Path]:
    """Compile the driver of a model, and return the command that infers from words with it.

    Before an inference whose ``restart`` is 1, it begins a new stretch; if it is 2, it opens the
    link again, and puts the state back. With ``access``, there is a state to keep. The functions
    for SPI are those of the page.

    The program prints to standard error: the status of opening; then for each inference a line of
    its status and its results.
    """
    code = c_code(model, sha256, "pump")
    code.write(folder)
    code.write_driver(folder, weights)
    state = ", .state = &state" if access else ""
    parts = {
        "TRANSPORT": UART if interface == "uart" else SPI + spi_functions(),
        "LINK": (STATE if access else "") + LINK.format(interface, state),
        "RESET": (RESET + (RESTORE if access else "")) if model.states else "",
        "FILL": "".join(
            FILL.format(size=each.tensor.size, name=each.name, type=each.type.name)
            for each in code.inputs
        ),
        "PRINT": "".join(
            PRINT.format(size=each.tensor.size, name=each.name) for each in code.outputs
        ),
    }
    main = MAIN
    for name, part in parts.items():
        main = main.replace(name, part)
    (folder / "main.c").write_text(main)
    rows = np.column_stack((restart.astype(int), words)).tolist()
    (folder / "words.txt").write_text("\n".join(" ".join(map(str, row)) for row in rows))
    patience = f"-DPUMP_LINK_MILLISECONDS={milliseconds}u"
    sources = ("main.c", "pump.c", "pump_link.c")
    command = ["gcc", *WARNINGS, *SANITIZED, patience, *sources, "-o", "program"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:3000]
    return [folder / "program", folder / "words.txt"]


def spi_functions() -> str:
    """Return the code of docs/host.md that carries bytes over SPI."""
    blocks = re.findall(r"^```c\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    (code,) = (block for block in blocks if "spi_read(" in block)
    return str(code)


def results(said: bytes) -> list[list[int]]:
    """Return what the program has printed: the status and the results of each inference."""
    return [list(map(int, line.split())) for line in said.splitlines()]
