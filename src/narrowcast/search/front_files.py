"""The files of a front.

``front.json`` has all trained points, ``front.html`` draws them, and ``front/`` has a configuration
for each point of the front.
"""

from pathlib import Path

from narrowcast.config import to_toml
from narrowcast.files import write_whole
from narrowcast.records import write_json
from narrowcast.report import axes
from narrowcast.report.charts import Chart, Mark, Rule
from narrowcast.report.page import render
from narrowcast.search.front import FOLDER, Front, Point
from narrowcast.search.objectives import ERROR, QUANTITIES, error_of
from narrowcast.search.words import changes, size
from narrowcast.targets.device import load_device
from narrowcast.training_records import ErrorName

JSON, HTML = "front.json", "front.html"

_DRAWN = ("energy_uj", "latency_us", "lut")
_FAR = 3.0  # a limit that is so many times the largest value is stated, but not drawn
_HEADS = {
    "energy_uj": "Energy, µJ",
    "power_mw": "Power, mW",
    "latency_us": "Latency, µs",
    "cycles": "Clocks",
    "lut": "LUT",
    "ff": "FF",
    "dsp": "DSP",
    "blocks": "Block memories",
}


def write_front(front: Front, out: Path) -> None:
    """Write the files of a front into the output folder of its search.

    Raises:
        UserError: A file cannot be written.
    """
    for point in front.best:
        if point.file is not None:
            write_whole(out / point.file, to_toml(point.config, (out / point.file).parent))
    stale = {path.name for path in (out / FOLDER).glob("[0-9]*.toml")}
    for name in stale - {Path(point.file).name for point in front.best if point.file}:
        (out / FOLDER / name).unlink()
    document = {
        "error": f"{error_of(front.base).full}, validation part",
        "minimise": front.objectives.minimise,
        "max": front.objectives.limits,
        "front": [point.to_json() for point in front.best],
        "others": [point.to_json() for point in front.points if not point.best],
    }
    write_json(out / JSON, document)
    write_whole(out / HTML, render_front(front))


def render_front(front: Front) -> str:
    """Return a self-contained page: the error against each cost, and a table of the front."""
    costs = [name for name in front.objectives.minimise if name != ERROR]
    drawn = list(dict.fromkeys([*costs, *_DRAWN]))
    device = load_device(front.base.hardware.device)
    budgets = {name: getattr(device, name) for name in ("lut", "ff", "dsp", "blocks")}
    error = error_of(front.base)
    return render(
        "search/front.html.j2",
        front=front,
        base=front.base,
        size=size(front.base),
        error=error.short,
        charts=[_chart(front, error, name, budgets.get(name)) for name in drawn],
        columns=list(dict.fromkeys([*drawn, "dsp", *front.objectives.limits])),
        heads=_HEADS,
        quantities=QUANTITIES | {ERROR: f"{error.full}, on the validation part"},
        budgets=budgets,
        changes={point.file: changes(point.config, front.base) for point in front.best},
    )


def _chart(front: Front, error: ErrorName, name: str, budget: int | None) -> Chart:
    """Return the error against a cost, with the limit and the device's budget if they are near."""
    points = front.points
    values = [point.costs[name] for point in points]
    known = {"limit": front.objectives.limits.get(name), "device": budget}
    rules = [
        Rule(most, f"{kind} {axes.number(most)}")
        for kind, most in known.items()
        if most and values and most <= _FAR * max(values)
    ]
    return Chart(
        f"Error against {QUANTITIES[name]}",
        f"{len(front.best)} numbered points of the front, and {len(points) - len(front.best)} "
        "trained points that are not on it. The table lists the points of the front.",
        axes.adapted([*values, *(rule.x for rule in rules)], 4),
        axes.adapted([point.costs[ERROR] for point in points]),
        x_label=_sentence(QUANTITIES[name]),
        y_label=f"{error.short}, validation part",
        cloud=[(each.costs[name], each.costs[ERROR]) for each in points if not each.best],
        marks=[
            _mark(point, error.short, name, number) for number, point in enumerate(front.best, 1)
        ],
        rules=rules,
        height=250,
    )


def _mark(point: Point, error: str, name: str, number: int) -> Mark:
    x, y = point.costs[name], point.costs[ERROR]
    told = f"{_HEADS[name]} {axes.number(x)}", f"{error} {axes.measured(y)}"
    title = ", ".join(filter(None, (f"point {number}", point.label, *told)))
    return Mark(x, y, title, f"point-{number}", str(number))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
