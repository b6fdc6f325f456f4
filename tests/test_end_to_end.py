"""The whole chain on real data, with few epochs: all but the accuracy must be as promised."""

import re
from pathlib import Path

import pytest

from narrowcast import load_config, pipeline

EXAMPLES = Path(__file__).parent.parent / "examples"
AIRU = "airu/airu.csv"
PEMS = "pems_d11_speed/speed_pems4w_layout_observed83.csv"


def page_of(out: Path) -> str:
    return (out / "report.html").read_text()


@pytest.mark.long  # in every run, test_boards.py builds for another device
@pytest.mark.parametrize(
    ("example", "file", "overrides", "windows", "most_cycles"),
    [
        ("airu", AIRU, ["data.window=12", "model.channels=8", "quantization.bits=4"], 869, 1000),
        (
            "pems",
            PEMS,
            [
                *("data.window=10", "model.channels=12", "model.heads=3", "quantization.bits=3"),
                *("quantization.activation_bits=3", "quantization.input_bits=8"),
            ],
            1142,
            None,
        ),
    ],
)
def test_build(
    tmp_path: Path,
    real_data: Path,
    example: str,
    file: str,
    overrides: list[str],
    windows: int,
    most_cycles: int | None,
) -> None:
    quick = ["train.epochs=1", "train.finetune_epochs=1"]
    config = load_config(EXAMPLES / f"{example}.toml", overrides + quick, real_data / file)
    report = pipeline.build(config, tmp_path)
    checked = report.verification
    assert checked.verilator.windows == windows
    assert checked.verilator.mismatches == checked.ghdl.mismatches == 0
    assert checked.ghdl.windows >= 2
    assert report.cycles.predicted == report.cycles.simulated
    if most_cycles is not None:
        assert report.cycles.simulated <= most_cycles
    used, guess = report.synthesis, report.estimate
    assert used.fits
    assert used.dsp == guess.dsp and used.bram36 == guess.blocks / 2
    assert guess.lut == pytest.approx(used.lut, rel=guess.lut_error)
    assert guess.ff == pytest.approx(used.ff, rel=guess.ff_error)
    assert report.accuracy.test["qat"] == report.accuracy.test["integer"]
    outside = re.search(r"<(script|link|img)[^>]{0,200}(src|href)=", page_of(tmp_path))
    assert outside is None
