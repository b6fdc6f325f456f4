// SPDX-License-Identifier: Apache-2.0
// A simulated board: the verilated serial_top, with its serial line on standard input and output.
//
// usage: serial_main CLOCKS_PER_BIT IDLE_CLOCKS
//
// Bytes that come from standard input go to the board bit by bit, and what the board sends goes to
// standard output. When nothing has been on the line for IDLE_CLOCKS clocks, which have to be more
// than the board takes for anything, the clock stands still until the next byte comes. So a board
// that has nothing to do takes no time of the processor. The end of the input ends the program: so
// it ends with the process at the other end.
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include "Vserial_top.h"
#include "pipe.h"
#include "verilated.h"

double sc_time_stamp() { return 0; }

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    const long bit = atol(argv[1]), patience = atol(argv[2]);
    if (bit < 1) return 2;

    Pipe pipe;
    Vserial_top board;
    board.clk = 0;
    board.serial_in = 1;
    auto tick = [&board] {
        board.clk = 1;
        board.eval();
        board.clk = 0;
        board.eval();
    };
    for (int i = 0; i < 1000; i++) tick();  // until it is awake

    long quiet = 0;            // clocks without a byte
    long in_clock = 10 * bit;  // of the byte that goes to the board; then none does
    long out_clock = -1;       // of the byte that comes from it; -1: none does
    uint32_t frame = 0;        // start bit, byte and stop bit
    uint8_t heard = 0;
    for (;;) {
        if (in_clock == 10 * bit) {
            if (pipe.holds_byte(quiet >= patience)) {
                frame = pipe.take() << 1 | 1 << 9;
                in_clock = 0;
            }
            if (pipe.has_ended()) return 0;
        }
        if (in_clock < 10 * bit) {
            board.serial_in = frame >> (in_clock++ / bit) & 1;
            quiet = 0;
        }
        const long clocks = in_clock < 10 * bit || out_clock >= 0 ? 1 : bit;
        for (long i = 0; i < clocks; i++) {
            tick();
            quiet++;
            if (out_clock < 0 && !board.serial_out) out_clock = 0;
            if (out_clock < 0) continue;
            quiet = 0;
            if (out_clock % bit == bit / 2) heard = heard >> 1 | board.serial_out << 7;
            // The eighth bit is in when the stop bit begins.
            if (out_clock == 9 * bit) {
                if (write(1, &heard, 1) != 1) return 0;
                out_clock = -1;
            } else {
                out_clock++;
            }
        }
    }
}
