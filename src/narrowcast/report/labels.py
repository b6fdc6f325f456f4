"""What the page calls methods, resources, stages and modes."""

from narrowcast.estimate.duty_cycle import ALWAYS_ON, CLOCK_STOPPED, POWER_OFF

LABELS = {
    "float": "Float",
    "qat": "Quantised, in training",
    "integer": "Integer (the FPGA's)",
    "persistence": "Persistence",
    "seasonal_naive": "Seasonal naive",
    "nlinear": "NLinear",
    "ridge": "Ridge",
    "ridge_quadratic": "Ridge, quadratic",
    "ridge_per_series": "Ridge per series",
    "majority": "Most frequent label",
    "ridge_classifier": "Ridge classifier",
    "z_score": "Distance from the mean (z-score)",
    "persistence_error": "Distance from the reading before",
    "constant_width": "Constant width around the float's median",
    "lut": "LUT",
    "ff": "FF",
    "bram36": "BRAM36",
    "bram": "BRAM",
    "dsp": "DSP",
    "train": "Training",
    "quantize": "Quantisation",
    "compile": "Compilation",
    "verify": "Verification",
    "synth": "Synthesis",
    "place": "Place and route",
    ALWAYS_ON: "Always on",
    CLOCK_STOPPED: "Clock stopped",
    POWER_OFF: "Power off",
}
