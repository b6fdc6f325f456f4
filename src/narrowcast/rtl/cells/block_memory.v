// SPDX-License-Identifier: Apache-2.0
// Block memory with two ports, of which at most one writes: what the primitives of the families
// have in common.
//
// A row has BYTES bytes of nine bits. A port of 9, 18, 36 or 72 bits has one byte or several of
// them; one of 1, 2 or 4 bits leaves out the ninth bit of each byte. An address counts bits, without
// the ninth ones. DATA and PARITY (the ninth bits) are the contents at first, the lowest byte in the
// lowest bits. With PAIRS, DATA has two bytes of nine bits in every 20, and PARITY is not used. The
// outputs start with zeros, and "clear" makes zeros of them.
//
// With OLD = 0, the bits that one port writes while the other one reads them come out inverted,
// because the device promises nothing of them. With OLD = 1, they are those of before.
module block_memory #(
    parameter ADDRESS_BITS = 14,
    parameter BYTES = 4,
    parameter OLD = 0,
    parameter READ_A = 0, // width of the port; 0 if it does not read
    parameter READ_B = 0,
    parameter WRITE_A = 0,
    parameter WRITE_B = 0,
    parameter PAIRS = 0,
    parameter [(1 << ADDRESS_BITS) / 16 * (PAIRS ? 20 : 16) - 1:0] DATA = 0,
    parameter [(1 << ADDRESS_BITS) / 8 - 1:0] PARITY = 0
) (
    input clk_a, enable_a, clear_a,
    input [BYTES - 1:0] write_a, // one bit for each byte
    input [ADDRESS_BITS - 1:0] address_a,
    input [9 * BYTES - 1:0] in_a,
    output reg [9 * BYTES - 1:0] out_a,
    input clk_b, enable_b, clear_b,
    input [BYTES - 1:0] write_b,
    input [ADDRESS_BITS - 1:0] address_b,
    input [9 * BYTES - 1:0] in_b,
    output reg [9 * BYTES - 1:0] out_b
);

    localparam ROWS = (1 << ADDRESS_BITS) / (8 * BYTES);
    localparam ROW = 9 * BYTES; // bits
    localparam LOW = BYTES == 8 ? 6 : 5; // address bits within a row

    reg [ROW - 1:0] rows [0:ROWS - 1];
    integer i;

    generate
        if (PAIRS)
            initial
                for (i = 0; i < ROWS * BYTES; i = i + 1)
                    rows[i / BYTES][9 * (i % BYTES) +: 9] = DATA[20 * (i / 2) + 9 * (i % 2) +: 9];
        else
            initial
                for (i = 0; i < ROWS * BYTES; i = i + 1)
                    rows[i / BYTES][9 * (i % BYTES) +: 9] = {PARITY[i], DATA[8 * i +: 8]};
    endgenerate

    initial begin
        out_a = 0;
        out_b = 0;
    end

    // the lowest bit of the row that an address means
    function integer lowest(input integer width, input integer address);
        lowest = width < 9 ? 9 * (address >> 3) + (address & 7 & ~(width - 1))
               : 9 * ((address >> 3) & ~(width / 9 - 1));
    endfunction

    // the bits of a port of this width that are written
    function [ROW - 1:0] written(input integer width, input [BYTES - 1:0] bytes);
        integer k;
        for (k = 0; k < ROW; k = k + 1)
            written[k] = k < width && bytes[k / 9];
    endfunction

    wire [ADDRESS_BITS - LOW - 1:0] row_a = address_a[ADDRESS_BITS - 1:LOW];
    wire [ADDRESS_BITS - LOW - 1:0] row_b = address_b[ADDRESS_BITS - 1:LOW];
    wire [ROW - 1:0] mask_a, mask_b; // of the row

    generate
        if (WRITE_A) begin
            assign mask_a = enable_a ? written(WRITE_A, write_a)
                                       << lowest(WRITE_A, {26'b0, address_a[LOW - 1:0]}) : 0;
            always @(posedge clk_a)
                if (mask_a != 0)
                    rows[row_a] <= (rows[row_a] & ~mask_a)
                        | ((in_a << lowest(WRITE_A, {26'b0, address_a[LOW - 1:0]})) & mask_a);
        end else
            assign mask_a = 0;
        if (WRITE_B) begin
            assign mask_b = enable_b ? written(WRITE_B, write_b)
                                       << lowest(WRITE_B, {26'b0, address_b[LOW - 1:0]}) : 0;
            always @(posedge clk_b)
                if (mask_b != 0)
                    rows[row_b] <= (rows[row_b] & ~mask_b)
                        | ((in_b << lowest(WRITE_B, {26'b0, address_b[LOW - 1:0]})) & mask_b);
        end else
            assign mask_b = 0;
        if (READ_A) begin
            wire [ROW - 1:0] word = rows[row_a] ^ (row_a == row_b && !OLD ? mask_b : 0);
            always @(posedge clk_a)
                if (enable_a)
                    out_a <= clear_a ? 0
                        : (word >> lowest(READ_A, {26'b0, address_a[LOW - 1:0]}))
                          & written(READ_A, {BYTES{1'b1}});
        end
        if (READ_B) begin
            wire [ROW - 1:0] word = rows[row_b] ^ (row_a == row_b && !OLD ? mask_a : 0);
            always @(posedge clk_b)
                if (enable_b)
                    out_b <= clear_b ? 0
                        : (word >> lowest(READ_B, {26'b0, address_b[LOW - 1:0]}))
                          & written(READ_B, {BYTES{1'b1}});
        end
    endgenerate

endmodule
