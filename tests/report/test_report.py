import json
import re
from pathlib import Path

import numpy as np
import pytest
from report_sample import DEVICE, placed_report, sample_predictions, sample_report

from narrowcast.report import render_html
from narrowcast.report.html import histogram, number


def test_report_is_json_with_all_documented_fields() -> None:
    report = sample_report()
    placed = placed_report()
    assert json.loads(json.dumps(report)) == report
    assert report["schema_version"] == 1
    assert report["place_and_route"] is None
    assert report["latency_us"] == pytest.approx(200.63)
    assert report["utilisation"] == report["model"]["macs"] / (16 * 20063)
    documented = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")
    assert set(report) <= {field.split(".")[0] for field in re.findall(r"`([\w.]+)`", documented)}
    for part in (
        report["model"],
        report["data"],
        report["synthesis"],
        report["synthesis"]["longest_path"],
        placed["synthesis"],
        placed["place_and_route"],
        placed["place_and_route"]["critical_path"],
        report["accuracy"]["test"],
        report["estimate"],
        report["estimate"]["energy"],
        report["activity"],
        report["activity"]["rates"],
        *report["program"]["steps"],
        *report["program"]["buffers"],
    ):
        for field in part:
            assert f"`{field}`" in documented


def test_every_forecaster_has_an_entry() -> None:
    report = sample_report(accuracy={"float": {"rmse": 1.0, "mae": 1.0}})
    assert report["accuracy"]["test"]["persistence"] is None
    assert len(report["accuracy"]["test"]) == 6


def test_page_stands_alone() -> None:
    page = render_html(sample_report(), sample_predictions())
    assert not re.search(r"<(script|link|img|iframe)[^>]*\b(src|href)=", page)
    assert "@import" not in page
    assert page.count("Plotly.newPlot(") >= 4
    for place in ("forecast", "errors", "cycles", "resources"):
        assert f'id="{place}"' in page
    assert "layers.0.ffn_up" in page and "weights_6" in page and "200.6 µs" in page


def test_page_says_what_toggle_rates_were_measured() -> None:
    page = render_html(sample_report(), sample_predictions())
    assert "an estimate too: 9.8 µJ" in page and "lanes toggle 1.09 times as often" in page
    page = render_html(sample_report(activity=None), sample_predictions())
    assert "toggle" not in page.partition("<script>")[0]


def test_page_without_time_and_without_persistence() -> None:
    accuracy = sample_report()["accuracy"]["test"] | {"persistence": None}
    page = render_html(sample_report(accuracy=accuracy), sample_predictions(30, timed=False))
    assert "Row of the table" in page
    assert "Persistence has no forecast here" in page
    assert "The first 30 of" in page


def test_page_of_a_design_that_does_not_fit() -> None:
    used = {"lut": 9000, "ff": 100, "bram36": 12.5, "dsp": 20}
    synthesis = {"tool": "yosys", "device": "xc7s15", **used, "fits": False, "budget": DEVICE}
    page = render_html(sample_report(synthesis=synthesis), sample_predictions())
    assert "too large" in page


def test_page_of_a_design_on_a_board() -> None:
    page = render_html(placed_report(), sample_predictions())
    assert "nextpnr-ice40 0.11.1" in page and "38.65 MHz" in page
    assert "board/serial_top.bin" in page and "29 of 30" in page
    assert "Place and route" not in render_html(sample_report(), sample_predictions())
    bad = '<div class="bad"><b>9.5 MHz</b>'
    assert bad in render_html(placed_report(fmax_mhz=9.5), sample_predictions())


def test_page_shows_every_tensor() -> None:
    page = render_html(sample_report(), sample_predictions())
    assert "embed.output" in page and "23.45 %" in page and "<svg" in page
    bars, (start, width) = histogram(sample_report()["quantization"]["tensors"][1])
    assert [bar[3] for bar in bars[1:3]] == [0, 24]  # heights
    assert bars[0][0] == 0 and start == pytest.approx(123 * 0.4 / 2, abs=0.1)
    assert width == pytest.approx(123 * 1.3 / 2, abs=0.1)


def test_page_of_several_outputs() -> None:
    data = sample_report()["data"] | {"outputs": 3}
    predictions = sample_predictions()
    for name in ("truth", "float", "integer"):
        predictions[name] = np.stack([predictions[name]] * 3, axis=1)
    page = render_html(sample_report(data=data), predictions)
    assert "1 to 3 steps ahead" in page and "the first of 3 forecasts" in page


def test_names_from_the_table_cannot_become_markup() -> None:
    data = sample_report()["data"] | {"target": "</script><b>x</b>"}
    page = render_html(sample_report(data=data), sample_predictions())
    assert "</script><b>" not in page


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0, "0"), (14321, "14,321"), (5.5, "5.5"), (0.51873, "0.5187"), (2e4, "20,000")],
)
def test_number(value: float | None, text: str) -> None:
    assert number(value) == text
