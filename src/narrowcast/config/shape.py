"""The size of the Transformer that a configuration describes."""

from narrowcast.config.sections import Config
from narrowcast.integer.builder import Shape


def shape_of(config: Config) -> Shape:
    """Return the size of a configuration's model."""
    return Shape(
        window=config.data.window,
        inputs=len(config.data.inputs),
        channels=config.model.channels,
        layers=config.model.layers,
        heads=config.model.heads,
        ffn_channels=config.model.ffn_channels,
        outputs=config.data.outputs,
        relative=config.relative_column,
    )
