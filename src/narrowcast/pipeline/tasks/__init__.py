"""The stages, one module each, which defines the inputs, outputs and code of the stage.

Heavy packages are imported when a stage runs, so that checking for outdated stages is fast.
"""
