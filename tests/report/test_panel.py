"""``report.html`` of a panel: its series, sorted and searched."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from report_sample import sample_report

from browser import Page
from legible import faults
from narrowcast.data import Members, Panel, errors
from narrowcast.report import Report
from narrowcast.report.html import render_html
from narrowcast.report.tasks import score_lines
from pages import check_frame

NAMES = ("north", "<b>south</b>", "east", "west")
WINDOWS = 20  # of each


def panel() -> tuple[Report, dict[str, NDArray[Any]]]:
    """Return a report on four series, the first of which is forecast best."""
    random, count = np.random.default_rng(0), len(NAMES)
    one, level = np.ones(count), 100.0 * np.arange(1, count + 1)
    number = np.repeat(np.arange(count), WINDOWS)
    members = Members(Panel(NAMES, level, 2 * one, one, one, np.arange(count)), number)
    truth = random.standard_normal((len(number), 1))
    noise = random.standard_normal(truth.shape)
    found = {
        "persistence": truth + 0.5 * noise,
        **dict.fromkeys(("float", "qat", "integer"), truth + 0.2 * noise * (1 + number[:, None])),
    }
    test = {name: errors(each, truth, members=members) for name, each in found.items()}
    report = sample_report()
    report = replace(report, accuracy=replace(report.accuracy, test=dict(test)))
    arrays = {name: members.in_units(found[name])[:, 0] for name in ("float", "qat", "integer")}
    row = np.tile(np.arange(WINDOWS), count) + 100 * number
    return report, {
        **arrays,
        "truth": members.in_units(truth)[:, 0],
        "row": row,
        "series": number,
    }


def test_series_are_sorted_by_their_error_relative_to_simple_forecasts() -> None:
    report, predictions = panel()
    tree = check_frame(render_html(report, predictions))
    rows = tree.at("series").rows()
    assert [row[0] for row in rows[1:]] == list(NAMES)
    ratios = [float(row[1]) for row in rows[1:]]
    np.testing.assert_allclose(ratios, [0.4, 0.8, 1.2, 1.6], rtol=1e-3)
    assert [row[2] for row in rows[1:]] == ["Persistence"] * 4
    known = report.accuracy.test["integer"]
    assert known is not None and known.by_series is not None  # type: ignore[union-attr]
    assert tree.at("errors").rows()[0] == ["Forecast", "", "RMSSE", "MASE", "RMSE", "MAE"]
    tile = tree.all("dl")[0].all("div")[0]
    assert tile.all("dt")[0].text == "RMSSE over all series"
    titles = [each.text for each in tree.all("h3")]
    assert titles[:3] == ["Best: north", "Median: east", "Worst: west"]
    assert "4 series" in tree.text and "2 of them are better" in tree.text
    assert next(iter(score_lines(report))).startswith("test RMSSE: ")


def test_a_series_is_found_by_its_name(browser: Page, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(render_html(*panel()), encoding="utf-8")
    for width in (1400, 390):
        browser.open(path, width)
        browser.run(
            "const field = document.getElementById('find-series');"
            "field.value = 'OUT'; field.dispatchEvent(new Event('input'))"
        )
        shown = browser.run(
            "[...document.querySelectorAll('#series tbody tr')]"
            ".filter(row => row.getClientRects().length).map(row => row.cells[0].textContent)"
        )
        assert shown == ["<b>south</b>"]
        assert browser.run("document.getElementById('found-series').textContent") == "1 found"
        assert browser.errors == []
        assert browser.run("document.documentElement.scrollWidth") == width
    assert faults(browser, path) == []
