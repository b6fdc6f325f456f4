// SPDX-License-Identifier: Apache-2.0
// The look-up table of the iCE40. yosys has models of all primitives; Verilator and the compiler are
// faster with this one.

module SB_LUT4(output O, input I0, I1, I2, I3);
    parameter [15:0] LUT_INIT = 0;
    assign O = LUT_INIT[{I3, I2, I1, I0}];
endmodule
