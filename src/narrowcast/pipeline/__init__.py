"""The stages from a table of readings to a verified accelerator.

In Python::

    from narrowcast import load_config, pipeline
    report = pipeline.build(load_config("examples/demo.toml"), "out")

Each command takes a configuration and an output folder, runs its stage unless that is up to date,
and returns the results of the stage. Only training and quantisation need torch, and import it when
they run.
"""

from narrowcast.pipeline.commands import (
    build,
    compile,
    place,
    quantize,
    report,
    synth,
    train,
    verify,
)
from narrowcast.pipeline.options import Options
from narrowcast.pipeline.outputs import FLOAT_MODEL
from narrowcast.pipeline.plan import NAMES

__all__ = [
    "FLOAT_MODEL",
    "NAMES",
    "Options",
    "build",
    "compile",
    "place",
    "quantize",
    "report",
    "synth",
    "train",
    "verify",
]
