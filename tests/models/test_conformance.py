"""Every model of the catalogue, in its variants, through the one check."""

import keras
import numpy as np
import pytest
from checks import run_model_check

from tf_glimpse.models import RAM

RANDOM = np.random.default_rng(0)
LABELS = np.arange(8) % 3
IMAGES = {
    "bytes": RANDOM.integers(0, 256, [8, 12, 16, 3]).astype("uint8"),
    "floats": RANDOM.random([8, 12, 12, 1]).astype("float32"),
    "films": RANDOM.random([8, 2, 12, 12, 1]).astype("float32"),
}
CLIPPED = {"optimizer": keras.optimizers.Adam(clipnorm=1.0), "rollouts": 2}
VARIANTS = {
    "plain": ("floats", {}, CLIPPED),
    "lstm, learned first place, film": ("films", {"core": "lstm", "first_location": "learned"}, {}),
    "gru, grid, centre, XLA": ("bytes", {"core": "gru", "location": "categorical", "first_location": "centre"}, {"jit_compile": True}),
    "convolutions, scales, no baseline": ("bytes", {"encoder": "conv", "num_scales": 2, "baseline": False, "class_names": list("abc")}, {}),
    "half precision": ("floats", {"core": "gru", "dtype": "mixed_bfloat16"}, {}),
    "half precision, loss scaled": ("floats", {"dtype": "mixed_float16", "location": "categorical"}, {}),
}

SLOW = ("gru, grid, centre, XLA", "half precision")


@pytest.mark.parametrize("variant", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in VARIANTS])
def test_ram(variant, tmp_path):
    images, settings, compile_kwargs = VARIANTS[variant]
    model = RAM(num_classes=3, patch_size=6, num_glimpses=2, units=8, seed=1, name="ram", **settings)
    run_model_check(model, IMAGES[images], LABELS, folder=tmp_path, compile_kwargs=compile_kwargs)
