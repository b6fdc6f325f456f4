// SPDX-License-Identifier: Apache-2.0
// A simulated board: the verilated spi_top, whose master is at the other end of two pipes.
//
// usage: spi_main CLOCKS_PER_BIT IDLE_CLOCKS
//
// Standard input holds parts of transactions: a byte N from 1 to 255 and N bytes, which are sent to
// the board; N bytes from the board go to standard output. With N = 0 the transaction ends. When
// nothing has come for IDLE_CLOCKS clocks, which have to be more than the board takes for anything,
// the clock stands still until the next byte comes. So a board that has nothing to do takes no time
// of the processor. The end of the input ends the program: so it ends with the process at the other
// end.
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include "Vspi_top.h"
#include "pipe.h"
#include "verilated.h"

double sc_time_stamp() { return 0; }

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    const long half = atol(argv[1]) / 2, patience = atol(argv[2]);
    if (half < 1) return 2;

    Pipe pipe;
    Vspi_top board;
    board.clk = 0;
    board.cs_n = 1;
    board.sclk = 0;
    board.mosi = 0;
    auto run = [&board](long clocks) {
        for (long i = 0; i < clocks; i++) {
            board.clk = 1;
            board.eval();
            board.clk = 0;
            board.eval();
        }
    };
    run(1000);  // until it is awake

    long quiet = 0;  // clocks without a byte
    int left = 0;    // bytes of a part
    while (!pipe.has_ended()) {
        if (!pipe.holds_byte(quiet >= patience)) {
            run(half);
            quiet += half;
            continue;
        }
        quiet = 0;
        const uint8_t byte = pipe.take();
        if (left == 0) {
            left = byte;
            run(half);
            board.cs_n = byte == 0;
            run(half);
            continue;
        }
        uint8_t heard = 0;
        for (int i = 7; i >= 0; i--) {
            board.mosi = byte >> i & 1;
            run(half);
            heard = heard << 1 | board.miso;
            board.sclk = 1;
            run(half);
            board.sclk = 0;
        }
        left--;
        if (write(1, &heard, 1) != 1) return 0;
    }
    return 0;
}
