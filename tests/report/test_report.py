import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from report_sample import (
    TRAINING,
    placed_report,
    report_of_labels,
    report_of_steps,
    sample_decisions,
    sample_report,
)

from narrowcast.records import read_record, to_json, write_record
from narrowcast.report import Report
from narrowcast.training_records import BASELINES, Errors, beaten_by

# Objects with keys of the user's or of a tool's.
FREE = {"missing", "lost", "seconds", "budget", "inputs", "by_class"}


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


def several_steps() -> Report:
    return report_of_steps(3, 960)


def labels() -> Report:
    return report_of_labels(sample_decisions())


@pytest.mark.parametrize("report", [sample_report, placed_report, several_steps, labels])
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
    assert plain["history"]["float"] == {
        "loss": [1.0, 0.5],
        "validation_error": [0.9, 0.6],
        "best": 1,
    }
    assert plain["configuration"].startswith("[data]\n")
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


@pytest.mark.parametrize("report", [sample_report, placed_report, several_steps, labels])
def test_a_report_is_read_back_as_it_was(tmp_path: Path, report: Any) -> None:
    written = report()
    write_record(tmp_path / "report.json", written)
    assert read_record(tmp_path / "report.json", Report) == written


def test_every_forecaster_has_an_entry() -> None:
    training = replace(TRAINING, test={"float": Errors(1.0, 1.0), "persistence": None})
    test = sample_report(training=training).accuracy.test
    assert test["persistence"] is None and test["qat"] is not None
    assert list(test) == ["float", "qat", "integer", "persistence"]


def test_measured_toggle_rates_scale_the_energy() -> None:
    report = sample_report()
    activity, nominal = report.activity, report.estimate.energy
    assert activity is not None
    assert activity.factors.lanes == pytest.approx(0.35 / 0.32)
    assert activity.energy.lanes_uj == pytest.approx(nominal.lanes_uj * activity.factors.lanes)
    assert activity.energy_uj == activity.energy.inference_uj
