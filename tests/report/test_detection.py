"""``report.html`` and the summary of a model that detects anomalies."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from report_sample import CUT_OFF, DATA, sample_predictions, sample_report

from browser import Page
from legible import faults
from narrowcast.data import Monitored
from narrowcast.report import Report
from narrowcast.report.html import render_html
from narrowcast.report.tasks import score_lines
from pages import check_frame, parse

THRESHOLD = 2.5
Arrays = dict[str, NDArray[Any]]


def scored(
    windows: int = 600, *, labelled: bool = True, timed: bool = True, anomalies: bool = True
) -> Arrays:
    """Return arrays of the test part, with two anomalies if there are any."""
    noise = np.random.default_rng(2)
    places = sample_predictions(windows, timed=timed)
    found = {name: places[name] for name in ("row", "time") if name in places}
    anomaly = np.zeros(windows, dtype=bool)
    if anomalies:
        anomaly[windows // 3 : windows // 2] = anomaly[windows * 4 // 5 :] = True
    for name in ("float", "integer"):
        score = np.abs(noise.normal(1, 0.3, windows)) + 2 * anomaly * noise.random(windows)
        found[name] = np.stack([score, score > THRESHOLD], axis=1)
    truth = anomaly.astype(float) if labelled else np.zeros((windows, 0))
    return {"truth": truth, **found, "qat": found["integer"]}


def report_of(arrays: Arrays, names: tuple[str, ...] = ("flow", "pressure")) -> Report:
    """The report of a detector, with the scores of its decisions."""
    labelled = arrays["truth"].ndim == 1
    monitored = Monitored(
        *(names, tuple(range(len(names)))), window=4, per_day=1440.0, labelled=labelled
    )
    truth = arrays["truth"].reshape(len(arrays["truth"]), -1)
    simple = {"z_score": np.ones_like(arrays["integer"]), "persistence_error": arrays["integer"]}
    every = {name: arrays[name] for name in ("float", "qat", "integer")} | simple
    test = {name: monitored.detection(each, truth, arrays["row"]) for name, each in every.items()}
    report = sample_report()
    cut_off = {part: replace(each, target=0.0) for part, each in CUT_OFF.items()}
    windows = replace(DATA.windows, test=len(truth))
    model = {"method": "reconstruct", "compared_rows": 4, "threshold": THRESHOLD}
    return replace(
        report,
        data=replace(DATA, target=list(names), lead=0, windows=windows),
        model={**report.model, **model},
        accuracy=replace(report.accuracy, test=dict(test), cut_off=cut_off),
    )


def page_of(arrays: Arrays, folder: Path, names: tuple[str, ...] = ("flow", "pressure")) -> Path:
    path = folder / "report.html"
    path.write_text(render_html(report_of(arrays, names), arrays), encoding="utf-8")
    return path


def test_the_page_has_the_scores_of_all_methods() -> None:
    arrays = scored()
    report = report_of(arrays)
    tree = check_frame(render_html(report, arrays))
    assert tree.all("h1")[0].text == "Anomalies of 2 sensors on XC7S15"
    found = report.accuracy.test["integer"]
    rows = {row[0]: row[1:] for row in tree.at("methods").rows()[1:]}
    assert list(rows)[:3] == ["Float", "Quantised, in training", "Integer (the FPGA's)"]
    written = rows["Integer (the FPGA's)"]
    wanted = (found.roc_auc, found.pr_auc, found.f1, found.precision, found.recall)  # type: ignore[union-attr]
    assert written[:5] == [f"{each:.3f}" for each in wanted]
    assert written[7] == f"{found.events_detected} of 2"  # type: ignore[union-attr]
    assert rows["Distance from the mean (z-score)"][0] == "0.500"


def test_a_stretch_begins_before_the_first_anomaly_and_shades_it() -> None:
    arrays = scored()
    tree = parse(render_html(report_of(arrays), arrays))
    assert "from number 141 on, shortly before the first anomaly" in tree.text
    (area,) = (each for each in tree.at("scores").all("path") if each.attributes["class"] == "area")
    assert str(area.attributes["d"]).count("M") >= 1
    legend = [each.text.strip() for each in tree.at("scores").all("span")]
    assert {"Threshold", "Score", "With a flag", "Anomaly"} <= set(legend)


def test_without_labels_the_page_tells_shares_only() -> None:
    arrays = scored(labelled=False)
    report = report_of(arrays)
    tree = check_frame(render_html(report, arrays))
    flagged = float(arrays["integer"][:, 1].mean())
    assert tree.at("methods").rows()[0] == ["Method", "With a flag", "Flags a day"]
    assert tree.at("methods").rows()[3][1] == f"{100 * flagged:.2f} %"
    assert "no column says which readings are anomalies" in tree.text
    assert "ROC" not in tree.at("methods").text
    assert list(score_lines(report)) == [
        f"test part:  {flagged:.2%} of the windows have a flag in integers; "
        f"{float(arrays['float'][:, 1].mean()):.2%} of the windows have a flag in floating point"
    ]


def test_windows_whose_labels_are_missing_are_neither_normal_nor_anomalies() -> None:
    def without_one(arrays: Arrays) -> str:
        chart = parse(render_html(report_of(arrays), arrays)).at("thresholds")
        (line,) = (e for e in chart.all("path") if e.attributes["class"] == "line float")
        return str(line.attributes["d"])

    arrays = scored()
    every, flagged = without_one(arrays), arrays["integer"][:, 0] > 1
    arrays["truth"][(arrays["truth"] == 0) & flagged] = np.nan
    assert without_one(arrays) != every


def test_labels_without_an_anomaly_are_labels() -> None:
    arrays = scored(anomalies=False)
    tree = parse(render_html(report_of(arrays), arrays))
    assert "its labels are not of both kinds" in tree.text
    assert "no column says" not in tree.text and "shortly before the first flag" in tree.text


def test_the_summary_says_how_late_anomalies_are_found() -> None:
    arrays = scored()
    report = report_of(arrays)
    found = report.accuracy.test["integer"]
    late = f", {found.delay_rows:.3g} rows late on average"  # type: ignore[union-attr]
    assert f"found:      2 of 2 anomalies{late}" in list(score_lines(report))


def test_a_simple_score_that_is_better_is_an_alarm() -> None:
    arrays = scored()
    arrays["integer"] = arrays["qat"] = arrays["integer"][::-1].copy()
    report = report_of(arrays)
    simple = replace(report.accuracy.test["z_score"], roc_auc=0.99)  # type: ignore[type-var]
    test = {**report.accuracy.test, "z_score": simple}
    report = replace(report, accuracy=replace(report.accuracy, test=test))
    assert report.accuracy.beaten_by == "z_score"
    first = parse(render_html(report, arrays)).all("dl")[0].all("div")[0]
    assert first.attributes.get("class") == "bad"
    assert "a simple score is better, with 0.990" in first.text
    assert any(line.startswith("beaten by:  z_score") for line in score_lines(report))


CASES = {
    "labelled": (("flow", "pressure"), {}),
    "unlabelled": (("flow",), {"labelled": False}),
    "no times": (("flow", "pressure"), {"timed": False}),
    "no anomaly": (("flow", "pressure"), {"anomalies": False}),
    "one window": (("flow", "pressure"), {"windows": 1, "anomalies": False}),
    "many sensors": (tuple(f"accelerometer {i} of the main pump" for i in range(30)), {}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_page_is_legible_at_all_widths(browser: Page, tmp_path: Path, case: str) -> None:
    names, settings = CASES[case]
    path = page_of(scored(**settings), tmp_path, names)  # type: ignore[arg-type]
    assert path.stat().st_size < 400_000
    assert faults(browser, path) == []
