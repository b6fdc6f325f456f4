"""What a model costs on a device, from its configuration alone: no training, no synthesis."""

from narrowcast.estimate.untrained import stand_in

__all__ = ["stand_in"]
