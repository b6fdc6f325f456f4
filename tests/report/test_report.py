import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

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
    sample_predictions,
    sample_report,
)

from narrowcast.records import read_record, to_json, write_record
from narrowcast.report import Report
from narrowcast.report.html import histogram, number, render_html
from narrowcast.training_records import BASELINES, Errors, beaten_by

FREE = {
    "missing",
    "lost",
    "seconds",
    "budget",
    "inputs",
}  # objects with keys of the user's or of a tool's


def fields(document: Any) -> Iterator[str]:
    """Yield the names of all fields."""
    if isinstance(document, dict):
        for name, value in document.items():
            yield name
            if name not in FREE:
                yield from fields(value)
    elif isinstance(document, list):
        for each in document:
            yield from fields(each)


@pytest.mark.parametrize("report", [sample_report, placed_report])
def test_every_field_is_documented(report: Any) -> None:
    documented = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")
    known = {part for field in re.findall(r"`([\w.]+)`", documented) for part in field.split(".")}
    assert set(fields(to_json(report()))) - known == set()


@pytest.mark.parametrize("simple", BASELINES)
def test_a_simple_forecast_that_beats_the_model_is_named(simple: str) -> None:
    better = replace(TRAINING, test={**TRAINING.test, simple: Errors(0.51, 0.6)})
    assert sample_report(training=better).accuracy.beaten_by == simple
    assert to_json(sample_report(training=better))["accuracy"]["beaten_by"] == simple


def test_an_impossible_or_equal_forecast_does_not_beat_the_model() -> None:
    test = {"model": Errors(1.0, 1.0), "persistence": None, "ridge": Errors(1.0, 0.5)}
    assert beaten_by(test, "model") is None
    assert beaten_by({**test, "ridge_quadratic": Errors(0.9, 2.0)}, "model") == "ridge_quadratic"


def test_report_as_json() -> None:
    report = sample_report()
    plain = to_json(report)
    assert json.loads(json.dumps(plain)) == plain
    assert plain["schema_version"] == 1
    assert plain["place_and_route"] is None
    assert plain["latency_us"] == pytest.approx(200.63)
    assert plain["utilisation"] == plain["model"]["macs"] / (16 * 20063)
    assert plain["model"]["window"] == 12 and plain["model"]["parameters"] > 0
    assert plain["accuracy"]["test"]["integer"] == {"rmse": 0.5187, "mae": 0.3972}
    assert plain["accuracy"]["beaten_by"] is None
    assert plain["accuracy"]["cut_off"]["test"]["inputs"]["temperature"] == 0.0312
    assert plain["synthesis"]["fits"] is True and plain["synthesis"]["bram36"] == 5.5
    assert "bram" not in plain["synthesis"] and "power_mw" not in plain["synthesis"]
    assert plain["synthesis"]["longest_path"]["from"] == "collect.ahead[2]"
    assert plain["verification"] == {
        "verilator": {"windows": 960, "mismatches": 0},
        "ghdl": {"windows": 2, "mismatches": 0},
    }
    assert plain["estimate"]["energy_uj"] == report.estimate.energy_uj
    placed = to_json(placed_report())
    assert placed["place_and_route"]["bitstream"] == "board/serial_top.bin"
    assert "bram36" not in placed["synthesis"] and placed["synthesis"]["bram"] == 29


@pytest.mark.parametrize("report", [sample_report, placed_report])
def test_a_report_is_read_back_as_it_was(tmp_path: Path, report: Any) -> None:
    written = report()
    write_record(tmp_path / "report.json", written)
    assert read_record(tmp_path / "report.json", Report) == written


def test_every_forecaster_has_an_entry() -> None:
    training = replace(TRAINING, test={"float": Errors(1.0, 1.0)})
    test = sample_report(training=training).accuracy.test
    assert test["persistence"] is None and test["qat"] is not None
    assert len(test) == 6


def test_measured_toggle_rates_scale_the_energy() -> None:
    report = sample_report()
    activity, nominal = report.activity, report.estimate.energy
    assert activity is not None
    assert activity.factors.lanes == pytest.approx(0.35 / 0.32)
    assert activity.energy.lanes_uj == pytest.approx(nominal.lanes_uj * activity.factors.lanes)
    assert activity.energy_uj == activity.energy.inference_uj


def test_page_stands_alone() -> None:
    page = render_html(sample_report(), sample_predictions())
    assert not re.search(r"<(script|link|img|iframe)[^>]*\b(src|href)=", page)
    assert "@import" not in page
    assert page.count("Plotly.newPlot(") >= 4
    for place in ("forecast", "errors", "cycles", "resources"):
        assert f'id="{place}"' in page
    assert "layers.0.ffn_up" in page and "weights_6" in page and "200.6 µs" in page
    assert "5 levels of logic, from collect.ahead[2] to maximum.largest[3]" in page
    assert "<td>Channels of the feed-forward part</td><td>128</td>" in page


def test_page_says_what_toggle_rates_were_measured() -> None:
    report = sample_report()
    page = render_html(report, sample_predictions())
    assert report.activity is not None
    assert f"simulated windows: {number(report.activity.energy_uj)} µJ" in page
    assert "lanes toggle 1.09 times as often" in page
    silent = sample_report(verification=replace(VERIFICATION, activity=None))
    page = render_html(silent, sample_predictions())
    assert "toggle" not in page.partition("<script>")[0]


def test_page_without_time_and_without_persistence() -> None:
    training = replace(TRAINING, test=TRAINING.test | {"persistence": None})
    report = sample_report(training=training)
    page = render_html(report, sample_predictions(30, timed=False))
    assert "Row of the table" in page
    assert "Persistence has no forecast here" in page
    assert "The first 30 of" in page


def test_page_of_a_design_that_does_not_fit() -> None:
    synthesis = replace(SYNTHESIS, lut=9000, bram36=12.5, longest_path=None, budget=BUDGET)
    assert not synthesis.fits
    page = render_html(sample_report(synthesis=synthesis), sample_predictions())
    assert "too large" in page and "Longest path" not in page


def test_page_of_a_design_on_a_board() -> None:
    page = render_html(placed_report(), sample_predictions())
    assert "nextpnr-ice40 0.11.1" in page and "38.65 MHz" in page
    assert "board/serial_top.bin" in page and "29 of 30" in page
    assert "Place and route" not in render_html(sample_report(), sample_predictions())
    slow = placed_report(replace(PLACEMENT, fmax_mhz=9.5))
    assert '<div class="bad"><b>9.5 MHz</b>' in render_html(slow, sample_predictions())


def test_page_shows_every_tensor() -> None:
    page = render_html(sample_report(), sample_predictions())
    assert "embed.output" in page and "23.45 %" in page and "<svg" in page
    bars, (start, width) = histogram(TENSORS[1])
    assert [bar[3] for bar in bars[1:3]] == [0, 24]  # heights
    assert bars[0][0] == 0 and start == pytest.approx(123 * 0.4 / 2, abs=0.1)
    assert width == pytest.approx(123 * 1.3 / 2, abs=0.1)


def test_page_of_several_outputs() -> None:
    predictions = sample_predictions()
    for name in ("truth", "float", "integer"):
        predictions[name] = np.stack([predictions[name]] * 3, axis=1)
    training = replace(TRAINING, data=replace(DATA, outputs=3))
    page = render_html(sample_report(training=training), predictions)
    assert "1 to 3 steps ahead" in page and "the first of 3 forecasts" in page


def test_names_from_the_table_cannot_become_markup() -> None:
    training = replace(TRAINING, data=replace(DATA, target="</script><b>x</b>"))
    page = render_html(sample_report(training=training), sample_predictions())
    assert "</script><b>" not in page


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0, "0"), (14321, "14,321"), (5.5, "5.5"), (0.51873, "0.5187"), (2e4, "20,000")],
)
def test_number(value: float | None, text: str) -> None:
    assert number(value) == text
