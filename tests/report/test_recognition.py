"""``report.html`` and the summary of a model that recognises labels."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from report_sample import (
    ACTIVITIES,
    CONFIGURATION,
    LONG_HISTORY,
    report_of_labels,
    sample_decisions,
    sample_report,
)

from browser import Page
from legible import faults
from narrowcast.report import Report
from narrowcast.report.html import render_html
from narrowcast.report.recognition import MOST_MARGINS, Decisions, Names
from narrowcast.report.tasks import score_lines
from narrowcast.training_records import CLASSIFIERS, Recognition
from pages import Element, check_frame, parse

EVIL = "</script></style></svg>\"'><b onload=x>{{ 7 * 7 }}"


def few() -> tuple[Report, dict[str, NDArray[Any]]]:
    """Return a report on seven windows of three labels, one of which is never found."""
    found = [[0, 0.5], [1, 0.25], [1, 2.0], [1, 1.0], [1, 3.0], [0, 0.5], [1, 1.0]]
    decisions = {
        "truth": np.array([0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 2.0]),
        "row": np.arange(10, 17),
        "integer": np.array(found),
        "qat": np.array(found),
        "float": np.array([[0.0, 1.0]] * 3 + [[1.0, 1.0]] * 3 + [[2.0, 1.0]]),
    }
    return report_of_labels(decisions, ("low", "high", "off")), decisions


def page_of(report: Report, decisions: dict[str, NDArray[Any]], folder: Path) -> Path:
    path = folder / "report.html"
    path.write_text(render_html(report, decisions), encoding="utf-8")
    return path


def tile(tree: Element) -> tuple[str, bool]:
    """Return the text of the first tile and whether it is an alarm."""
    first = tree.all("dl")[0].all("div")[0]
    assert first.all("dt")[0].text == "Right labels of the test part"
    return first.all("dd")[0].text, first.attributes.get("class") == "bad"


def matrix(tree: Element, model: str) -> dict[tuple[str, str], str]:
    """Return the counts in the cells of a matrix by label beside the row and below the column."""
    texts = [
        each.attributes | {"text": each.text} for each in tree.at(f"confusion-{model}").all("text")
    ]
    right = {str(each["y"]): each["text"] for each in texts if each.get("text-anchor") == "end"}
    below = {each["x"]: each["text"] for each in texts if each["class"] == "tick" and "dx" in each}
    return {
        (str(right[str(cell["y"])]), str(below[cell["x"]])): str(cell["text"])
        for cell in texts
        if cell["class"] == "cell"
    }


def test_the_page_stands_alone_and_has_all_parts() -> None:
    report, decisions = few()
    tree = check_frame(render_html(report, decisions))
    assert tree.all("h1")[0].text == "Recognising activity on XC7S15"
    assert "3 labels, from windows of 12 rows" in tree.all("header")[0].text
    assert tree.at("methods").rows() == [
        ["Method", "", "Macro F1", "Accuracy", "Balanced accuracy"],
        ["Float", "", "1.000", "100.0 %", "100.0 %"],
        ["Quantised, in training", "", "0.300", "42.9 %", "33.3 %"],
        ["Integer (the FPGA's)", "", "0.300", "42.9 %", "33.3 %"],
        ["Most frequent label", "", "0.200", "42.9 %", "33.3 %"],
        ["Ridge classifier", "", "0.389", "57.1 %", "44.4 %"],
    ]


def test_rows_of_the_matrix_are_true_labels_and_columns_those_that_are_found() -> None:
    report, decisions = few()
    tree = parse(render_html(report, decisions))
    assert matrix(tree, "integer") == {
        ("low", "low"): "1",
        ("low", "high"): "2",
        ("high", "low"): "1",
        ("high", "high"): "2",
        ("off", "high"): "1",
    }
    own = {("low", "low"): "3", ("high", "high"): "3", ("off", "off"): "1"}
    assert matrix(tree, "float") == own
    assert "2 windows of low found as high; 1 window of high found as low" in tree.text
    assert tree.at("classes").rows()[1:] == [
        ["low", "14", "1", "3", "33.3 %", "50.0 %", "0.400"],
        ["high", "14", "1", "3", "66.7 %", "40.0 %", "0.500"],
        ["off", "8", "0", "1", "0.0 %", "–", "0.000"],
    ]


def test_cells_are_shaded_by_the_share_of_the_true_label() -> None:
    report, decisions = few()
    paths = parse(render_html(report, decisions)).at("confusion-integer").all("path")
    drawn = {
        (str(each.attributes["class"]), str(each.attributes["fill-opacity"])): each.attributes["d"]
        for each in paths
        if "fill-opacity" in each.attributes
    }
    assert drawn == {
        ("cell right", "0.4"): "M0 0H1333V333H0z",
        ("cell wrong", "0.7"): "M1333 0H2667V333H1333z",
        ("cell wrong", "0.4"): "M0 333H1333V667H0z",
        ("cell right", "0.7"): "M1333 333H2667V667H1333z",
        ("cell wrong", "1.0"): "M1333 667H2667V1000H1333z",
    }


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_simple_method_that_is_better_is_pointed_out(name: str) -> None:
    report, decisions = report_of_labels(sample_decisions()), sample_decisions()
    text, alarm = tile(parse(render_html(report, decisions)))
    integer, exact = report.accuracy.test["integer"], report.accuracy.test["float"]
    assert isinstance(integer, Recognition) and isinstance(exact, Recognition)
    assert not alarm and text == (
        f"{integer.accuracy:.1%} macro F1 {integer.macro_f1:.3f}; in floating point "
        f"{exact.accuracy:.1%} and {exact.macro_f1:.3f}; the best simple method has 0.637 "
        "(ridge classifier)"
    ).replace("%", " %")
    better = {**report.accuracy.test, name: replace(integer, macro_f1=0.97)}
    report = replace(report, accuracy=replace(report.accuracy, test=better))
    text, alarm = tile(parse(render_html(report, decisions)))
    called = {"majority": "most frequent label", "ridge_classifier": "ridge classifier"}[name]
    assert alarm and text.endswith(f"a simple method is better, with 0.970 ({called})")
    assert f"beaten by:  {name}, a simple method, with" in list(score_lines(report))[-1]


def test_without_a_simple_method_the_tile_has_none() -> None:
    report, decisions = few()
    test = {name: each for name, each in report.accuracy.test.items() if name not in CLASSIFIERS}
    report = replace(report, accuracy=replace(report.accuracy, test=test))
    assert "simple" not in parse(render_html(report, decisions)).all("main")[0].text


def test_the_summary_names_the_label_that_is_found_least() -> None:
    report, _ = few()
    assert list(score_lines(report)) == [
        "test part:  42.9% right, macro F1 0.300 in integers; "
        "100.0% right, macro F1 1.000 in floating point",
        "hardest:    'off', with a recall of 0.0% (0 of 1)",
        "beaten by:  ridge_classifier, a simple method, with 57.1% right, macro F1 0.389",
    ]


def test_the_summary_of_a_forecaster() -> None:
    assert list(score_lines(sample_report())) == [
        "test RMSE:  0.5187 in integers, 0.5123 in floating point"
    ]


def test_no_word_is_of_forecasts() -> None:
    decisions = sample_decisions()
    report = replace(report_of_labels(decisions), configuration=CONFIGURATION)
    text = parse(render_html(report, decisions)).all("main")[0].text
    assert not re.search("forecast|ahead(?!\\[)|RMSE|persistence|target", text, re.IGNORECASE)
    assert "Clock cycles of a decision" in text and "Interval of the decisions" in text


def test_the_charts_of_the_training_say_what_they_show() -> None:
    decisions = sample_decisions()
    report = replace(
        report_of_labels(decisions), history={"float": LONG_HISTORY, "qat": LONG_HISTORY}
    )
    tree = parse(render_html(report, decisions))
    assert "1 less the macro F1 score of activity, validation part" in tree.at("history-1").text
    assert "cross-entropy with the truth" in tree.at("history-2").text


def test_windows_that_are_left_out_are_counted() -> None:
    decisions = sample_decisions()
    page = render_html(report_of_labels(decisions), decisions)
    rows = [row for table in parse(page).all("table") for row in table.rows()]
    assert ["Left out: several labels", "47"] in rows
    assert ["Left out: rows in two parts", "5"] in rows
    forecaster = render_html(
        sample_report(), {**decisions, "integer": decisions["truth"], "float": decisions["truth"]}
    )
    assert "several labels" not in forecaster and "Left out: targets in two parts" in forecaster


def lines_of(tree: Element, chart: str) -> dict[str, str]:
    """Return the path of each line of a chart, by style."""
    paths = (each.attributes for each in tree.at(chart).all("path"))
    return {
        str(each["class"]).removeprefix("line "): str(each["d"])
        for each in paths
        if str(each["class"]).startswith("line ")
    }


def test_the_first_windows_show_where_the_label_is_wrong() -> None:
    report, decisions = few()
    tree = parse(render_html(report, decisions))
    # Rows 10 to 16 are 667 units apart, labels a third of the height.
    assert lines_of(tree, "labels") == {
        "truth": "M0 167l667 0 666 0M2000 500l667 0 666 0M4000 833l0 0",
        "integer": "M0 167l0 0M2000 500l667 0",
        "wrong": "M667 500l0 0M1333 500l0 0M3333 167l0 0M4000 500l0 0",
    }
    margin = lines_of(tree, "margin")
    assert margin["integer"].count("M") == 1 and margin["wrong"].count("M") == 4
    assert margin["wrong"].startswith("M667 917l0 0M1333 333l0 0")  # 0.25 and 2 of 3
    assert "its median is 1.000 where the label is right, and 0.7500 where it is wrong" in tree.text


def test_labels_that_are_not_in_the_first_windows_have_no_row() -> None:
    decisions = sample_decisions(20, 4000)
    report = report_of_labels(decisions, [f"gesture {i}" for i in range(20)])
    ticks = [
        each.text
        for each in parse(render_html(report, decisions)).at("labels").all("text")
        if each.attributes.get("text-anchor") == "end"
    ]
    assert ticks == [f"{i} gesture {i}" for i in range(12)]


def test_windows_by_least_margin() -> None:
    tree = parse(render_html(*few()))
    assert tree.at("margins").rows() == [
        ["Margin, at least", "Windows", "Of all", "Right"],
        ["0.2500", "7", "100.0 %", "42.9 %"],
        ["0.5000", "6", "85.7 %", "50.0 %"],
        ["1.000", "4", "57.1 %", "50.0 %"],
        ["2.000", "2", "28.6 %", "50.0 %"],
        ["3.000", "1", "14.3 %", "100.0 %"],
    ]
    assert lines_of(tree, "by-margin") == {
        "integer": "M333 571l334-71 666 0 1334 0 1333-500",
        "float": "M333 0l334 143 666 286 1334 285 1333 143",
    }


def test_many_margins_are_thinned_to_equal_numbers_of_windows() -> None:
    noise = np.random.default_rng(3)
    truth, margin = noise.integers(0, 4, 5000), noise.gamma(2.0, size=5000)
    found = np.where(noise.random(5000) < np.exp(-margin), (truth + 1) % 4, truth)
    decisions = Decisions(truth, found, margin)
    rows = decisions.at_least(MOST_MARGINS)
    assert [each.windows for each in rows] == list(range(5000, 0, -500))
    for each in rows:
        some = margin >= each.margin
        assert each.windows == some.sum() and each.share == some.mean()
        assert each.right == pytest.approx((found == truth)[some].mean())


def test_long_labels_have_numbers() -> None:
    assert Names.of(ACTIVITIES).below == ACTIVITIES
    names = Names.of(["walking up the stairs", "lying"])
    assert names.full == ("0 walking up the stairs", "1 lying")
    assert names.short == ("0 walking…", "1 lying") and names.below == ("0", "1")
    assert names.only([1]).full == ("1 lying",)


def test_shortened_labels_have_titles() -> None:
    """All of a label appears below the pointer, wherever a chart has less of it."""
    decisions = sample_decisions(2)
    for classes, titles in (
        (("walking up the stairs", "a < b"), {"0 walking…": "0 walking up the stairs"}),
        (("up", "down"), {}),
    ):
        tree = parse(render_html(report_of_labels(decisions, classes), decisions))
        ticks = tree.at("confusion-integer").all("text") + tree.at("labels").all("text")
        found = {
            each.children[-1]: each.children[0].text
            for each in ticks
            if isinstance(each.children[0], Element)
        }
        below = {"0": "0 walking up the stairs", "1": "1 a < b"} if titles else {}
        assert found == titles | below


@pytest.mark.parametrize("wrong", [True, False])
def test_models_that_are_always_or_never_right_have_a_page(*, wrong: bool) -> None:
    decisions = sample_decisions()
    decisions["integer"][:, 0] = (decisions["truth"] + wrong) % 4
    tree = check_frame(render_html(report_of_labels(decisions), decisions))
    assert ("wrong" if wrong else "integer") in lines_of(tree, "labels")
    assert ("make no mistake" in tree.text) is not wrong and "median is" not in tree.text


def test_names_from_the_table_cannot_become_markup() -> None:
    decisions = sample_decisions(2)
    page = render_html(report_of_labels(decisions, [EVIL, "b" + EVIL]), decisions)
    assert "<b onload" not in page and "</script></style>" not in page
    assert parse(page).at("classes").rows()[1][0] == f"0 {EVIL}"


LABELS = {
    "four": (ACTIVITIES, 600),
    "long": ([f"WALKING up the mmm of house {i}, {'x' * 60}" for i in range(3)], 300),
    "twenty": ([f"gesture {i}" for i in range(20)], 4000),
    "most": ([f"word number {i} {'w' * 80}" for i in range(128)], 16000),
    "one window": (("ok", "fault"), 1),
    "many windows": ([f"c{i}" for i in range(10)], 200_000),
}


@pytest.mark.parametrize("case", LABELS)
def test_the_page_is_legible_at_all_widths(browser: Page, tmp_path: Path, case: str) -> None:
    classes, windows = LABELS[case]
    decisions = sample_decisions(len(classes), windows)
    path = page_of(report_of_labels(decisions, classes), decisions, tmp_path)
    assert path.stat().st_size < 400_000
    assert faults(browser, path) == []


@pytest.mark.parametrize("case", LABELS)
def test_counts_are_written_where_they_fit(browser: Page, tmp_path: Path, case: str) -> None:
    classes, windows = LABELS[case]
    decisions = sample_decisions(len(classes), windows)
    path = page_of(report_of_labels(decisions, classes), decisions, tmp_path)
    narrow = case in {"four", "long", "one window"}
    for width, shown in ((1400, case != "most"), (390, narrow)):
        browser.open(path, width)
        counts = "[...document.querySelectorAll('text.cell')].filter(e => e.checkVisibility())"
        assert (browser.run(f"{counts}.length") > 0) is shown
        # A count lies within its cell.
        wide = browser.run(
            "document.querySelector('#confusion-integer .drawing').getBoundingClientRect().width"
        )
        widest = browser.run(f"Math.max(0, ...{counts}.map(e => e.getBBox().width))")
        assert widest <= wide / len(classes)


def test_a_page_of_most_labels_without_any_structure_is_small() -> None:
    noise = np.random.default_rng(5)
    decisions = sample_decisions(128, 20_000)
    for name in ("float", "integer"):
        decisions[name] = np.stack([noise.integers(0, 128, 20_000), noise.random(20_000)], axis=1)
    check_frame(render_html(report_of_labels(decisions, list(map(str, range(128)))), decisions))


@pytest.mark.parametrize("script", [True, False])
def test_the_matrix_of_the_float_model_is_shown_on_demand(
    browser: Page, tmp_path: Path, *, script: bool
) -> None:
    browser.open(page_of(*few(), tmp_path), 1400, script=script)
    shown = (
        "[...document.querySelectorAll('.step .chart')].filter(e => e.checkVisibility())"
        ".map(e => e.id)"
    )
    assert browser.run(shown) == ["confusion-integer"]
    browser.run("document.querySelector('label[for=step-float]').click()")
    assert browser.run(shown) == ["confusion-float"]


def light(colour: NDArray[Any]) -> float:
    """Return the relative luminance of a colour."""
    parts = np.where(colour < 0.04, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return float(parts @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("dark", [False, True])
def test_counts_stand_out_from_the_darkest_cells(
    browser: Page, tmp_path: Path, *, dark: bool
) -> None:
    browser.open(page_of(*few(), tmp_path), 1400, dark=dark)
    style = "getComputedStyle(document.querySelector('{}')).{}"

    def colour(of: str, name: str) -> NDArray[Any]:
        found = re.findall(r"[\d.]+", browser.run(style.format(of, name)))
        return np.array(found[:3], float) / 255

    card, text = colour("section", "backgroundColor"), colour("text.cell", "fill")
    for cell in ("path.cell.right", "path.cell.wrong"):
        opacity = float(browser.run(style.format(cell, "opacity")))
        both = (light(text), light(opacity * colour(cell, "fill") + (1 - opacity) * card))
        assert (max(both) + 0.05) / (min(both) + 0.05) >= 4.5


def test_the_pointer_reads_time_and_margin(browser: Page, tmp_path: Path) -> None:
    decisions = sample_decisions()
    browser.open(page_of(report_of_labels(decisions), decisions, tmp_path), 1400)
    drawing = "document.querySelector('#{} .drawing').getBoundingClientRect()"
    box = f"(b => [b.left, b.top, b.width])({drawing})"
    (left, top, wide), labels = (browser.run(box.format(each)) for each in ("margin", "labels"))
    assert labels[0] == left and labels[2] == wide  # one below the other
    row = decisions["row"]
    at = (row[100] - row[0]) / (row[239] - row[0])
    browser.move(left + at * wide, top + 50)
    read = browser.run("[...document.querySelectorAll('#margin output')].map(e => e.textContent)")
    assert float(read[0]) == pytest.approx(decisions["integer"][100, 1], abs=0.01)
    moment = decisions["time"][100].astype("datetime64[ns]").astype("datetime64[s]")
    assert read[-1] == str(moment).replace("T", " ")
    assert browser.errors == []
