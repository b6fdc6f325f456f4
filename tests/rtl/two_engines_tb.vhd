-- SPDX-License-Identifier: Apache-2.0
-- Two engines in one design, each in a library of its own; see engine_tb.
library engine_a;
library engine_b;

entity two_engines_tb is
end entity two_engines_tb;

architecture test of two_engines_tb is

begin

  a : entity engine_a.engine_tb
    generic map (
      INPUT_FILE  => "inputs_a.txt",
      OUTPUT_FILE => "outputs_a.txt"
    );

  b : entity engine_b.engine_tb
    generic map (
      INPUT_FILE  => "inputs_b.txt",
      OUTPUT_FILE => "outputs_b.txt"
    );

end architecture test;
