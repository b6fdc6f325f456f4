// SPDX-License-Identifier: Apache-2.0
// Feeds the verilated engine a file of inputs and writes down what it answers.
//
// usage: engine_main INPUT_FILE OUTPUT_FILE INPUT_WORDS OUTPUTS OUTPUT_BITS
//
// INPUT_FILE: one decimal integer a line, and whether a restart comes with it. OUTPUT_FILE: for every inference a line with its outputs
// and its cycles, counted from the clock in which its first input is taken to the clock in which
// its last output is taken. Every thousand inferences a line "done N" goes to the standard output.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "Vengine.h"
#include "verilated.h"

double sc_time_stamp() { return 0; }

int main(int argc, char **argv) {
    if (argc != 6) return 2;
    FILE *source = fopen(argv[1], "r");
    FILE *sink = fopen(argv[2], "w");
    if (!source || !sink) return 3;
    const long words = atol(argv[3]), outputs = atol(argv[4]), bits = atol(argv[5]);

    std::vector<int> inputs, restarts;
    for (int value, restart; fscanf(source, "%d %d", &value, &restart) == 2;) {
        inputs.push_back(value);
        restarts.push_back(restart);
    }

    Vengine engine;
    auto tick = [&engine] {
        engine.clk = 1;
        engine.eval();
        engine.clk = 0;
        engine.eval();
    };
    engine.clk = 0;
    engine.in_valid = 0;
    engine.out_ready = 1;
    engine.reset = 1;
    for (int i = 0; i < 4; i++) tick();
    engine.reset = 0;

    size_t taken = 0;
    long given = 0, windows = 0;
    uint64_t clock = 0, begun = 0, last = 0;
    const uint64_t patience = 50000000;  // clocks without a transfer
    while (windows * words < (long)inputs.size()) {
        engine.in_valid = taken < inputs.size();
        if (engine.in_valid) {
            engine.in_data = inputs[taken];
            engine.restart = restarts[taken];
        }
        engine.eval();
        clock++;
        if (engine.in_valid && engine.in_ready) {
            if (taken % words == 0) begun = clock;
            taken++;
            last = clock;
        }
        if (engine.out_valid) {
            int64_t value = engine.out_data;
            if (value >> (bits - 1)) value -= int64_t(1) << bits;
            fprintf(sink, "%lld ", (long long)value);
            last = clock;
            if (++given % outputs == 0) {
                fprintf(sink, "%llu\n", (unsigned long long)(clock - begun + 1));
                if (++windows % 50 == 0) {
                    printf("done %ld\n", windows);
                    fflush(stdout);
                }
            }
        }
        if (clock - last > patience) {
            fprintf(stderr, "the engine does not answer\n");
            return 4;
        }
        tick();
    }
    return fclose(sink) == 0 ? 0 : 5;
}
