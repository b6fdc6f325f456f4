"""From a table of readings to a verified accelerator: the stages and their order.

In a notebook::

    from narrowcast import load_config, pipeline
    report = pipeline.build(load_config("examples/demo.toml"), "out")
"""

from narrowcast.pipeline.commands import (
    FLOAT_MODEL,
    NAMES,
    Options,
    build,
    compile,
    place,
    quantize,
    report,
    stages,
    synth,
    train,
    verify,
)

__all__ = [
    "FLOAT_MODEL",
    "NAMES",
    "Options",
    "build",
    "compile",
    "place",
    "quantize",
    "report",
    "stages",
    "synth",
    "train",
    "verify",
]
