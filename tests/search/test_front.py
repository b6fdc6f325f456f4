"""``front.html``, and the words in its table."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from browser import Page
from legible import faults
from narrowcast.config import Config, quantised_names
from narrowcast.integer.builder import Shape
from narrowcast.search.front import Front, Point
from narrowcast.search.front_files import render_front
from narrowcast.search.objectives import QUANTITIES, Objectives
from narrowcast.search.space import changed, with_bits
from narrowcast.search.words import changes, size, tensor
from pages import check_frame, parse

BASE = Config.model_validate(
    {
        "data": {"inputs": ["a", "b"], "target": "temperature", "window": 12, "lead": 1},
        "model": {"channels": 32, "layers": 2, "heads": 1, "fold": False},
        "quantization": {"activation_bits": 4, "attention_bits": 4},
    }
)
GOALS = Objectives.parse("error,energy", "latency_us=500,lut=8000")


def point(number: int, config: Config, *, best: bool, **costs: float) -> Point:
    everything = dict.fromkeys(QUANTITIES, 3.0) | costs
    return Point("", config, everything, best, f"front/{number:03}.toml" if best else None)


def front_of(count: int, others: int, goals: Objectives = GOALS) -> Front:
    """Return a front with random widths, of which the energies span decades."""
    generator, points = random.Random(1), []
    for i in range(count + others):
        best = i < count
        t = i / count if best else generator.random()
        widths = {
            name: generator.choice((4, 4, 4, 5, 6))
            for name in quantised_names(Shape(1, 1, 1, layers=2))
        }
        config = with_bits(BASE, widths if i % 3 else 4)
        costs = {
            "error": 4 + 3 * 2.718 ** (-3 * t) + (0 if best else generator.random()),
            "energy_uj": 0.2 * 10 ** (1.5 * t),
            "latency_us": 100 + 300 * t + 50 * generator.random(),
            "lut": round(2500 + 3000 * t + 400 * generator.random()),
        }
        points.append(point(i + 1, config, best=best, **costs))
    return Front(BASE, goals, tuple(points))


def test_the_page_of_a_front_has_charts_and_a_table() -> None:
    front = front_of(12, 30)
    tree = check_frame(render_front(front))
    assert tree.all("h1")[0].text == "Search: temperature on XC7S15"
    assert "Latency ≤ 500 µs LUT ≤ 8,000" in tree.all("dl")[0].text
    assert "8,000 LUT, 16,000 FF, 20 DSP, 20 block memories" in tree.all("dl")[0].text
    head, *rows = tree.at("front").rows()
    assert head == ["Point", "Changes", "RMSE", "Energy, µJ", "Latency, µs", "LUT", "DSP", "File"]
    assert [row[0] for row in rows] == [str(number) for number in range(1, 13)]
    assert rows[0][1:4] == ["4 bits throughout", "7.000", "0.2"] and rows[11][-1].endswith(
        "12.toml"
    )
    for number in range(1, 4):
        chart = tree.at(f"chart-{number}")
        titles = [each.text for each in chart.all("circle")]
        assert len(titles) == 12 and titles[0].startswith("point 1, ")
        (cloud,) = (p.attributes for p in chart.all("path") if p.attributes["class"] == "cloud")
        assert str(cloud["d"]).count("M") == 30
        links = {each.attributes["href"] for each in chart.all("a")}
        assert links == {f"#point-{i}" for i in range(1, 13)}
        labels = [each.text for each in chart.all("text") if each.attributes["class"] == "label"]
        assert len(labels) >= 8 and set(labels) <= {str(i) for i in range(1, 13)}


def test_energies_of_several_decades_have_a_logarithmic_axis() -> None:
    chart = parse(render_front(front_of(12, 0))).at("chart-1")
    ticks = [each.text for each in chart.all("g")]
    assert ticks == ["0.2", "0.5", "1", "2", "5"]


def test_limits_and_the_device_are_drawn_where_they_are_near() -> None:
    tree = parse(render_front(front_of(12, 0)))

    def rules(number: int) -> list[str]:
        texts = tree.at(f"chart-{number}").all("text")
        return [each.text for each in texts if each.attributes["class"] == "rule"]

    assert rules(1) == [] and rules(2) == ["limit 500"]
    assert rules(3) == ["limit 8,000", "device 8,000"]


def test_a_front_without_points_has_a_page() -> None:
    page = render_front(Front(BASE, Objectives.parse("error,energy", ""), ()))
    assert "No points yet" in check_frame(page).all("main")[0].text


LABELS = {"inputs": ["a", "b"], "target": "movement", "classes": ["still", "moving"], "window": 12}
READINGS = {"inputs": ["flow", "pressure"], "target": "fault", "window": 12}


@pytest.mark.parametrize(
    ("plain", "subject", "head", "sentence"),
    [
        (
            {"task": "classify", "data": LABELS},
            "movement",
            "1 - macro F1",
            "1 less the macro F1 score of movement, on the validation part",
        ),
        (
            {"task": "detect", "data": READINGS, "detect": {"method": "forecast"}},
            "flow, pressure",
            "RMS residual",
            "RMS residual of flow, pressure, scaled, their mean, on the validation part",
        ),
    ],
)
def test_the_page_names_the_error_of_the_task(
    plain: dict[str, object], subject: str, head: str, sentence: str
) -> None:
    config = Config.model_validate(plain)
    points = (point(1, config, best=True, error=0.0), point(2, config, best=False, error=0.25))
    front = Front(config, GOALS, points)
    page = render_front(front)
    tree = check_frame(page)
    assert tree.all("h1")[0].text == f"Search: {subject} on XC7S15"
    assert tree.at("front").rows()[0][2] == head
    assert f"Least {head} 0" in tree.all("dl")[0].text
    assert sentence in page and "RMSE" not in page and "forecast" not in page
    assert tree.at("chart-1").all("circle")[0].text.endswith(f", {head} 0.000")
    assert next(front.table())[1] == f"validation {head}"


def test_names_from_the_configuration_cannot_become_markup() -> None:
    evil = "</script></svg><b onload=x>{{ 7 * 7 }}"
    base = changed(BASE, data={"target": evil})
    page = render_front(Front(base, GOALS, front_of(2, 1).points))
    assert parse(page).all("h1")[0].text == f"Search: {evil} on XC7S15"
    assert "<b onload" not in page


def test_what_a_point_changes_is_stated_in_words() -> None:
    assert changes(BASE, BASE) == []
    config = with_bits(BASE, {"layers.*.key.weight": 6, "default": 4, "head.weight": 8})
    hardware = {
        "lanes": 16,
        "ways": 2,
        "pairs": True,
        "storage": config.hardware.storage.model_dump() | {"softmax": "distributed"},
    }
    config = changed(config, data={"window": 6}, model={"ffn_channels": 64}, hardware=hardware)
    assert changes(config, BASE) == [
        "window: 6 instead of 12",
        "feed-forward channels: 64 instead of 128",
        "4 bits, except:",
        "6 bits: weights of the keys of layers 0, 1",
        "8 bits: weights of the head",
        "16 lanes",
        "rows processed at once: 2",
        "two products in a DSP block",
        "softmax in distributed memory",
    ]
    assert changes(with_bits(BASE, 4), BASE) == ["4 bits throughout"]
    assert size(BASE) == (
        "windows of 12, 32 channels, 2 layers, 1 head, 128 feed-forward channels and 4 to 8 bits"
    )


EVERYTHING = Shape(4, 1, 8, layers=2, seasons=1, known=1)
COMPARING = Shape(4, 2, 8, outputs=2, decision="l1_norm", compared=1, monitored=(0, 1))
SERIES = Shape(4, 2, 8, targets=2, series=True)
NAMES = dict.fromkeys(
    name
    for shape in (EVERYTHING, replace(EVERYTHING, fold=True), COMPARING, SERIES)
    for name in quantised_names(shape)
)


@pytest.mark.parametrize("name", NAMES)
def test_every_tensor_has_words(name: str) -> None:
    assert "." not in tensor(name) and "_" not in tensor(name)


def test_a_big_front_is_legible_at_all_widths(browser: Page, tmp_path: Path) -> None:
    path = tmp_path / "front.html"
    path.write_text(render_front(front_of(60, 2000)), encoding="utf-8")
    assert path.stat().st_size < 400_000
    assert faults(browser, path) == []


@pytest.mark.parametrize("task", ["classify", "detect"])
def test_a_front_of_other_tasks_is_legible_at_all_widths(
    browser: Page, tmp_path: Path, task: str
) -> None:
    plain = {"classify": LABELS, "detect": READINGS}
    config = Config.model_validate({"task": task, "data": plain[task]})
    points = tuple(point(i, config, best=i < 4, error=0.6465 + i, lut=900.0 * i) for i in range(9))
    path = tmp_path / "front.html"
    path.write_text(render_front(Front(config, GOALS, points)), encoding="utf-8")
    assert faults(browser, path) == []


def test_a_front_of_long_names_is_legible_at_all_widths(browser: Page, tmp_path: Path) -> None:
    path = tmp_path / "front.html"
    base = changed(BASE, data={"target": "x" * 300})
    goals = Objectives.parse(",".join(QUANTITIES), "latency=9999999,ff=100000,blocks=20")
    path.write_text(render_front(Front(base, goals, front_of(3, 3).points)), encoding="utf-8")
    assert faults(browser, path) == []


def test_the_pointer_marks_a_point_in_all_charts_and_in_the_table(
    browser: Page, tmp_path: Path
) -> None:
    path = tmp_path / "front.html"
    path.write_text(render_front(front_of(6, 3)), encoding="utf-8")
    browser.open(path, 1400)
    x, y = browser.run(
        "(b => [b.left + b.width / 2, b.top + b.height / 2])"
        "(document.querySelector('#chart-2 a[data-key=point-1]').getBoundingClientRect())"
    )
    browser.move(x, y)
    marked = browser.run("[...document.querySelectorAll('.on')].map(e => e.dataset.key)")
    assert marked == ["point-1"] * 4
