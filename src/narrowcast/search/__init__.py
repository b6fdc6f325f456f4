"""Search for bits and hardware choices that fit a device, at the least error and cost."""
