"""The names by which a configuration gives widths and schemes to weights and tensors."""

_PARTS = ("weight", "activation")


def quantised_names(layers: int) -> list[str]:
    """Return the names that a table of bits may give widths, in order of execution."""
    names = ["embed.weight", "embed.activation"]
    for i in range(layers):
        names += [f"layers.{i}.{s}.{p}" for s in ("key", "query", "value") for p in _PARTS]
        names += [f"layers.{i}.{s}.activation" for s in ("scores", "context")]
        names += [
            f"layers.{i}.{s}.{p}" for s in ("attention_out", "ffn_up", "ffn_down") for p in _PARTS
        ]
    return [*names, "head.weight"]


def array_name(name: str) -> str:
    """Return the integer model's name for a tensor or for weights that a table may name."""
    step, _, part = name.rpartition(".")
    return f"{step}.{'weights' if part == 'weight' else 'output'}" if step else name


def scheme_names(layers: int) -> list[str]:
    """Return the names that a table of schemes may give one, in order of execution."""
    tensors = [name for name in quantised_names(layers) if name.endswith(".activation")]
    return ["input", *(name for name in tensors if ".scores." not in name)]
