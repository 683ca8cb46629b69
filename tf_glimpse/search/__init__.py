"""Adaptive stopping's price, and the search for architectures that are worth theirs. Importing this loads no TensorFlow."""

import importlib

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


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module 'tf_glimpse.search' has no attribute {name!r}")
    return getattr(importlib.import_module(f"tf_glimpse.search.{_HOME[name]}"), name)
