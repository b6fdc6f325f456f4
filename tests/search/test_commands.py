"""The two commands, and their mistakes."""

import sys
from pathlib import Path

import pytest

from narrowcast import cli


def call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["narrowcast", *arguments])
    with pytest.raises(SystemExit) as exit_:
        cli.main()
    captured = capsys.readouterr()
    return int(exit_.value.code or 0), captured.out, captured.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--minimise", "error,enrgy"], "did you mean 'energy_uj'?"),
        (["--device", "xc7s16"], "unknown device 'xc7s16'"),
        (["--budget", "soon"], "--budget 'soon'"),
        (["--vary", "chanels=4"], "did you mean 'channels'?"),
        (["--resume"], "there is no search to resume"),
        (["--max", "lut=1"], "--max lut=1 is missed by"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(
    config_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    out = tmp_path / "out"
    code, _, errors = call(
        monkeypatch, capsys, "search", str(config_file), "--out", str(out), *arguments
    )
    assert code == 2 and message in errors and errors.count("\n") == 1
    assert not out.exists()


def test_fit_says_how_to_build(
    config_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    code, printed, _ = call(
        monkeypatch, capsys, "fit", str(config_file), "--out", str(out), "--device", "xc7s25"
    )
    assert code == 0 and "it fits xc7s25 as it is" in printed
    assert f"{out / 'fit.toml'}" in printed and (out / "fit.toml").exists()
