import json
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from narrowcast.config import Config, Monitors, Stream, load_config, shape_of
from narrowcast.errors import UserError
from narrowcast.integer import Calendar
from narrowcast.integer.builder import Shape

DATA = """
[data]
path = "readings.csv"
time = ""
inputs = ["a", "b"]
target = "c"
window = 6
lead = 0
"""
EXAMPLES = Path(__file__).parents[2] / "examples"


def load(tmp_path: Path, text: str, *overrides: str, data: Path | None = None) -> Config:
    (tmp_path / "run.toml").write_text(text, encoding="utf-8")
    return load_config(tmp_path / "run.toml", overrides, data)


def complaint(tmp_path: Path, text: str, *overrides: str) -> str:
    with pytest.raises(UserError) as caught:
        load(tmp_path, text, *overrides)
    message = str(caught.value)
    assert "\n" not in message
    assert "pydantic" not in message and "type=" not in message
    return message.removeprefix(str(tmp_path / "run.toml") + ": ")


def test_defaults(tmp_path: Path) -> None:
    config = load(tmp_path, DATA)
    assert config.data.path == tmp_path / "readings.csv"
    assert config.data.time == ""
    assert (config.data.split.validation, config.data.split.test) == (0.15, 0.2)
    assert config.model.ffn_channels == 4 * config.model.channels == 128
    assert config.hardware.lanes == "auto"


def test_ffn_channels_follow_channels(tmp_path: Path) -> None:
    assert load(tmp_path, DATA, "model.channels=12").model.ffn_channels == 48
    chosen = load(tmp_path, DATA, "model.channels=12", "model.ffn_channels=5")
    assert chosen.model.ffn_channels == 5


def test_bits_by_step_and_tensor(tmp_path: Path) -> None:
    table = '\n[quantization.bits]\n"layers.*.weight" = 3\nembed.weight = 8\ndefault = 4\n'
    config = load(tmp_path, DATA + table)
    assert config.quantization.bits == {"layers.*.weight": 3, "embed.weight": 8, "default": 4}
    widths = config.quantization.widths(Shape(1, 1, 1))
    assert (widths["layers.0.key.weight"], widths["layers.0.key.activation"]) == (3, 6)
    assert (widths["embed.weight"], widths["head.weight"]) == (8, 4)
    assert set(load(tmp_path, DATA).quantization.widths(Shape(1, 1, 1, layers=2)).values()) == {8}
    assert (
        load(tmp_path, DATA, "quantization.bits.head.weight=5").quantization.widths(Shape(1, 1, 1))[
            "head.weight"
        ]
        == 5
    )
    everything = load(tmp_path, DATA, 'quantization.bits={"embed.*" = 5, "*" = 3, default = 6}')
    widths = everything.quantization.widths(Shape(1, 1, 1))
    assert (widths["embed.activation"], widths["head.weight"]) == (5, 3)
    plain = config.model_dump(mode="json")["quantization"]["bits"]
    assert json.loads(json.dumps(plain))[0] == ["layers.*.weight", 3]
    message = complaint(tmp_path, DATA + table, "quantization.bits.embed.wieght=4")
    assert "there is no 'embed.wieght' (did you mean 'embed.weight'?)" in message
    assert "it may have default, embed.*, layers.0.key.*, layers.0.query.*" in message
    assert "there is no 'layers.1.*'" in complaint(
        tmp_path, DATA + '[quantization.bits]\n"layers.1.*" = 4'
    )
    assert "from 2 to 8" in complaint(tmp_path, DATA, "quantization.bits.embed.weight=9")


@pytest.mark.parametrize(
    ("settings", "keys", "values", "weights"),
    [
        (("bits=4",), 6, 6, 4),
        (("bits=7",), 7, 7, 7),
        (("bits=4", "attention_bits=3"), 4, 4, 4),
        (("bits=2", "attention_bits=3"), 3, 3, 2),
        (('bits={"layers.*.key.activation" = 2, default = 3}',), 2, 6, 3),
        (('bits={"*" = 3}',), 3, 3, 3),
    ],
)
def test_keys_and_values_have_bits_enough(
    tmp_path: Path, settings: tuple[str, ...], keys: int, values: int, weights: int
) -> None:
    config = load(tmp_path, DATA, *(f"quantization.{each}" for each in settings))
    widths = config.quantization.widths(Shape(1, 1, 1))
    found = [widths[f"layers.0.{name}"] for name in ("key.activation", "value.activation")]
    assert (*found, widths["layers.0.value.weight"]) == (keys, values, weights)


def test_several_targets(tmp_path: Path) -> None:
    both = ('data.inputs=["a", "c"]', "data.lead=1", 'data.target=["c", "a"]')
    config = load(tmp_path, DATA, *both, "data.outputs=3", "data.seasons=[5]")
    assert config.data.targets == ("c", "a") and config.relative_columns == (1, 0)
    shape = shape_of(config)
    assert (shape.targets, shape.outputs) == (2, 3)
    assert shape.further == {"seasons_0": 3, "seasons_1": 3}
    assert load(tmp_path, DATA, 'data.target=["c"]') == load(tmp_path, DATA)
    assert load(tmp_path, DATA, 'data.target=["c", "a"]', "data.inputs=['b']").data.used == (
        *("b", "c", "a"),
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (('data.target=["c", "c"]',), "data.target"),
        (("data.target=[]",), "data.target"),
        (('data.inputs=["a"]', "data.lead=0"), "with lead = 0 the target 'a' must not be among"),
        (('data.known=["a"]', 'data.inputs=["b"]'), "known names the target 'a'"),
        (
            ('data.inputs=["a", "c"]', "data.lead=1", 'data.relative_inputs=["a"]'),
            "relative_inputs names the target 'a', but not the target 'c': name all targets there",
        ),
        (('data.inputs=["c"]', "data.lead=1", "model.relative=true"), "needs the target 'a' among"),
        (('data.inputs=["c"]', "data.lead=1", "data.seasons=[3]"), "the target 'a', which is not"),
    ],
)
def test_several_targets_that_do_not_fit_together(
    tmp_path: Path, settings: tuple[str, ...], message: str
) -> None:
    found = complaint(tmp_path, DATA, 'data.target=["c", "a"]', *settings)
    assert message in found and "\n" not in found


def test_quantiles(tmp_path: Path) -> None:
    config = load(tmp_path, DATA, "model.quantiles=[0.1, 0.5, 0.9]", "data.outputs=4")
    assert (shape_of(config).quantiles, shape_of(config).forecasts) == (3, 12)
    for given in ("[0.5, 0.1]", "[0.5, 0.5]", "[0, 0.5]", "[0.5, 1]", "[0.5, nan]", "0.5"):
        message = complaint(tmp_path, DATA, f"model.quantiles={given}")
        assert "model.quantiles" in message and "between 0 and 1 in ascending order" in message
    assert "quantiles has no 0.5" in complaint(tmp_path, DATA, "model.quantiles=[0.1, 0.9]")
    assert "train.loss = 'mae' does not apply" in complaint(
        tmp_path, DATA, "model.quantiles=[0.5]", "train.loss=mae"
    )


def test_a_forecast_is_relative_where_the_target_is_known(tmp_path: Path) -> None:
    known = ('data.inputs=["a", "c"]', "data.lead=1")
    assert load(tmp_path, DATA).relative_columns == ()
    assert load(tmp_path, DATA, *known).relative_columns == (1,)
    assert load(tmp_path, DATA, *known, "model.relative=false").relative_columns == ()
    message = complaint(tmp_path, DATA, "model.relative=true")
    assert message == (
        "model.relative = true needs the target 'c' among the inputs: add it there, "
        "or leave out relative"
    )


@pytest.mark.parametrize(
    ("override", "section", "key", "value"),
    [
        ("hardware.device=xc7s25", "hardware", "device", "xc7s25"),
        ('hardware.device="xc7s25"', "hardware", "device", "xc7s25"),
        ("hardware.lanes=4", "hardware", "lanes", 4),
        ("hardware.lanes=auto", "hardware", "lanes", "auto"),
        ("hardware.clock_mhz = 50", "hardware", "clock_mhz", 50.0),
        ("train.learning_rate=1e-2", "train", "learning_rate", 0.01),
        ('data.inputs=["x"]', "data", "inputs", ["x"]),
        ("data.inputs=[0, 1]", "data", "inputs", ["0", "1"]),
        ("data.time=", "data", "time", ""),
        ("data.target=1\nx=2", "data", "target", "1\nx=2"),
    ],
)
def test_override(tmp_path: Path, override: str, section: str, key: str, value: object) -> None:
    config = load(tmp_path, DATA, override)
    assert getattr(getattr(config, section), key) == value


def test_a_key_with_dots_of_its_own_is_quoted_in_an_override(tmp_path: Path) -> None:
    bits = ('quantization.bits."embed.weight"=3', "quantization.bits.default=5")
    widths = load(tmp_path, DATA, *bits).quantization.widths(Shape(1, 1, 1))
    assert widths["embed.weight"] == 3 and widths["head.weight"] == 5


def test_later_override_wins_and_creates_sections(tmp_path: Path) -> None:
    config = load(tmp_path, DATA, "hardware.storage.keys=block", "hardware.storage.keys=auto")
    assert config.hardware.storage.keys == "auto"
    config = load(tmp_path, DATA, "hardware.storage.weights=spram")
    assert config.hardware.choices()["storage"]["weights"] == "spram"
    with pytest.raises(UserError, match=r"hardware\.storage\.keys = 'spram' is not allowed"):
        load(tmp_path, DATA, "hardware.storage.keys=spram")


def test_relative_inputs_are_inputs_and_settle_the_forecast_of_a_change(tmp_path: Path) -> None:
    known = ('data.inputs=["a","c"]', "data.lead=1", 'data.relative_inputs=["c"]')
    assert load(tmp_path, DATA, *known).relative_columns == ()
    assert "names 'x', which is not among the inputs" in complaint(
        tmp_path, DATA, *known[:2], 'data.relative_inputs=["x"]'
    )
    assert "names the target, so the change is forecast" in complaint(
        tmp_path, DATA, *known, "model.relative=false"
    )
    assert "data.relative_inputs" in complaint(
        tmp_path, DATA, *known[:2], 'data.relative_inputs=["c","c"]'
    )


def test_calendar(tmp_path: Path) -> None:
    data = load(tmp_path, DATA, 'data.calendar=["hour","month"]').data
    assert data.clock == Calendar(("hour", "month"), "UTC")
    assert data.columns[len(data.inputs) :] == data.clock.columns
    assert load(tmp_path, DATA).data.clock is None
    zone = 'data.timezone="Asia/Tokyo"'
    clock = load(tmp_path, DATA, zone, 'data.calendar=["weekday"]').data.clock
    assert clock == Calendar(("weekday",), "Asia/Tokyo")
    assert "calendar needs the name of the time column" in complaint(
        tmp_path, DATA.replace('time = ""', ""), 'data.calendar=["hour"]'
    )
    for wrong in ('["hours"]', '["hour","hour"]', '"hour"'):
        assert "must be a list of 'hour', 'weekday' and 'month', each named once" in complaint(
            tmp_path, DATA, f"data.calendar={wrong}"
        )


def test_resampling(tmp_path: Path) -> None:
    data = load(tmp_path, DATA, "data.resample=10min", 'data.resample_by={a="sum"}').data
    assert [data.resampling(name) for name in ("a", "y")] == ["sum", "mean"]
    dotted = 'data.inputs=["PM2.5"]', "data.resample=1h", "data.resample_by={PM2.5='max'}"
    assert load(tmp_path, DATA, *dotted).data.resampling("PM2.5") == "max"
    data = load(tmp_path, DATA, "data.resample=1D", "data.resample_by=last").data
    assert data.resampling("a") == "last"
    assert "data.resample = 'daily' is not allowed: it must be a period such as" in complaint(
        tmp_path, DATA, "data.resample=daily"
    )
    for wrong, reason in {
        "first": "data.resample_by = 'first' is not allowed: it must be 'mean', 'sum', 'last', "
        "'min' or 'max', or a table of such by column",
        '{a="first"}': "data.resample_by: 'a' = 'first' is not allowed: it must be 'mean', "
        "'sum', 'last', 'min' or 'max'",
    }.items():
        assert reason in complaint(
            tmp_path, DATA, "data.resample=10min", f"data.resample_by={wrong}"
        )


@pytest.mark.parametrize("missing", ["hold", "mask", "interpolate"])
def test_the_longest_hole(tmp_path: Path, missing: str) -> None:
    data = load(tmp_path, DATA, f"data.missing={missing}", "data.longest_hole=6h").data
    assert (data.missing, data.longest_hole) == (missing, "6h")
    assert "longest_hole needs missing = 'hold', 'mask' or 'interpolate'" in complaint(
        tmp_path, DATA, "data.longest_hole=6h"
    )


def test_data_argument_wins_and_is_relative_to_the_working_directory(tmp_path: Path) -> None:
    assert load(tmp_path, DATA, data=Path("here.csv")).data.path == Path("here.csv")


@pytest.mark.parametrize("text", ["2022-01-01", '"2022-01-01"', "2022-01-01T05:00:00Z"])
def test_split_at_a_time_stamp(tmp_path: Path, text: str) -> None:
    config = load(tmp_path, DATA, f"data.split.test={text}")
    assert str(config.data.split.test).startswith("2022-01-01")


def test_serialises_to_plain_json_and_back(tmp_path: Path) -> None:
    config = load(tmp_path, DATA, "data.split.test=2022-01-01")
    plain = json.loads(json.dumps(config.model_dump(mode="json")))
    assert Config.model_validate(plain) == config


def test_is_frozen(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        load(tmp_path, DATA).data.window = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "data.inputs is missing"),
        ("data = 3", "data = 3 is not allowed: it must be a section"),
        (DATA + "[modle]\nheads = 1", "unknown key modle (did you mean 'model'?): the file may"),
        (DATA + "windw = 3", "unknown key data.windw (did you mean 'window'?): [data] may have pa"),
        (DATA.replace("window", "windw"), "unknown key data.windw (did you mean 'window'?)"),
        (DATA + "horizon = 1", "unknown key data.horizon"),
        (
            DATA + "[model]\nchannels = 0\nheads = 'x'",
            "model.channels = 0 is not allowed: it must be a whole number from 1 to 4096 "
            "(and 1 more)",
        ),
        (DATA + "[model]\nheads = 5", "[model] heads = 5 must divide channels = 32"),
        (DATA + "[model]\nheads = true", "model.heads = True is not allowed"),
        (DATA + "[quantization]\nbits = 9", "quantization.bits = 9 is not allowed: it must be a w"),
        (
            DATA + "[quantization.bits]\n'embed.weight' = 8\n'head.weight' = 9\ndefault = 4",
            "quantization.bits: 'head.weight' = 9 is not allowed: it must be a whole number from 2",
        ),
        (
            DATA + "[quantization]\nscheme = {'embed.activation' = 'both'}",
            "quantization.scheme: 'embed.activation' = 'both' is not allowed: it must",
        ),
        (
            DATA + "[quantization.bits]\nlayers.0.key.weight = 4\n'layers.*.key.weight' = 5\n"
            "layers.1.key.weight = 6",
            "quantization.bits: the order of layers.1.key.weight and 'layers.*.key.weight' is lost",
        ),
        (DATA + "[quantization]\nbits = '8'", "quantization.bits = '8' is not allowed"),
        (DATA + "[quantization]\nbits = 8.0", "quantization.bits = 8.0 is not allowed"),
        (DATA + "[hardware]\nlanes = 0", "hardware.lanes = 0 is not allowed: it must be a whole"),
        (DATA + "[hardware]\nclock_mhz = inf", "hardware.clock_mhz = inf is not allowed"),
        (DATA + "[hardware]\nclock_mhz = nan", "hardware.clock_mhz = nan is not allowed"),
        (
            DATA + "[hardware.storage]\nkeys = 'ram'",
            "hardware.storage.keys = 'ram' is not allowed: it must be 'auto', 'block' or 'distrib",
        ),
        (DATA + "[verify]\nghdl_windows = 1", "verify.ghdl_windows = 1 is not allowed"),
        (DATA + "split.test = 1.0", "data.split.test = 1.0 is not allowed: it must be a fraction"),
        (DATA + "split.test = 0", "data.split.test = 0 is not allowed"),
        (DATA + "split.test = 'soon'", "data.split.test = 'soon' is not allowed"),
        (DATA + "interval = 'hourly'", "data.interval = 'hourly' is not allowed"),
        (DATA + "interval = '0h'", "data.interval = '0h' is not allowed"),
        (DATA + "scaling = 'none'", "data.scaling = 'none' is not allowed: it must be 'min-max'"),
        (DATA.replace('"a", "b"', ""), "data.inputs = [] is not allowed: it must be a list of 1 "),
        (DATA.replace('"b"', '"a"'), "data.inputs = ['a', 'a'] is not allowed"),
        (DATA.replace('"b"', "1.5"), "data.inputs = 1.5 is not allowed"),
        (
            DATA.replace('"b"', '"c"'),
            "[data] with lead = 0 the target 'c' must not be among the inputs: the window would "
            "hold the answer; take it out of inputs, or forecast with lead = 1",
        ),
        (DATA.replace('"b"', '""'), "[data] the time column '' can be neither"),
        (DATA + "layout = 'rows'", "[data] layout = 'rows' has no time stamps"),
        (
            DATA.replace('time = ""', "split.test = 2022-01-01"),
            "[data] a split at a time stamp needs",
        ),
        (DATA.replace("readings.csv", ""), "data.path = '' is not allowed"),
        ("[data", "not a valid TOML file: "),
    ],
)
def test_mistake_in_the_file(tmp_path: Path, text: str, expected: str) -> None:
    assert complaint(tmp_path, text).startswith(expected)


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("model.chanels=3", "unknown key model.chanels (did you mean 'channels'?): [model] may ha"),
        ("modle.channels=3", "unknown key modle (did you mean 'model'?)"),
        ("model.channels=many", "model.channels = 'many' is not allowed: it must be a whole numb"),
        ("model.channels", "must have the form section.key=value"),
        ("=3", "must have the form section.key=value"),
        ("model..channels=3", "must have the form section.key=value"),
        ("data.target.name=3", "'target' is not a section"),
        ("model=3", "model = 3 is not allowed: it must be a section"),
    ],
)
def test_mistake_in_an_override(tmp_path: Path, override: str, expected: str) -> None:
    assert complaint(tmp_path, DATA, override).startswith(f"override {override!r}: {expected}")


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("data.window=9223372036854775808", "must be a whole number of rows from 2 to 4096"),
        ("data.window=" + "9" * 5000, "a number has too many digits"),
        ("data.window=0x" + "f" * 5000, "must be a whole number of rows from 2 to 4096"),
        ("data.window=true", "data.window = True is not allowed"),
        ("data.lead=1000001", "from 0 to 1000000"),
        ("data.outputs=4097", "from 1 to 4096"),
        ("data.x=" + "[" * 3000, "is nested too deeply"),
        ("data." + "x." * 5000 + "x=1", "a key has too many parts"),
        ("data.path='a\x00b'", "without control characters"),
        ('data.path="a\\u0000b"', "without control characters"),
        (f"data.path={'x' * 5000}", "of at most 4096 characters"),
        ("data.path=", "data.path = '' is not allowed: it must be the path of a file"),
        (f"data.target={'x' * 1001}", "of at most 1000 characters"),
        ('data.interval="999999999999999h"', "of at most 100 years"),
        ('data.interval="0.0000001ms"', "data.interval = '0.0000001ms' is not allowed"),
        ("data.split.test=true", "data.split.test = True is not allowed"),
        ("model.heads=4097", "from 1 to 4096"),
        ("model.channels=4096", "weights, but at most 4194304 are allowed"),
        ("train.batch=99999999999999999999", "from 2 to 65536"),
        ("train.epochs=1000001", "from 1 to 1000000"),
        ("train.seed=99999999999999999999999", "must be a whole number from 0 to 2**63 - 1"),
        ("train.learning_rate=true", "train.learning_rate = True is not allowed"),
        ("hardware.lanes=99999999999", "must be a whole number from 1 to 4096, or 'auto'"),
        ("hardware.lanes=true", "hardware.lanes = True is not allowed"),
        ("hardware.ways=true", "hardware.ways = True is not allowed: it must be 1, 2 or 'auto'"),
        ("hardware.pairs=1", "hardware.pairs = 1 is not allowed"),
        ("hardware.clock_mhz=true", "hardware.clock_mhz = True is not allowed"),
        ("hardware.device=", "hardware.device = '' is not allowed"),
        ("verify.ghdl_windows=1000001", "from 2 to 1000000"),
        ("data.\x1b[31m=3", r"unknown key data.'\x1b[31m"),
        (f"data.{'x' * 100000}=3", "unknown key data.'xxxxx"),
        (f"quantization.bits.{'x' * 100000}=3", "there is no 'xxxxx"),
        (f"quantization.bits.{'x' * 100000}=9", "'xxxxx"),
    ],
)
def test_values_without_limit_are_refused(tmp_path: Path, override: str, expected: str) -> None:
    message = complaint(tmp_path, DATA.replace('time = ""', ""), override)
    assert expected in message
    assert message.isprintable() and len(message) < 400


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = " + "[" * 3000 + "]" * 3000, "is nested too deeply"),
        ("x = " + "{a = " * 3000 + "1" + "}" * 3000, "is nested too deeply"),
        ("window = " + "9" * 5000, "a number has too many digits"),
        ("x" * (1 << 20) + " = 1", "it has more than 1048576 bytes"),
        ("x" * 900_000 + " = 1", "unknown key 'xxxx"),
        ("'x'." * 5000 + "x = 1", "a key has too many parts"),
        (
            "".join(f"x{i} = 1\n" for i in range(20_000)),
            "unknown key x0: the file may have task",
        ),
        ('"\\u001b[2J" = 1', r"unknown key '\x1b[2J': the file may have"),
    ],
)
def test_files_without_limit_are_refused(tmp_path: Path, text: str, expected: str) -> None:
    message = complaint(tmp_path, f"{text}\n{DATA}")
    assert expected in message
    assert message.isprintable() and len(message) < 400


def test_long_names_of_unknown_keys_leave_room_for_those_that_there_are(tmp_path: Path) -> None:
    message = complaint(tmp_path, f"{DATA}\n{'x' * 5000} = 1\ny = 2\n'win{'x' * 99}' = 3")
    assert "[data] may have path, layout, time, interval, " in message
    assert message.endswith(", ... (and 2 more)") and len(message) < 400


ALL_TOKENS = "model.pooling=mean", "model.heads=1", "model.kernel=1", "model.fold=false"


def test_a_model_that_needs_too_much_memory_is_refused(tmp_path: Path) -> None:
    message = complaint(tmp_path, DATA, "data.window=4096", *ALL_TOKENS)
    assert "the model's tensors have" in message


def test_a_batch_that_needs_too_much_memory_is_refused(tmp_path: Path) -> None:
    message = complaint(tmp_path, DATA, "data.window=512", "train.batch=4096", *ALL_TOKENS)
    assert "train.batch: 4096 windows have" in message and "choose at most 605" in message


@pytest.mark.parametrize(
    ("window", "given", "expected"),
    [
        *((2, (), (1, 1)), (5, (), (2, 1)), (6, (), (3, 2)), (24, (), (4, 2))),
        *((24, ("model.kernel=6",), (6, 3)), (24, ("model.stride=4",), (4, 4))),
        (24, ("model.kernel=1",), (1, 1)),
    ],
)
def test_kernel_and_stride(
    tmp_path: Path, window: int, given: tuple[str, ...], expected: tuple[int, int]
) -> None:
    config = load(tmp_path, DATA, f"data.window={window}", *given)
    assert (config.kernel, config.stride) == expected


def test_a_stream(tmp_path: Path) -> None:
    size = ("model.channels=8", "model.layers=3")
    config = load(tmp_path, DATA, "model.kind=stream", *size)
    assert config.stream == Stream(kernel=3, reach=3 * 5 + 2)
    assert (shape_of(config).rows, shape_of(config).tokens, shape_of(config).reach) == (3, 1, 15)
    assert load(tmp_path, DATA, *size).stream is None
    long = load(tmp_path, DATA, "model.kind=stream", "model.kernel=9")
    assert shape_of(long).rows == 9  # more than are attended to


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (["model.stride=1"], "stride = 1 is not possible with kind = 'stream', in which"),
        (["model.pooling=mean"], "pooling = 'mean' is not possible with kind = 'stream', which"),
        (
            ["data.window=1"],
            "data.window = 1 is not allowed: it must be a whole number of rows from 2 to",
        ),
        (
            ["data.window=5000"],
            "data.window = 5000 is not allowed: it must be a whole number of rows",
        ),
        (["data.window=4096", "model.channels=128"], "data.window: the model's tensors have "),
        (['data.inputs=["c"]'], "with lead = 0 the target 'c' must not be among the inputs"),
        (
            ["model.kernel=1", "data.missing=interpolate"],
            "data.missing = 'interpolate' with model.kernel = 1 bridges no hole of a stream",
        ),
        (
            ["model.kernel=1", 'data.relative_inputs=["a"]'],
            "data.relative_inputs with model.kernel = 1 leaves nothing of a reading of a stream",
        ),
        (
            ["quantization.bits={ 'layers.0.keys.activation' = 4 }"],
            "there is no 'layers.0.keys.activation'",
        ),
    ],
)
def test_what_a_stream_cannot_do_is_refused(
    tmp_path: Path, settings: list[str], expected: str
) -> None:
    assert expected in complaint(tmp_path, DATA, "model.kind=stream", *settings)


def test_windows_have_no_states(tmp_path: Path) -> None:
    message = complaint(tmp_path, DATA, "hardware.state_access=true")
    assert message.startswith("hardware.state_access = true is for streams, which have states: ")


def test_a_kernel_that_leaves_one_token_is_refused(tmp_path: Path) -> None:
    message = complaint(tmp_path, DATA, "data.window=6", "model.kernel=5", "model.stride=2")
    assert message.startswith(
        "model.kernel = 5 and model.stride = 2 leave less than 2 tokens of a window of 6: choose"
    )


def test_the_case_of_a_device_does_not_matter(tmp_path: Path) -> None:
    assert load(tmp_path, DATA, "hardware.device=XC7S15").hardware.device == "xc7s15"


def test_unreadable_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such configuration file"):
        load_config(tmp_path / "absent.toml")
    with pytest.raises(UserError, match="cannot be read"):
        load_config(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b'x = "\xe4"')
    with pytest.raises(UserError, match="not UTF-8 text"):
        load_config(tmp_path / "latin.toml")


@pytest.mark.parametrize(
    "name", ["airu", "demo", "intervals", "pems", "pems_series", "skab", "wisdm"]
)
def test_examples_load(name: str) -> None:
    config = load_config(EXAMPLES / f"{name}.toml")
    assert config.data.path is not None and config.data.path.parent == EXAMPLES


def test_a_path_may_be_a_text(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_text(DATA)
    assert load_config(str(path)) == load_config(path)
    assert load_config(str(path), data="other.csv").data.path == Path("other.csv")


def test_names_of_the_report_are_known_to_the_mistake(tmp_path: Path) -> None:
    text = complaint(tmp_path, DATA, 'quantization.bits={"embed.output" = 4}')
    assert text.startswith("override 'quantization.bits=")
    assert "there is no 'embed.output' (did you mean 'embed.activation'?)" in text


SERIES = DATA.replace('"c"', '["a", "b"]').replace("lead = 0", "lead = 1")


def test_a_token_for_each_series(tmp_path: Path) -> None:
    calendar = 'data.calendar=["hour"]'
    config = load(tmp_path, SERIES, 'model.tokens="series"', "data.time=t", calendar)
    shape = shape_of(config)
    assert (config.kernel, config.stride, config.data.season_lengths) == (1, 1, ())
    assert (shape.rows, shape.columns, shape.tokens, shape.results) == (2, 6 + 4, 2, 1)
    assert config.relative_columns == (0, 1)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (["data.target=a"], "model.tokens = 'series' needs several series, but data.target names"),
        (["model.kind=stream"], "[model] tokens = 'series' is not possible with kind = 'stream'"),
        (["model.kernel=2"], "[model] kernel = 2 is not possible with tokens = 'series'"),
        (["model.stride=2"], "[model] stride = 2 is not possible with tokens = 'series'"),
        (["model.pooling=mean"], "[model] pooling = 'mean' is not possible with tokens = 'series'"),
        (
            ["data.inputs=['a', 'b', 'c']"],
            "needs the same list of columns in data.inputs and data.target: entry 2 is 'c' in "
            "inputs, and nothing in target",
        ),
        (["data.inputs=['b', 'a']"], "entry 0 is 'b' in inputs, and 'a' in target"),
        (["data.target=['a', 'c']"], "entry 1 is 'b' in inputs, and 'c' in target"),
        (["data.seasons=[6]"], "data.seasons is not possible with model.tokens = 'series': leave"),
        (["data.time=t", "data.holidays=DE"], "data.holidays is not possible with model.tokens"),
        (
            ["task=detect"],
            "model.tokens = 'series' is for task = 'forecast', not 'detect': leave it out",
        ),
        (
            ["task=classify"],
            "model.tokens = 'series' is for task = 'forecast', not 'classify': leave it out",
        ),
        (["model.tokens=columns"], "model.tokens = 'columns' is not allowed: it must be 'rows' or"),
    ],
)
def test_what_does_not_go_with_a_token_for_each_series_is_refused(
    tmp_path: Path, settings: list[str], expected: str
) -> None:
    assert expected in complaint(tmp_path, SERIES, "model.tokens=series", *settings)


def test_many_series_have_one_head(tmp_path: Path) -> None:
    def names(count: int) -> list[str]:
        listed = [f"s{i}" for i in range(count)]
        return [f"data.inputs={listed}", f"data.target={listed}"]

    assert shape_of(load(tmp_path, SERIES, "model.tokens=series", *names(127))).results == 1
    assert (
        "it must be the name of a column, of at most 1000 characters, or a list of at most 127"
        in (complaint(tmp_path, SERIES, "model.tokens=series", *names(128)))
    )
    assert shape_of(load(tmp_path, SERIES, *names(64))).results == 64
    assert "data.target names 65 columns, but a model has a head for each of at most 64" in (
        complaint(tmp_path, SERIES, *names(65))
    )


DETECT = 'task = "detect"\n' + DATA.replace("window = 6", "window = 8").replace("lead = 0\n", "")


def test_a_detector(tmp_path: Path) -> None:
    config = load(tmp_path, DETECT, "train.refit=true")
    assert (config.data.lead, config.refits) == (0, False)
    assert config.monitors == Monitors(columns=(0, 1), rows=4, hidden=False)
    assert config.outputs == shape_of(config).forecasts == 8
    some = load(tmp_path, DETECT, "detect.columns=['b']", "detect.rows=3", "detect.method=forecast")
    assert some.monitors == Monitors(columns=(1,), rows=3, hidden=True)
    assert (shape_of(some).seen, some.outputs) == (5, 3)
    unlabelled = load(tmp_path, DETECT.replace('target = "c"\n', ""))
    assert unlabelled.data.targets == ()
    assert load(tmp_path, DATA).monitors is None


@pytest.mark.parametrize(
    ("window", "rows", "kernel"), [(8, 4, 2), (16, 4, 4), (4, 2, 1), (3, 1, 1), (24, 20, 2)]
)
def test_the_kernel_of_a_detector_fits_the_rows_before_those_that_are_compared(
    tmp_path: Path, window: int, rows: int, kernel: int
) -> None:
    config = load(tmp_path, DETECT, f"data.window={window}", f"detect.rows={rows}")
    assert config.kernel == kernel
    assert replace(shape_of(config), hidden=True).tokens >= 2


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (["detect.rows=7"], "detect.rows = 7 leaves too little of a window of 8 rows to compute"),
        (["detect.rows=8", "detect.method=reconstruct"], "detect.rows = 8 leaves too little of"),
        (["detect.rows=65"], "detect.rows = 65 is not allowed: it must be a whole number of rows"),
        (
            ["detect.columns=['c']"],
            "detect.columns names 'c', which is not among data.inputs: add it",
        ),
        (["detect.columns=['a', 'a']"], "a list of names from data.inputs, each named once"),
        (["detect.method=both"], "it must be 'auto', 'forecast' or 'reconstruct'"),
        (["detect.quantile=0.5"], "detect.quantile = 0.5 is not allowed: it must be a number bet"),
        (["detect.false_alarms_per_day=0"], "detect.false_alarms_per_day = 0 is not allowed: "),
        (
            ["model.kernel=4", "model.stride=2"],
            "model.kernel = 4 and model.stride = 2 leave less than 2 tokens of a window of 8 "
            "without its newest 4 rows: choose smaller ones, or a longer window",
        ),
        (["data.target=['c', 'd']"], "data.target, which names several columns, is not possible"),
        (["data.target=a"], "the target 'a' must not be among the inputs"),
        (
            ["data.relative_inputs=['a']"],
            "data.relative_inputs is not possible with task = 'detect'",
        ),
        (["data.known=['d']"], "data.known is not possible with task = 'detect': leave it out"),
        (["data.lead=1"], "data.lead = 1 is not possible with task = 'detect': leave it out"),
        (["data.outputs=2"], "data.outputs = 2 is not possible with task = 'detect': leave it out"),
        (["data.classes=['0', '1']"], "data.classes needs task = 'classify'"),
        (["model.relative=true"], "model.relative = true is not possible with task = 'detect'"),
        (["model.quantiles=[0.1, 0.5]"], "model.quantiles is not possible with task = 'detect'"),
        (["model.kind=stream"], "detect.method = 'auto' is not possible with model.kind"),
        (["train.loss=mae"], "train.loss = 'mae' is not possible with task = 'detect': leave it"),
        (
            ["train.flip=['c']"],
            "train.flip names 'c', which is not among data.inputs: leave it out",
        ),
        (["data.reference=1"], "data.reference = 1 is not allowed: it must be a whole number of"),
        (["data.reference_scale=false"], "data.reference_scale needs a number of rows: set data"),
        (["task=forecast", "data.lead=0", "detect.rows=2"], "[detect] needs task = 'detect'"),
        (["task=forecast", "data.lead=0", "data.reference=9"], "data.reference is for task = 'cla"),
        (
            ["task=forecast", "data.lead=0", "train.flip=['a']"],
            "train.flip is for task = 'classify'",
        ),
        (["task=forecast", "data.lead=0", "data.target=[]"], "data.target names no column, but"),
    ],
)
def test_what_does_not_go_with_a_detector_is_refused(
    tmp_path: Path, settings: list[str], expected: str
) -> None:
    assert expected in complaint(tmp_path, DETECT, *settings)


def test_a_reconstruction_may_read_tokens_of_the_whole_window(tmp_path: Path) -> None:
    given = ("detect.method=reconstruct", "model.kernel=4", "model.stride=2")
    assert shape_of(load(tmp_path, DETECT, *given)).tokens == 3


@pytest.mark.parametrize(
    ("inputs", "settings", "channels", "heads"),
    [
        ("abcdefgh", [], 4, 4),
        ("abcde", ['detect.method="reconstruct"'], 3, 1),
        ("a", [], 2, 2),
        ("abcdefgh", ['detect.method="forecast"'], 32, 4),
        ("abcdefgh", ["model.channels=12"], 12, 4),
        ("abcdefgh", ["model.layers=2"], 4, 4),
    ],
)
def test_a_detector_is_narrow_unless_it_forecasts(
    tmp_path: Path, inputs: str, settings: list[str], channels: int, heads: int
) -> None:
    path = tmp_path / "detector.toml"
    data = f'[data]\npath = "x.csv"\ninputs = {list(inputs)}\nwindow = 16\n'
    path.write_text(f'task = "detect"\n{data}', encoding="utf-8")
    model = load_config(path, settings).model
    assert (model.channels, model.heads, model.ffn_channels) == (channels, heads, 4 * channels)


def test_a_classifier_reads_all_tokens_and_longer_ones(tmp_path: Path) -> None:
    labels = 'task = "classify"\n' + DATA.replace("lead = 0", 'classes = ["a", "b"]')

    def tokens(text: str, window: int, *more: str) -> tuple[str, int, int]:
        config = load(tmp_path, text, f"data.window={window}", *more)
        return config.pooling, config.kernel, config.stride

    assert tokens(labels, 50) == tokens(labels, 200) == ("mean", 8, 4)
    assert tokens(labels, 36) == ("mean", 6, 3)
    assert tokens(labels, 12) == ("mean", 4, 2)
    assert tokens(labels, 50, "model.kernel=4", "model.pooling=last") == ("last", 4, 2)
    assert tokens(labels, 50, "model.kind=stream") == ("last", 4, 1)
    assert tokens(DATA, 50) == ("last", 4, 2)
