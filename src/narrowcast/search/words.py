"""What a point of a search changes in the configuration that the search began with, in words."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from narrowcast.config import Config, flat_items, shape_of
from narrowcast.search.space import SIZES

_SIZES = {"ffn_channels": "feed-forward channels"}
_STEPS = {
    "embed": "embedding",
    "key": "keys",
    "query": "queries",
    "value": "values",
    "scores": "attention probabilities",
    "context": "attention contexts",
    "attention_out": "attention output",
    "ffn_up": "first feed-forward product",
    "ffn_down": "second feed-forward product",
    "seasonal": "map of earlier seasons",
    "ahead": "map of values known ahead",
    "own": "map of the own readings of a series",
    "skip": "map of the attention output to the forecast",
    "head": "head",
    "actual": "map of the readings that are compared",
}
_HARDWARE = {
    "lanes": "{} lanes",
    "ways": "rows processed at once: {}",
    "second_way": "second way: {}",
    "clock_mhz": "clock: {} MHz",
}


def changes(config: Config, base: Config) -> list[str]:
    """Return what differs from ``base``: sizes, widths, hardware options; empty if nothing does."""
    return [*_sizes(config, base), *_widths(config, base), *_hardware(config, base)]


def size(config: Config) -> str:
    """Return the size and the widths of a model."""
    model, widths = config.model, set(config.quantization.widths(shape_of(config)).values())
    bits = f"{min(widths)} to {max(widths)}" if len(widths) > 1 else f"{min(widths)}"
    of = "windows of" if model.kind == "window" else "a stream of tokens that attend to"
    return (
        f"{of} {config.data.window}, {_count(model.channels, 'channel')}, "
        f"{_count(model.layers, 'layer')}, {_count(model.heads, 'head')}, "
        f"{_count(model.ffn_channels, 'feed-forward channel')} and {bits} bits"
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def tensor(name: str) -> str:
    """Return a configuration's name of a tensor, such as ``layers.0.key.weight``, in words."""
    step, _, kind = name.rpartition(".")
    layer = ""
    if step.startswith("layers."):
        _, number, step = step.split(".", 2)
        layer = f", layer {number}"
    words = _STEPS.get(step, step)
    return f"weights of the {words}{layer}" if kind == "weight" else f"{words}{layer}"


def _sizes(config: Config, base: Config) -> Iterator[str]:
    for key, section in SIZES.items():
        value, before = (getattr(getattr(each, section), key) for each in (config, base))
        if value != before:
            yield f"{_SIZES.get(key, key)}: {value} instead of {before}"


def _widths(config: Config, base: Config) -> Iterator[str]:
    widths = config.quantization.widths(shape_of(config))
    before = base.quantization.widths(shape_of(base))
    if widths == before:
        return
    usual = Counter(widths.values()).most_common(1)[0][0]
    others = sorted(set(widths.values()) - {usual})
    if not others:
        yield f"{usual} bits throughout"
        return
    yield f"{usual} bits, except:"
    for bits in others:
        yield f"{bits} bits: {_listed([name for name, each in widths.items() if each == bits])}"


def _listed(names: Sequence[str]) -> str:
    """Return the names in words; the layers of a tensor that several have are listed once."""
    layers: dict[str, list[str]] = {}
    for name in names:
        words, _, layer = tensor(name).partition(", layer ")
        layers.setdefault(words, []).extend([layer] if layer else [])
    return "; ".join(
        f"{words} of layer{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}"
        if numbers
        else words
        for words, numbers in layers.items()
    )


def _hardware(config: Config, base: Config) -> Iterator[str]:
    before = _options(base)
    for key, value in _options(config).items():
        if value != before.get(key):
            yield _option(key, value)


def _options(config: Config) -> Mapping[str, object]:
    return dict(flat_items(config.hardware.model_dump(mode="json")))


def _option(key: str, value: object) -> str:
    if key.startswith("storage."):
        return f"{key.rpartition('.')[2]} in {value} memory"
    if key == "pairs":
        return "two products in a DSP block" if value is True else "one product in a DSP block"
    return _HARDWARE.get(key, key + ": {}").format(value)
