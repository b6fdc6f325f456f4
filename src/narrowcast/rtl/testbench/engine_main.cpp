// SPDX-License-Identifier: Apache-2.0
// Feeds the verilated engine a file of inputs and writes down what it answers.
//
// usage: engine_main INPUT_FILE OUTPUT_FILE STATE_FILE INPUT_WORDS OUTPUTS OUTPUT_BITS STALLS
//                    PATIENCE
//
// INPUT_FILE and STATE_FILE are as those of engine_tb.vhd. OUTPUT_FILE: for every inference a line
// with its outputs and its cycles, counted from the clock in which its first input is taken to the
// clock in which its last output is taken. If STALLS is 1, all streams are held up at random. After
// PATIENCE clocks without a transfer it gives up. Every 50 inferences a line "done N" goes to the
// standard output.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "Vengine.h"
#include "verilated.h"

double sc_time_stamp() { return 0; }

enum { RESTART = 1, KEEP = 2, RESET = 4, BYTE = 5, LAST_BYTE = 6, WEIGHT = 7, START = 8 };

struct Item {
    int number, kind;
};

int main(int argc, char **argv) {
    if (argc != 9) return 2;
    FILE *source = fopen(argv[1], "r");
    FILE *sink = fopen(argv[2], "w");
    FILE *states = fopen(argv[3], "w");
    if (!source || !sink || !states) return 3;
    const long words = atol(argv[4]), outputs = atol(argv[5]), bits = atol(argv[6]);
    const bool stalls = atol(argv[7]);

    std::vector<Item> items;
    for (Item item; fscanf(source, "%d %d", &item.number, &item.kind) == 2;) items.push_back(item);

    Vengine engine;
    auto tick = [&engine] {
        engine.clk = 1;
        engine.eval();
        engine.clk = 0;
        engine.eval();
    };
    engine.clk = 0;
    engine.in_valid = 0;
    engine.state_in_valid = 0;
    engine.weights_start = 0;
    engine.weights_examine = 0;
    engine.weights_valid = 0;
    engine.out_ready = 0;
    engine.state_out_ready = 0;
    engine.reset = 1;
    for (int i = 0; i < 4; i++) tick();
    engine.reset = 0;

    uint32_t noise = 1;
    auto go = [&noise, stalls] {
        noise ^= noise << 13;  // xorshift32 of G. Marsaglia, Xorshift RNGs, 2003
        noise ^= noise >> 17;
        noise ^= noise << 5;
        return !stalls || (noise & 1);
    };
    size_t next = 0;
    bool offered = false;  // the next number, and it has to stay
    long taken = 0, given = 0, windows = 0, rows = 0;
    bool judging = false;  // a state has been sent, and was not judged yet
    uint64_t clock = 0, begun = 0, last = 0;
    const uint64_t patience = strtoull(argv[8], nullptr, 10);  // clocks without a transfer
    for (;;) {
        const bool answered =
            taken % words == 0 && given * words == taken * outputs && rows == 0 && !judging;
        if (next == items.size() && answered) break;
        const Item item = next < items.size() ? items[next] : Item{0, RESET};
        const bool ends = next == items.size();
        const bool waits = item.kind == RESET || item.kind == START ||
                           (item.kind < RESET && engine.weights_busy);
        offered = !ends && !waits && (offered || go());
        engine.in_valid = offered && item.kind < RESET;
        engine.state_in_valid = offered && (item.kind == BYTE || item.kind == LAST_BYTE);
        engine.weights_valid = offered && item.kind == WEIGHT;
        engine.weights_start = !ends && item.kind == START && answered;
        engine.out_ready = go();
        engine.state_out_ready = go();
        engine.reset = !ends && item.kind == RESET && answered;
        if (engine.in_valid && !engine.weights_loaded) {
            fprintf(stderr, "the weights are refused\n");
            return 4;
        }
        if (engine.in_valid) {
            engine.in_data = item.number;
            engine.restart = item.kind & RESTART ? 1 : 0;
            engine.keep = item.kind & KEEP ? 1 : 0;
        }
        if (engine.state_in_valid) {
            engine.state_in_data = item.number;
            engine.state_in_last = item.kind == LAST_BYTE;
        }
        if (engine.weights_valid) engine.weights_data = item.number;
        engine.eval();
        clock++;
        if (engine.in_valid && engine.in_ready) {
            if (taken++ % words == 0) {
                begun = clock;
                rows += engine.keep;
            }
            next++;
            offered = false;
            last = clock;
        }
        if (engine.state_in_valid && engine.state_in_ready) {
            judging = engine.state_in_last;
            next++;
            offered = false;
            last = clock;
        }
        if (engine.out_valid && engine.out_ready) {
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
        if (engine.state_out_valid && engine.state_out_ready) {
            fprintf(states, "%d%c", engine.state_out_data, engine.state_out_last ? '\n' : ' ');
            rows -= engine.state_out_last;
            last = clock;
        }
        if (judging && (engine.state_restored || engine.state_refused)) {
            fprintf(states, engine.state_restored ? "restored\n" : "refused\n");
            judging = false;
        }
        if (engine.weights_valid || engine.weights_start) {  // always taken
            next++;
            offered = false;
            last = clock;
        }
        if (engine.reset) next++;
        if (clock - last > patience) {
            fprintf(stderr, "the engine does not answer\n");
            return 4;
        }
        tick();
    }
    return fclose(sink) == 0 && fclose(states) == 0 ? 0 : 5;
}
