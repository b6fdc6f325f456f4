"""The names of what a simulated board needs in the output folder of a build."""

PROGRAM = "program.json"
RTL = "rtl"  # folder of the sources
