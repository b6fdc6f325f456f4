"""``report.html``."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from report_sample import (
    BUDGET,
    DATA,
    PLACEMENT,
    SYNTHESIS,
    TENSORS,
    TRAINING,
    VERIFICATION,
    placed_report,
    predictions_of_steps,
    report_of_steps,
    sample_predictions,
    sample_report,
)

from browser import Page
from legible import faults
from narrowcast.report.axes import number
from narrowcast.report.html import histogram, render_html
from narrowcast.report.labels import LABELS
from narrowcast.training_records import BASELINES, CutOff, Errors, Intervals
from pages import check_frame, parse

LONG = "the temperature of the northern greenhouse, second sensor from the left, in degrees Celsius"

# The charts of single steps that are visible.
SHOWN = (
    "[...document.querySelectorAll('.step')].filter(each => each.checkVisibility())"
    ".map(each => each.className)"
)


def tiles(page: str) -> dict[str, tuple[str, bool]]:
    """Return text and alarm of the tiles, by label."""
    (found,) = (each for each in parse(page).all("dl"))
    return {
        tile.all("dt")[0].text: (tile.all("dd")[0].text, tile.attributes.get("class") == "bad")
        for tile in found.all("div")
    }


def test_the_page_stands_alone_and_has_all_parts() -> None:
    page = render_html(sample_report(), sample_predictions())
    tree = check_frame(page)
    assert tree.all("h1")[0].text == "Forecasting temperature on XC7S15"
    assert tree.at("errors").rows()[3] == ["Integer (the FPGA's)", "", "0.5187", "0.3972"]
    assert tree.at("resources").rows()[1] == ["LUT", "", "3,251", "8,000"]
    steps = tree.at("steps").rows()
    assert steps[3][:5] == ["layers.0.ffn_up", "", "874", "70 %", "9,680"]
    assert steps[3][5:] == ["12", "2", "32", "operand 30, collector 7"]
    assert tree.at("tensors").rows()[2][-2:] == ["23.45 %", "8.00 %"]
    assert tree.at("buffers").rows()[1][0] == "weights_6"
    assert tree.all("pre")[0].text == '[data] path = "made-up.csv" window = 12'
    assert "5 levels of logic, from collect.ahead[2] to maximum.largest[3]" in page
    cells = [row for table in tree.all("table") for row in table.rows()]
    assert ["Channels of the feed-forward part", "128"] in cells


def test_the_tiles_state_the_results() -> None:
    found = tiles(render_html(sample_report(), sample_predictions()))
    assert found["RMSE on the test part"] == (
        "0.5187 14 % below the best simple forecast (ridge, quadratic: 0.6020)",
        False,
    )
    assert found["Latency"] == ("200.6 µs 20,063 clock cycles at 100 MHz", False)
    assert found["Verification"][0].startswith("exact 960 of 960 test windows")
    assert found["Resources"] == ("fits XC7S15, by yosys 0.70", False)


@pytest.mark.parametrize(
    "name", ["persistence", "seasonal_naive", "nlinear", "ridge", "ridge_quadratic"]
)
def test_a_simple_forecast_that_is_better_is_pointed_out(name: str) -> None:
    training = replace(TRAINING, test=TRAINING.test | {name: Errors(0.4, 0.3)})
    text, alarm = tiles(render_html(sample_report(training=training), sample_predictions()))[
        "RMSE on the test part"
    ]
    assert alarm and "a simple forecast is better" in text and "0.4000" in text
    assert LABELS[name].lower() in text.lower()


def test_the_energy_is_a_tile() -> None:
    report = sample_report()
    assert report.activity is not None
    text, _ = tiles(render_html(report, sample_predictions()))["Energy of a forecast"]
    assert text == f"{number(report.activity.energy_uj)} µJ estimated with measured toggle rates"
    silent = sample_report(verification=replace(VERIFICATION, activity=None))
    text, _ = tiles(render_html(silent, sample_predictions()))["Energy of a forecast"]
    assert text.startswith(f"{number(silent.estimate.energy_uj)} µJ estimated, ± ")
    measured = replace(silent, synthesis=replace(SYNTHESIS, tool="Vivado 2024.1", power_mw=50.0))
    text, _ = tiles(render_html(measured, sample_predictions()))["Energy of a forecast"]
    assert text == "10.03 µJ estimated by Vivado 2024.1"


def test_the_page_says_what_toggle_rates_were_measured() -> None:
    page = render_html(sample_report(), sample_predictions())
    assert "lanes toggle 1.09 times as often" in page
    silent = sample_report(verification=replace(VERIFICATION, activity=None))
    assert "toggle " not in parse(render_html(silent, sample_predictions())).all("main")[0].text


def test_values_that_are_cut_off_are_stated() -> None:
    page = render_html(sample_report(), sample_predictions())
    assert tiles(page)["Cut off in the test part"] == (
        "3.1 % of the values of the worst column",
        True,
    )
    assert parse(page).at("cut-off").rows()[1:] == [
        ["Target temperature", "0.0 %", "0.0 %", "0.4 %"],
        ["Input temperature", "0.0 %", "0.0 %", "3.1 %"],
        ["Input humidity", "0.1 %", "0.2 %", "0.0 %"],
    ]
    report = sample_report()
    clean = CutOff(dict.fromkeys(DATA.inputs, 0.0), 0.0)
    accuracy = replace(report.accuracy, cut_off=dict.fromkeys(report.accuracy.cut_off, clean))
    page = render_html(replace(report, accuracy=accuracy), sample_predictions())
    assert tiles(page)["Cut off in the test part"][0].startswith("nothing")
    assert "cut-off" not in page


def test_the_battery_life_is_drawn_by_interval() -> None:
    report = sample_report()
    tree = parse(render_html(report, sample_predictions()))
    entries = tree.at("battery").all("span")
    assert [each.text for each in entries if each.attributes.get("class") == "entry"] == [
        *("Always on", "Clock stopped", "Power off")
    ]
    ticks = [each.text for each in tree.at("battery").all("g")]
    assert {"1 ms", "1 s", "1 min", "1 h", "1 day"} <= set(ticks)
    assert f"off from {number(report.duty_cycle.crossover_s)} s" in tree.at("battery").text
    assert [row[0] for row in tree.at("duty-cycle").rows()[1:]] == [
        *("Always on", "Clock stopped", "Power off")
    ]
    unknown = replace(report.duty_cycle, configuration_mj=None, crossover_s=None, clock_mw=None)
    page = render_html(replace(report, duty_cycle=unknown), sample_predictions())
    assert "energy of a configuration is unknown" in page and "off from" not in page


def test_microcontrollers_stand_beside_the_device() -> None:
    report = sample_report()
    rows = parse(render_html(report, sample_predictions())).at("microcontrollers").rows()
    assert [row[0] for row in rows[1:]] == ["xc7s15", "STM32L072", "RP2040", "STM32L412"]
    energies = [row[5] for row in rows[1:]]
    assert energies[0] == f"{number(report.estimate.energy_uj)} µJ" and energies[2] == "–"
    part = replace(report.microcontrollers[0], fits=False)
    page = render_html(replace(report, microcontrollers=(part,)), sample_predictions())
    assert "STM32L072 (too small)" in page


def test_windows_that_differ_are_an_alarm() -> None:
    verification = replace(
        VERIFICATION, verilator=replace(VERIFICATION.verilator, mismatches=3), activity=None
    )
    text, alarm = tiles(
        render_html(sample_report(verification=verification), sample_predictions())
    )["Verification"]
    assert alarm and text.startswith("inexact 957 of 960")


def test_a_table_without_time_and_without_persistence() -> None:
    training = replace(TRAINING, test=TRAINING.test | {"persistence": None})
    report = sample_report(training=training)
    page = render_html(report, sample_predictions(30, timed=False))
    assert "Row of the table" in page and "Time (UTC)" not in page
    assert "Persistence has no forecast here" in page
    assert "The first 30 of" in page


def test_a_single_window_is_drawn() -> None:
    for timed in (True, False):
        tree = check_frame(render_html(sample_report(), sample_predictions(1, timed=timed)))
        assert len([p for p in tree.at("forecast").all("path") if p.attributes.get("d")]) == 4


def test_lines_are_interrupted_at_gaps() -> None:
    tree = parse(render_html(sample_report(), sample_predictions()))
    lines = [each.attributes for each in tree.at("forecast").all("path")]
    drawn = {str(each["class"]): str(each["d"]) for each in lines}
    assert drawn["line integer"].count("M") == 2  # the sample has one gap


def test_a_design_that_does_not_fit() -> None:
    synthesis = replace(SYNTHESIS, lut=9000, bram36=12.5, longest_path=None, budget=BUDGET)
    assert not synthesis.fits
    page = render_html(sample_report(synthesis=synthesis), sample_predictions())
    assert tiles(page)["Resources"] == ("too large XC7S15, by yosys 0.70", True)
    assert "Longest path" not in page
    bars = [each.attributes for each in parse(page).at("resources").all("rect")]
    assert [each["width"] for each in bars if each["class"] == "part bad"] == ["100%", "100%"]


def test_logic_cells_are_stated_where_the_device_has_them() -> None:
    report = sample_report()
    assert "Logic cells" not in render_html(report, sample_predictions())
    packed = replace(report.estimate, cells=5100, cells_error=0.05)
    page = render_html(replace(report, estimate=packed), sample_predictions())
    cells = [row for table in parse(page).all("table") for row in table.rows()]
    assert ["Logic cells", "5,100 ± 5 %"] in cells


def test_a_design_on_a_board() -> None:
    page = render_html(placed_report(), sample_predictions())
    assert tiles(page)["Routed clock"] == ("38.65 MHz at most; the board has 12 MHz", False)
    assert "nextpnr-ice40 0.11.1" in page and "board/serial_top.bin" in page
    checked = "Simulated with 2 windows, its netlist gives the numbers of the integer model."
    assert page.count(checked) == 1  # not that of synthesis
    assert "Place and route" not in render_html(sample_report(), sample_predictions())
    slow = placed_report(replace(PLACEMENT, fmax_mhz=9.5))
    assert tiles(render_html(slow, sample_predictions()))["Routed clock"][1]


def test_a_histogram_shows_the_range_of_the_integers() -> None:
    bars, (start, width) = histogram(TENSORS[1])
    assert [bar[3] for bar in bars[1:3]] == [0, 24]  # heights
    assert bars[0][0] == 0 and start == pytest.approx(123 * 0.4 / 2, abs=0.1)
    assert width == pytest.approx(123 * 1.3 / 2, abs=0.1)


def test_every_step_ahead_is_drawn_and_has_its_error() -> None:
    page = render_html(report_of_steps(3, 960), predictions_of_steps(3, 960))
    tree = check_frame(page)
    assert "1 to 3 steps ahead" in page
    lines = {
        str([path.attributes["d"] for path in tree.at(f"forecast-{ahead}").all("path")])
        for ahead in (1, 2, 3)
    }
    assert len(lines) == 3
    assert [each.attributes["id"] for each in tree.all("input")] == ["step-1", "step-2", "step-3"]
    assert [
        each.text for each in tree.at("by-step").all("span") if "entry" in str(each.attributes)
    ] == [LABELS[name] for name in (*BASELINES, "float", "integer")]


def test_several_targets_have_charts_and_errors_of_their_own(browser: Page, tmp_path: Path) -> None:
    report, names = report_of_steps(3, 960), ("temperature", "humidity")

    def both(errors: Errors | None) -> Errors | None:
        if errors is None:
            return None
        of_each = {"temperature": errors, "humidity": replace(errors, rmse=7 * errors.rmse)}
        return Errors(errors.rmse, errors.mae, by_target=of_each)

    data = replace(report.data, target=names)
    test = {name: both(errors) for name, errors in report.accuracy.test.items()}
    report = replace(report, data=data, accuracy=replace(report.accuracy, test=test))
    predictions = predictions_of_steps(6, 960)
    page = render_html(report, predictions)
    tree = check_frame(page)
    assert tree.all("h1")[0].text == "Forecasting temperature, humidity on XC7S15"
    charts = [f"{own}forecast-{ahead}" for own in ("", "2-") for ahead in (1, 2, 3)]
    drawn = {str([path.attributes["d"] for path in tree.at(each).all("path")]) for each in charts}
    assert len(drawn) == 6
    joint, *own = (tree.at(f"{each}errors").rows()[3] for each in ("", "1-", "2-"))
    assert joint[2] == own[0][2] == "0.5187" and own[1][2] == "3.631"
    assert "RMSE, of all targets" in tiles(page)
    path = tmp_path / "report.html"
    path.write_text(page, encoding="utf-8")
    assert faults(browser, path) == []
    browser.open(path, 1400)
    browser.run("document.querySelector('label[for=\\'2-step-3\\']').click()")
    assert browser.run(SHOWN) == ["step step-1", "step step-3"]


def test_quantiles_are_a_band_with_a_table_of_their_coverage(browser: Page, tmp_path: Path) -> None:
    report, levels = report_of_steps(2, 960), (0.1, 0.5, 0.9)
    made = Intervals(levels, 0.123, (0.12, 0.5, 0.91), (0.79,))
    errors = {
        name: each and replace(each, intervals=made if name in ("float", "integer") else None)
        for name, each in report.accuracy.test.items()
    }
    constant = Errors(0.6, 0.4, intervals=replace(made, pinball=0.2, coverage=(0.7,)))
    accuracy = replace(report.accuracy, test=errors, constant_width=constant)
    predictions = predictions_of_steps(2, 960)
    for name in ("float", "integer"):
        ends = np.array([-1.0, 0.0, 2.0])
        predictions[name] = (predictions[name][..., None] + ends).reshape(960, -1)
    page = render_html(replace(report, accuracy=accuracy), predictions)
    tree = check_frame(page)
    assert tree.at("intervals").rows() == [
        ["Forecast", "Pinball loss", "80 % interval"],
        ["Float", "0.1230", "79.0 %"],
        ["Integer (the FPGA's)", "0.1230", "79.0 %"],
        ["Constant width around the float's median", "0.2000", "70.0 %"],
    ]
    assert "80% interval of the integers" in tree.at("forecast-1").text
    area = tree.at("forecast-1").all("path")[1]
    assert area.attributes["class"] == "area" and len(area.attributes["d"]) > 2000
    path = tmp_path / "report.html"
    path.write_text(page, encoding="utf-8")
    assert faults(browser, path) == []
    line = "document.querySelector('path.line.constant_width')"
    assert browser.run(f"getComputedStyle({line}).stroke") != "none"


def test_of_very_many_steps_some_are_drawn() -> None:
    page = render_html(report_of_steps(96, 300), predictions_of_steps(96, 300))
    tree = check_frame(page)
    drawn = [each.attributes["id"] for each in tree.all("input")]
    assert len(drawn) == 24 and (drawn[0], drawn[-1]) == ("step-1", "step-96")
    assert "Of 96 steps ahead, 24 are drawn" in page


def test_names_from_the_table_cannot_become_markup() -> None:
    evil = "</script></style></svg>\"'><b onload=x>{{ 7 * 7 }}"
    training = replace(TRAINING, data=replace(DATA, target=evil, file=evil))
    report = replace(sample_report(training=training), configuration=evil)
    page = render_html(report, sample_predictions())
    assert not parse(page).all("b") or all(not each.attributes for each in parse(page).all("b"))
    assert "<b onload" not in page and "</script></style>" not in page
    assert parse(page).all("h1")[0].text == f"Forecasting {evil} on XC7S15"


@pytest.fixture
def big(tmp_path: Path) -> Path:
    path = tmp_path / "report.html"
    page = render_html(report_of_steps(24, 4000, LONG), predictions_of_steps(24, 4000))
    path.write_text(page, encoding="utf-8")
    return path


def test_a_big_report_is_legible_at_all_widths(browser: Page, big: Path) -> None:
    assert big.stat().st_size < 400_000
    assert faults(browser, big) == []


def test_a_report_of_a_board_is_legible_at_all_widths(browser: Page, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    report = placed_report()
    data, model = replace(DATA, target="x" * 300, file="y" * 300), {"target": "x" * 300}
    report = replace(report, data=data, model=report.model | model)
    path.write_text(render_html(report, sample_predictions()), encoding="utf-8")
    assert faults(browser, path) == []


@pytest.mark.parametrize("script", [True, False])
def test_a_step_ahead_is_selected_without_a_script(
    browser: Page, big: Path, *, script: bool
) -> None:
    browser.open(big, 1400, script=script)
    assert browser.run(SHOWN) == ["step step-1"]
    browser.run("document.querySelector('label[for=step-17]').click()")
    assert browser.run(SHOWN) == ["step step-17"]


def test_on_paper_the_page_is_light_and_shows_the_selected_step(browser: Page, big: Path) -> None:
    browser.open(big, 750, dark=True, media="print")
    assert browser.run("getComputedStyle(document.querySelector('section')).backgroundColor") == (
        "rgb(255, 255, 255)"
    )
    labels = "[...document.querySelectorAll('.steps > label')].filter(e => e.checkVisibility())"
    assert browser.run(f"{labels}.map(e => e.textContent)") == ["1"]
    assert browser.run("document.documentElement.scrollWidth") <= 750


def test_the_pointer_reads_values_off_the_lines(browser: Page, tmp_path: Path) -> None:
    path, predictions = tmp_path / "report.html", sample_predictions()
    path.write_text(render_html(sample_report(), predictions), encoding="utf-8")
    browser.open(path, 1400)
    left, top, wide = browser.run(
        "(b => [b.left, b.top, b.width])"
        "(document.querySelector('#forecast .drawing').getBoundingClientRect())"
    )
    row = predictions["row"]
    at = (row[100] - row[0]) / (row[239] - row[0])
    browser.move(left + at * wide, top + 50)
    read = browser.run("[...document.querySelectorAll('#forecast output')].map(e => e.textContent)")
    expected = [predictions[name][100] for name in ("truth", "float", "integer")]
    assert [float(each) for each in read[:3]] == pytest.approx(expected, abs=0.06)
    moment = predictions["time"][100].astype("datetime64[ns]").astype("datetime64[s]")
    assert read[3] == str(moment).replace("T", " ")
    browser.move(left + at * wide, top - 500)
    assert browser.run("document.querySelector('#forecast output').textContent") == ""


def test_a_page_with_faults_is_found_out(browser: Page, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(
        "<!doctype html><style>body{background:#fff}</style><div style='width:2000px'>wide</div>"
        "<svg width='100' height='20'><text x='80' y='15'>cut text</text>"
        "<text x='85' y='15'>over it</text></svg><p style='color:#ccc'>pale</p>"
        "<script>console.log('said')</script>"
    )
    found = " ".join(faults(browser, path))
    for words in ("page is 2", "beyond", "cut: ", "overlaps", "contrast", "said"):
        assert words in found
