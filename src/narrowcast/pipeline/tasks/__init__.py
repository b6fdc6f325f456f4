"""What each stage does: a module for each, which says what the stage needs, makes and runs.

Heavy packages are imported where a stage runs, so that asking what is to be done loads none.
"""
