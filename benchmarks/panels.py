"""Measures models of many series beside simple forecasts and gradient boosted trees.

For each panel and seed, one float model is trained by the example's settings, then quantised with
each width. RMSSE and MASE are means over the series; all errors are those of the test part. What is
done already is read from the output folder. Prints a table and writes ``panels.json``::

    python benchmarks/panels.py --data FOLDER --out DIR [--panels walmart tourism] [--seeds 5]
"""

import argparse
import json
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import boosting
from narrowcast.config import Config, load_config
from narrowcast.data import Members, Part, Table
from narrowcast.data.parts import parts_of_rows
from narrowcast.files import write_whole
from narrowcast.training_records import BASELINES, PANEL_BASELINES, Errors

EXAMPLES = Path(__file__).parent.parent / "examples"
MEASURES = ("rmsse", "mase", "rmse", "mae")
SIMPLE = (*BASELINES, *PANEL_BASELINES, "lightgbm")

Result = dict[str, Any]


def beijing(data: Path) -> pd.DataFrame:
    """Return the hourly air quality of all stations with local time stamps."""
    files = sorted(data.glob("beijing/PRSA_Data_*.csv.gz"))
    frame = pd.concat([pd.read_csv(each) for each in files], ignore_index=True)
    time = pd.to_datetime(frame[["year", "month", "day", "hour"]])
    return frame.drop(columns=["No", "year", "month", "day", "hour"]).assign(time=time)


@dataclass(frozen=True)
class Panel:
    """A panel.

    Attributes:
        example: Name of its configuration.
        data: A file in the folder of the data sets, or what makes the table from that folder.
        settings: Other settings than those of the configuration.
    """

    example: str
    data: str | Callable[[Path], pd.DataFrame]
    settings: tuple[str, ...] = ()

    def config(self, data: Path, out: Path, *settings: str) -> Config:
        """Return the configuration; a table that is made is written to ``out``."""
        if isinstance(self.data, str):
            path = data / self.data
        else:
            path = out / f"{self.example}.parquet"
            if not path.is_file():
                self.data(data).to_parquet(path)
        return load_config(EXAMPLES / f"{self.example}.toml", (*self.settings, *settings), path)


PANELS = {
    "walmart": Panel("walmart", "walmart/weekly_sales_wide.csv"),
    "uci_sales": Panel("uci_sales", "uci_weekly_sales/weekly_units_wide.csv"),
    "tourism": Panel("tourism", "australia_tourism/trips_wide.csv.gz"),
    "pems": Panel("pems_panel", "pems_d11_speed/speed_pems4w_layout_observed83.csv"),
    "beijing": Panel("beijing_panel", beijing),
}


def simple(panel: Panel, data: Path, out: Path) -> Result:
    """Return the errors of the simple forecasts, and of LightGBM if it is there."""
    from narrowcast.data import baselines, make_windows, read_table  # noqa: PLC0415

    config = panel.config(data, out)
    table = read_table(config.data)
    dataset = make_windows(table, config.data)
    found: dict[str, Errors | None] = dict(baselines(dataset, table, config.data))
    if boosting.why_not() is None:
        found["lightgbm"] = boosting.lightgbm_errors(dataset, config.data)["test"]
    return {name: each and _measures(each) for name, each in found.items()}


def learnt(panel: Panel, seed: int, widths: list[int], data: Path, out: Path) -> Result:
    """Return the errors of a model, in floating point and with each width."""
    import torch  # noqa: PLC0415

    from narrowcast.data import make_windows, read_table  # noqa: PLC0415
    from narrowcast.integer import forecast  # noqa: PLC0415
    from narrowcast.model import learn  # noqa: PLC0415
    from narrowcast.quantize import finetune, to_integer_model  # noqa: PLC0415

    torch.set_num_threads(1)
    config = panel.config(data, out, f"train.seed={seed}")
    table = read_table(config.data)
    dataset = make_windows(table, config.data, config.stream)
    found = learn(dataset, table, config)
    scores = found.scores
    assert isinstance(scores, Errors)
    result = {"float": _measures(scores)}
    for bits in widths:
        narrow = panel.config(data, out, f"train.seed={seed}", f"quantization.bits={bits}")
        quantised, _ = finetune(found.model, found.dataset, narrow)
        model, test = to_integer_model(quantised, found.dataset, narrow.data), found.dataset.test
        results = forecast(model, test.inputs, *test.further, restart=test.restart)
        scores = found.dataset.scores(test.of_targets(results), test)
        assert isinstance(scores, Errors)
        result[str(bits)] = _measures(scores)
    return result


def as_tokens(panel: Panel, seed: int, widths: list[int], data: Path, out: Path) -> Result:
    """Return the errors of a model whose tokens are the series, on the same test targets."""
    import torch  # noqa: PLC0415

    from narrowcast.data import errors, make_windows, read_table  # noqa: PLC0415
    from narrowcast.data.targets import Targets  # noqa: PLC0415
    from narrowcast.integer import forecast  # noqa: PLC0415
    from narrowcast.model import learn, predict_part  # noqa: PLC0415
    from narrowcast.quantize import finetune, to_integer_model  # noqa: PLC0415

    torch.set_num_threads(1)
    table = read_table(panel.config(data, out).data)
    assert table.panel is not None
    config = _tokens_config(panel, table, seed, data, out)
    wide = read_table(config.data)
    dataset = make_windows(wide, config.data, series=True)
    found = learn(dataset, wide, config)
    test, members = found.dataset.test, _members(found.dataset.test, table)
    single = Targets.single(config.data.outputs)

    def measures(forecasts: Any) -> dict[str, float]:
        """Return the errors of forecasts [windows, series * steps] as those of a panel."""
        long = [x.reshape(-1, config.data.outputs) for x in (forecasts, test.target)]
        level, spread = (
            each[members.number][:, None] for each in (members.panel.level, members.panel.spread)
        )
        prediction, truth = ((x - level) / spread for x in long)
        return _measures(errors(prediction, truth, single, members))

    result = {"float": measures(predict_part(found.model, test, found.dataset))}
    for bits in widths:
        quantization = config.quantization.model_copy(update={"bits": bits})
        narrow = config.model_copy(update={"quantization": quantization})
        quantised, _ = finetune(found.model, found.dataset, narrow)
        model = to_integer_model(quantised, found.dataset, narrow.data)
        result[str(bits)] = measures(forecast(model, test.inputs, *test.further))
    return result


def _tokens_config(panel: Panel, table: Table, seed: int, data: Path, out: Path) -> Config:
    """Return the configuration with the series as columns, and with the same targets in each part.

    A window of a single table belongs to the part of its first row; one of a panel to that of its
    targets. So the parts begin so many rows earlier.
    """
    config = panel.config(data, out, f"train.seed={seed}")
    parts = parts_of_rows(table, config.data.split)[table.series_of_rows == 0]
    before = config.data.window + config.data.lead - 1
    tested, validated = (int((parts < part).sum()) - before for part in (2, 1))
    split = {"test": 1 - tested / len(parts), "validation": 1 - validated / tested}
    plain = config.model_dump(mode="json", exclude={"data", "model"})
    kept = {"path", "layout", "time", "window", "lead", "outputs", "calendar", "missing"}
    names = list(table.series)
    return Config.model_validate(
        {
            **plain,
            "data": {
                **config.data.model_dump(include=kept),
                **{"inputs": names, "target": names, "relative_inputs": names, "split": split},
            },
            "model": {"tokens": "series", "channels": config.model.channels},
        }
    )


def _members(part: Part, table: Table) -> Members:
    """Return the series of each window of a part and series, window by window."""
    assert table.panel is not None
    return Members(table.panel, np.tile(np.arange(len(table.series)), len(part)))


def _measures(found: Errors) -> dict[str, float]:
    return {name: getattr(found, name) for name in MEASURES}


def kept(path: Path, make: Callable[[], Result]) -> Result:
    """Return what is in a file, which is made if it is not there."""
    if not path.is_file():
        write_whole(path, json.dumps(make(), indent=1) + "\n")
    result: Result = json.loads(path.read_bytes())
    return result


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--panels", nargs="+", choices=PANELS, default=list(PANELS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--bits", type=int, nargs="*", default=[8, 4])
    parser.add_argument("--tokens", action="store_true", help="also with series as tokens")
    parser.add_argument("--set", nargs="*", default=[], help="further settings of all panels")
    arguments = parser.parse_args()
    data, out, widths = arguments.data, arguments.out, arguments.bits
    out.mkdir(parents=True, exist_ok=True)
    lines = []
    for name in arguments.panels:
        panel = PANELS[name]
        panel = Panel(panel.example, panel.data, (*panel.settings, *arguments.set))
        others = kept(out / f"{name}-simple.json", lambda p=panel: simple(p, data, out))  # type: ignore[misc]
        runs = []
        tokens = []
        if arguments.tokens:
            tokens = [
                kept(
                    out / f"{name}-tokens-seed{seed}.json",
                    lambda p=panel, s=seed: as_tokens(p, s, widths, data, out),  # type: ignore[misc]
                )
                for seed in range(arguments.seeds)
            ]
        for seed in range(arguments.seeds):
            runs.append(
                kept(
                    out / f"{name}-seed{seed}.json",
                    lambda p=panel, s=seed: learnt(p, s, widths, data, out),  # type: ignore[misc]
                )
            )
            print(f"{name}, seed {seed}: RMSSE {runs[-1]['float']['rmsse']:.4f}", flush=True)
        rows = {key: [others[key]] for key in SIMPLE if others.get(key)}
        rows |= {key: [run[key] for run in runs] for key in ("float", *map(str, widths))}
        rows |= {
            f"tokens, {key}": [run[key] for run in tokens]
            for key in ("float", *map(str, widths))
            if tokens
        }
        for way, every in rows.items():
            line: Result = {"panel": name, "way": way, "seeds": len(every)}
            for measure in MEASURES:
                values = [each[measure] for each in every]
                line[measure] = statistics.mean(values)
                line[f"{measure}_deviation"] = statistics.stdev(values) if len(values) > 1 else 0.0
            lines.append(line)
    write_whole(out / "panels.json", json.dumps(lines, indent=1) + "\n")
    print("| panel | forecast | RMSSE | MASE | RMSE | MAE |\n| --- | --- | --- | --- | --- | --- |")
    for line in lines:
        numbers = []
        for measure in MEASURES:
            spread = f" ± {line[f'{measure}_deviation']:.2g}" if line["seeds"] > 1 else ""
            numbers.append(f"{line[measure]:.4g}{spread}")
        print(f"| {line['panel']} | {line['way']} | {' | '.join(numbers)} |")


if __name__ == "__main__":
    main()
