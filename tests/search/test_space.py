from pathlib import Path

import optuna
import pytest

from narrowcast.compile import HardwareOptions, most_lanes
from narrowcast.compile.compilation import Compilation
from narrowcast.compile.program import engine_graph
from narrowcast.compile.select import arrays
from narrowcast.config import load_config, quantised_names, shape_of, to_toml
from narrowcast.errors import UserError
from narrowcast.estimate import stand_in
from narrowcast.integer.analysis import analyse
from narrowcast.search.space import SHAPE, Space, parse_sizes, shape_name
from narrowcast.targets.device import load_device

DEVICE = load_device("xc7s15")


def test_a_point_survives_its_file(config_file: Path, tmp_path: Path) -> None:
    config = load_config(config_file)
    space = Space.of(config, DEVICE, {})
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3)).ask()
    point = space.suggest(trial)
    assert space.point(trial.params) == point
    (tmp_path / "front").mkdir()
    path = tmp_path / "front" / "point.toml"
    path.write_text(to_toml(point, path.parent))
    read = load_config(path)
    assert read.data.path is not None and read.data.path.samefile(tmp_path / "readings.csv")
    assert read.model_copy(update={"data": point.data}) == point


def test_a_point_behind_a_symlink_finds_its_data(config_file: Path, tmp_path: Path) -> None:
    (tmp_path / "far" / "away").mkdir(parents=True)
    (tmp_path / "out").symlink_to(tmp_path / "far" / "away")
    path = tmp_path / "out" / "point.toml"
    path.write_text(to_toml(load_config(config_file), path.parent))
    read = load_config(path)
    assert read.data.path is not None and read.data.path.samefile(tmp_path / "readings.csv")


def test_what_the_configuration_chooses_is_kept(config_file: Path) -> None:
    config = load_config(config_file, ["hardware.ways=1", "hardware.storage.keys=block"])
    space = Space.of(config, DEVICE, {})
    assert "ways" not in space.hardware and "storage.keys" not in space.hardware
    point = space.point(space.uniform()[0][0])
    assert (point.hardware.ways, point.hardware.storage.keys) == (1, "block")


@pytest.mark.parametrize("name", ["hx8k", "up5k", "ecp5-25f", "xc7s6", "gw1nr-9"])
def test_lanes_are_those_that_the_compiler_may_choose(config_file: Path, name: str) -> None:
    device, lanes = load_device(name), []
    for bits in (2, 8):
        config = load_config(config_file, [f"quantization.bits={bits}", "model.channels=32"])
        graph = engine_graph(analyse(stand_in(config, wide=False)))
        compilation = Compilation(graph, device)
        lanes += [each.lanes for each in arrays(compilation, HardwareOptions())]
        stated = arrays(compilation, HardwareOptions(lanes=16))
        assert {each.lanes for each in stated} == {16}
    assert max(lanes) <= most_lanes(device)
    searched = Space.of(load_config(config_file), device, {}).hardware["lanes"]
    assert searched == ("auto", *(n for n in (4, 8, 16, 24, 32, 48, 64) if n <= most_lanes(device)))
    assert searched[-1] >= min(64, max(lanes))  # also where look-up tables make them


def test_sizes_that_contradict_each_other_are_left_out(config_file: Path) -> None:
    config = load_config(config_file)
    sizes = parse_sizes(["model.channels=4,6", "heads=1,4"])
    space = Space.of(config, DEVICE, sizes)
    assert list(space.shapes) == ["n3-d4-l1-h1-f16", "n3-d4-l1-h4-f16", "n3-d6-l1-h1-f24"]
    assert list(space.impossible) == ["channels=6, heads=4"]
    with pytest.raises(UserError, match="no combination"):
        Space.of(config, DEVICE, parse_sizes(["channels=6", "heads=4"]))
    with pytest.raises(
        UserError, match=r"model\.channels = 4097 is not allowed: it must be a whole"
    ):
        Space.of(config, DEVICE, parse_sizes(["channels=4097"]))
    with pytest.raises(UserError, match="100000 combinations of sizes, but at most 100 are"):
        many = ",".join(map(str, range(1, 101)))
        sizes = [f"channels={many}", f"window={many}", "layers=1,2,3,4,5,6,7,8,9,10"]
        Space.of(config, DEVICE, parse_sizes(sizes))
    assert parse_sizes(["channels=16", "model.channels=32,16"]) == {"channels": [16, 32]}
    for text in ("chanels=4", "channels=", "channels=a", "channels=0,4", "layers=-1", "kind=flow"):
        with pytest.raises(UserError, match="--vary"):
            parse_sizes([text])


def test_windows_and_streams_are_searched_together(config_file: Path) -> None:
    config = load_config(config_file)
    assert parse_sizes(["kind=stream", "kind=window"]) == {"kind": ["window", "stream"]}
    space = Space.of(config, DEVICE, parse_sizes(["kind=window,stream", "channels=4"]))
    assert list(space.shapes) == ["n3-d4-l1-h4-f16", "stream-n3-d4-l1-h4-f16"]
    for parameters, _ in space.uniform():
        point = space.point(parameters)
        assert shape_name(point) == parameters[SHAPE]
        assert (point.model.kind == "stream") == parameters[SHAPE].startswith("stream")
    space = Space.of(config, DEVICE, parse_sizes(["kind=window,stream", "window=1,2"]))
    assert list(space.impossible) == ["kind=window, window=1", "kind=stream, window=1"]


def test_samples_are_the_same_for_the_same_seed(config_file: Path) -> None:
    space = Space.of(load_config(config_file), DEVICE, {"layers": [1, 2]})
    assert space.samples(1, 5) == space.samples(1, 5) != space.samples(2, 5)
    for parameters in space.samples(0, 20):
        point = space.point(parameters)
        assert shape_name(point) == parameters[SHAPE]
        assert set(space.distributions(parameters)) == set(parameters)
        widths = point.quantization.widths(shape_of(point))
        assert widths == {n: parameters[n] for n in quantised_names(shape_of(point))}
