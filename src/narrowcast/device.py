"""Device files: what a chip has."""

import tomllib
from dataclasses import dataclass
from importlib import resources

from narrowcast.config import did_you_mean
from narrowcast.errors import UserError


@dataclass(frozen=True)
class Device:
    """The budget of one device; ``bram36`` counts RAMB36, two RAMB18 each."""

    name: str
    part: str
    family: str
    lut: int
    ff: int
    bram36: int
    dsp: int


def device_names() -> list[str]:
    """Return the names of all devices that have a file."""
    folder = resources.files("narrowcast") / "devices"
    return sorted(
        f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")
    )


def load_device(name: str) -> Device:
    """Read a device file.

    Raises:
        UserError: there is no such device.
    """
    names = device_names()
    if name not in names:
        hint = did_you_mean(name, names)
        raise UserError(
            f"hardware.device: unknown device {name!r}{hint}; one of {', '.join(names)}"
        )
    text = (resources.files("narrowcast") / "devices" / f"{name}.toml").read_text()
    return Device(name=name, **tomllib.loads(text))
