"""Estimates the look-up tables and flip-flops of a design, by a fit to synthesised designs.

For every family and synthesis tool there is a file of characterisation samples, which ``narrowcast
characterise`` writes. A sample is a synthesised design, with the features, look-up tables and
flip-flops of each part of the engine. The model of a part is a non-negative least squares fit of
its counts to its features. Each design is weighted by the inverse of its size, so that relative
errors are minimised. The error bound is the largest error of a design that was left out of the fit.

nextpnr packs look-up tables into cells, and needs further cells. In an iCE40 a flip-flop shares the
cell of the look-up table in front of it if nothing else reads that table, and so does a carry with
a table that adds; the others need a cell of their own. In a Gowin device a flip-flop shares the
cell of a look-up table or an adder in the same way. In an ECP5 the ends of carry chains need cells
of their own. So the cells are the look-up tables and a fitted share of the flip-flops, to whose
number that of the chains is proportional. The samples have the cells that nextpnr packs them into.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from narrowcast.compile import AreaModel, Design
from narrowcast.errors import UserError
from narrowcast.estimate.features import PARTS, decision_parts, features, loader_parts
from narrowcast.targets.device import Device
from narrowcast.targets.family import Family

Vector = NDArray[np.float64]
SAMPLES = Path(__file__).parent / "characterisation"
RESOURCES = ("lut", "ff")
Tool = Literal["yosys", "vivado"]
_NOT = {"lut": ("registers",), "ff": ("tables", "choice")}  # endings of irrelevant features


@dataclass(frozen=True)
class Area:
    """Estimated look-up tables, flip-flops and logic cells.

    Attributes:
        lut: Number of look-up tables.
        ff: Number of flip-flops.
        cells: Number of cells into which nextpnr packs the look-up tables, including those of the
            serial interface that ``place`` adds; 0 if the family has no open place and route.
        lut_error: Relative error bound of ``lut``.
        ff_error: Relative error bound of ``ff``.
        cells_error: Relative error bound of ``cells``.
    """

    lut: int
    ff: int
    cells: int
    lut_error: float
    ff_error: float
    cells_error: float

    def share(self, device: Device) -> float:
        """Return the used fraction of the device's cells, tables or flip-flops, the largest one."""
        return max(self.lut / device.lut, self.ff / device.ff, self.cells / device.lut)

    def fits(self, device: Device) -> bool:
        """Return whether the design fits the device even if the estimate is off by its bound."""
        lut, ff = self.lut * (1 + self.lut_error), self.ff * (1 + self.ff_error)
        cells = self.cells * (1 + self.cells_error)
        return lut <= device.lut and ff <= device.ff and cells <= device.lut


def area_model(tool: Tool) -> AreaModel:
    """Return the estimate of a tool's counts as a function for the compiler."""
    return partial(area, tool=tool)


def area(design: Design, tool: Tool = "yosys") -> Area:
    """Estimate the counts of a synthesis tool.

    Raises:
        UserError: The tool has not been characterised for the design's family.
    """
    fit = _fit(design.device.family.name, tool)
    if not fit:
        raise UserError(
            f"nothing is known of what {tool} makes for {design.device.family.name}: "
            f"run 'narrowcast characterise --tool {tool} --device {design.device.name}'"
        )
    counts = features(design)
    if not all(fit[r][part].keys() <= counts[part].keys() for r in RESOURCES for part in PARTS):
        raise UserError(
            f"the fit to {tool} is of another version: run 'narrowcast characterise --tool {tool} "
            f"--device {design.device.name}'"
        )
    total = {
        resource: sum(
            weight * counts[part][name]
            for part in PARTS
            for name, weight in fit[resource][part].items()
        )
        for resource in RESOURCES
    }
    for parts in (decision_parts(design), loader_parts(design)):
        for resource, count in parts.items():
            total[resource] += count
    return Area(
        lut=round(total["lut"]),
        ff=round(total["ff"]),
        cells=_cells(total, fit.get("own_cells"), design.device.family),
        lut_error=fit["error"]["lut"],
        ff_error=fit["error"]["ff"],
        cells_error=fit["error"].get("cells", 0.0),
    )


def _cells(total: Mapping[str, float], own_cells: float | None, family: Family) -> int:
    """Return the cells of the engine with its serial interface; 0 if they are not counted.

    Args:
        total: Look-up tables and flip-flops.
        own_cells: Cells beside those of the look-up tables, for each flip-flop.
        family: The family.
    """
    if own_cells is None or family.place_and_route is None:
        return 0
    return round(total["lut"] + own_cells * total["ff"]) + family.place_and_route.serial_cells


def samples_file(family: str, tool: str) -> str:
    """Return the name of the file of samples."""
    return f"{family}-{tool}.json"


@cache
def _fit(family: str, tool: str) -> dict[str, Any]:
    """Return the fit in a file of samples; empty if there is no file."""
    path = SAMPLES / samples_file(family, tool)
    if not path.is_file():
        return {}
    try:
        fit: dict[str, Any] = json.loads(path.read_bytes()).get("fit", {})
        if fit and not _well_formed(fit):
            raise ValueError
    except (ValueError, AttributeError):
        raise UserError(
            f"{path}: is not a file of samples: delete it and characterise again"
        ) from None
    return fit


def _well_formed(fit: Any) -> bool:
    """Return whether a fit has all numbers that are read from it, and no others."""
    try:
        numbers = [fit["error"][resource] for resource in RESOURCES]
        if "own_cells" in fit:
            numbers += [fit["own_cells"], fit["error"]["cells"]]
        for resource in RESOURCES:
            for part in PARTS:
                numbers += fit[resource][part].values()
    except (LookupError, AttributeError, TypeError):
        return False
    return all(isinstance(number, int | float) for number in numbers)


def fit_area(samples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Fit the models of all parts to characterisation samples.

    Returns:
        The weights of the features by resource and part, and ``error``: the largest relative error
        of each resource over all samples, with each sample left out of the fit in turn. If there
        are samples with ``cells``, ``own_cells``: cells beside those of the look-up tables,
        for each flip-flop.
    """
    result: dict[str, Any] = {"error": {}}
    left_out: dict[str, Vector] = {}
    for resource in RESOURCES:
        sizes = _totals(samples, resource)
        left_out[resource] = np.zeros(len(samples))
        result[resource] = {}
        for part in PARTS:
            names = [
                name for name in samples[0]["features"][part] if not name.endswith(_NOT[resource])
            ]
            rows = np.array([[s["features"][part][n] for n in names] for s in samples], float)
            counts = np.array([s[resource].get(part, 0) for s in samples], float)
            weights = _weighted_fit(rows, counts, sizes)
            result[resource][part] = {
                name: weight
                for name, weight in zip(names, weights.round(4).tolist(), strict=True)
                if weight
            }
            left_out[resource] += _left_out(rows, counts, sizes)
        result["error"][resource] = _worst(left_out[resource], sizes)
    packed = np.array(["cells" in sample for sample in samples])
    if packed.any():
        cells = np.array([sample["cells"] for sample in samples if "cells" in sample], float)
        lut, ff = (_totals(samples, resource)[packed] for resource in RESOURCES)
        (own_cells,) = _weighted_fit(ff[:, None], cells - lut, cells)
        result["own_cells"] = round(float(own_cells), 4)
        estimated = left_out["lut"][packed] + own_cells * left_out["ff"][packed]
        result["error"]["cells"] = _worst(estimated, cells)
    return result


def _totals(samples: Sequence[Mapping[str, Any]], resource: str) -> Vector:
    return np.array([sum(sample[resource].values()) for sample in samples], float)


def _left_out(rows: Vector, counts: Vector, sizes: Vector) -> Vector:
    """Return the count of each sample by a fit to all others."""
    every = np.arange(len(rows))
    return np.array(
        [
            row @ _weighted_fit(rows[every != i], counts[every != i], sizes[every != i])
            for i, row in enumerate(rows)
        ]
    )


def _worst(found: Vector, truth: Vector) -> float:
    """Return the largest relative error."""
    return round(float(np.abs(found / truth - 1).max()), 4)


def _weighted_fit(rows: Vector, counts: Vector, sizes: Vector) -> Vector:
    scale = np.maximum(rows.max(axis=0), 1e-9)
    weights: Vector = non_negative(rows / scale / sizes[:, None], counts / sizes) / scale
    return weights


def non_negative(matrix: Vector, target: Vector) -> Vector:
    """Return x >= 0 with the least squares of ``matrix @ x - target``.

    C. L. Lawson, R. J. Hanson, Solving Least Squares Problems, 1974, chapter 23.
    """
    count = matrix.shape[1]
    x, free = np.zeros(count), np.zeros(count, bool)
    for _ in range(10 * count):
        gradient = matrix.T @ (target - matrix @ x)
        if free.all() or gradient[~free].max() <= 1e-12:
            break
        free[np.argmax(np.where(free, -np.inf, gradient))] = True
        while True:
            step = np.zeros(count)
            step[free] = np.linalg.lstsq(matrix[:, free], target, rcond=None)[0]
            negative = free & (step <= 0)
            if not negative.any():
                break
            x = x + np.min(x[negative] / (x[negative] - step[negative])) * (step - x)
            free &= x > 1e-12
        x = step
    return x
