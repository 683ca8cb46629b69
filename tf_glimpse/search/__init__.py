"""Adaptive stopping's price, and the search for architectures that are worth theirs. Importing this loads no TensorFlow."""

from tf_glimpse.late import on_first_use

__all__ = ["calibrate_threshold", "count_flops", "look_costs", "model_flops", "read_space", "search_architectures", "sweep_thresholds"]

_HOME = {
    "calibrate_threshold": "thresholds",
    "sweep_thresholds": "thresholds",
    "count_flops": "flops",
    "look_costs": "flops",
    "model_flops": "flops",
    "search_architectures": "run",
    "read_space": "space",
}

__getattr__ = on_first_use(__name__, _HOME)
