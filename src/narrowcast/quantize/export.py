"""Export of a quantised Transformer to the integer model of a configuration."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice, zip_longest

from narrowcast.config import DataConfig
from narrowcast.data import Dataset, Labels, Monitored, Scaling, Targets
from narrowcast.integer.builder import Shape
from narrowcast.integer.model import (
    Affine,
    ArgMax,
    Classification,
    Decoder,
    Detection,
    EarlierReadings,
    Forecast,
    Input,
    IntegerModel,
    L1Norm,
    LastReading,
    Output,
    Reals,
    Scalar,
    ValuesAhead,
    arg_max_tensor,
    l1_norm_tensor,
    largest_score,
)
from narrowcast.integer.validate import MOST_TEXT
from narrowcast.quantize.network import QuantisedTransformer


def to_integer_model(
    model: QuantisedTransformer, dataset: Dataset, config: DataConfig
) -> IntegerModel:
    """Return the integer model that ``model`` evaluates, with scalings for the data's own units.

    Args:
        model: A calibrated model.
        dataset: Data with the scaling of readings and target.
        config: Configuration with the names of inputs and target.
    """
    integer = model.export()
    match dataset.targets:
        case Labels():
            integer = _with_arg_max(integer)
        case Monitored():
            integer = _with_norm(integer, dataset.targets.threshold)
    source = integer.inputs[0]
    shape, factors = model.shape, model.factors.double().numpy()
    decoders = iter(_decoders(source.tensor, dataset, config))
    return replace(
        integer,
        inputs=(
            Input(
                source.tensor,
                dataset.columns,
                _affine(dataset.input_scaling, factors),
                dataset.relative,
                config.clock,
                held=dataset.held,
                masked=config.missing == "mask",
                interpolated=config.missing == "interpolate",
                shared=shape.shared if shape.series else None,
            ),
            *(
                replace(_further(each, source, shape, dataset, config), scaling=_affine(scaling))
                for each, scaling in zip(integer.inputs[1:], dataset.further_scaling, strict=True)
            ),
        ),
        outputs=tuple(
            Output(each.tensor, tuple(islice(decoders, integer.tensors[each.tensor].rows)))
            for each in integer.outputs
        ),
        metadata={
            "architecture": "transformer",
            "kind": shape.kind,
            "tokens": "series" if shape.series else "rows",
            "window": shape.window,
            "inputs": shape.inputs,
            "channels": shape.channels,
            "layers": shape.layers,
            "heads": shape.heads,
            "pooling": shape.pooling,
            "kernel": shape.kernel,
            "stride": shape.stride,
            "fold": shape.fold,
            "ffn_channels": shape.ffn,
            "outputs": shape.outputs,
            **_of_task(shape, dataset, config),
        },
    )


def _of_task(shape: Shape, dataset: Dataset, config: DataConfig) -> dict[str, Scalar]:
    """Return what the metadata say of the task."""
    match dataset.targets:
        case Labels():
            return {"target": config.targets[0], "classes": ", ".join(config.classes)}
        case Monitored(names=names, threshold=threshold):
            method = "forecast" if shape.hidden else "reconstruct"
            return {
                "target": _named(names),
                "method": method,
                "compared_rows": shape.compared,
                "threshold": threshold if math.isfinite(threshold) else None,
            }
        case Targets(quantiles=quantiles):
            listed = {"quantiles": ", ".join(map(str, quantiles))} if quantiles else {}
            return {"target": _named(config.targets), **listed}


def _named(names: Sequence[str]) -> str:
    """Return names with commas between: all of them, or as many as a text of metadata holds."""
    for shown in range(len(names), -1, -1):
        left = [f"{len(names) - shown} more"] if shown < len(names) else []
        text = ", ".join([*names[:shown], *left])
        if len(text) <= MOST_TEXT:
            break
    return text


def _with_arg_max(model: IntegerModel) -> IntegerModel:
    """Return a model whose only output are the largest one of its results, and its margin."""
    (result,) = model.output_tensors
    decision = ArgMax("decision", result.name, "decision.output")
    output = arg_max_tensor(decision.output, result)
    return replace(
        model,
        outputs=(Output(output.name),),
        tensors={**model.tensors, output.name: output},
        operations=(*model.operations, decision),
    )


def _with_norm(model: IntegerModel, threshold: float) -> IntegerModel:
    """Return a model whose only output are the sum of its results' sizes and a flag.

    Args:
        model: A model whose only output are differences.
        threshold: The largest score without a flag, in the real units of the results.
    """
    (result,) = model.output_tensors
    output = l1_norm_tensor("decision.output", result)
    most = min(threshold / result.scale, largest_score(result))
    decision = L1Norm("decision", result.name, output.name, round(most))
    return replace(
        model,
        outputs=(Output(output.name),),
        tensors={**model.tensors, output.name: output},
        operations=(*model.operations, decision),
    )


def _decoders(window: str, dataset: Dataset, config: DataConfig) -> list[Decoder]:
    """Return what a host makes of each row of the outputs.

    Args:
        window: Name of the input tensor with the windows.
        dataset: The data.
        config: Configuration with the names of the targets.
    """
    targets = dataset.targets
    if isinstance(targets, Labels):
        return [Classification(config.targets[0], targets.classes)]
    if isinstance(targets, Monitored):
        return [Detection(targets.names)]
    scalings = dataset.target_scaling.repeated(targets.each).split(len(config.targets))
    added = [LastReading(window, column) for column in dataset.added]
    return [
        Forecast(name, _affine(own), last, targets.quantiles)
        for name, own, last in zip_longest(config.targets, scalings, added)
    ]


def _further(
    each: Input, window: Input, shape: Shape, dataset: Dataset, config: DataConfig
) -> Input:
    """Return an input besides the window: readings of earlier seasons, or values known ahead."""
    of_seasons = {shape.of_target("seasons", i): name for i, name in enumerate(config.targets)}
    if (target := of_seasons.get(each.tensor)) is not None:
        names = tuple(f"{target}, {rows} rows earlier" for rows in dataset.earlier)
        column = config.inputs.index(target)
        earlier = EarlierReadings(window.tensor, column, dataset.earlier)
        return replace(each, columns=names, earlier=earlier)
    steps = range(config.lead, config.lead + config.outputs)
    columns, rows = zip(*((name, step) for name in config.known for step in steps), strict=True)
    names = tuple(f"{name}, {step} rows ahead" for name, step in zip(columns, rows, strict=True))
    return replace(each, columns=names, ahead=ValuesAhead(window.tensor, columns, rows))


def _affine(scaling: Scaling, factor: Reals | float = 1.0) -> Affine:
    return Affine(tuple(scaling.offset.tolist()), tuple((scaling.scale * factor).tolist()))
