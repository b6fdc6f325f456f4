"""A C program that sends words over the exported driver, on standard input and output."""

import subprocess
from pathlib import Path

import numpy as np

from narrowcast.export import c_code
from narrowcast.integer import IntegerModel

WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-pedantic", "-Werror")
SANITIZED = ("-O1", "-fsanitize=undefined,address", "-fno-sanitize-recover=all")
MAIN = """
#define _POSIX_C_SOURCE 200809L
#include <poll.h>
#include <stdio.h>
#include <unistd.h>
#include "pump_link.h"

static int send_bytes(void *context, const uint8_t *bytes, size_t count)
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

static int receive_bytes(void *context, uint8_t *bytes, size_t count, uint32_t milliseconds)
{
    struct pollfd input = {0, POLLIN, 0};
    (void)context;
    return poll(&input, 1, (int)milliseconds) > 0 ? (int)read(0, bytes, count) : 0;
}

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
LINK = "pump_link_t link = {{.write = send_bytes, .read = receive_bytes{}}};"
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
) -> list[Path]:
    """Compile the driver of a model, and return the command that infers from words with it.

    Before an inference whose ``restart`` is 1, it begins a new stretch; if it is 2, it opens the
    link again, and puts the state back. With ``access``, there is a state to keep.

    The program prints to standard error: the status of opening; then for each inference a line of
    its status and its results.
    """
    code = c_code(model, sha256, "pump")
    code.write(folder)
    code.write_driver(folder)
    parts = {
        "LINK": (STATE if access else "") + LINK.format(", .state = &state" if access else ""),
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


def results(said: bytes) -> list[list[int]]:
    """Return what the program has printed: the status and the results of each inference."""
    return [list(map(int, line.split())) for line in said.splitlines()]
