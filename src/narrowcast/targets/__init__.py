"""FPGA families, devices and boards: all that is known of them."""
