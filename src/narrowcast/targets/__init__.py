"""Descriptions of FPGA families, devices and boards."""
