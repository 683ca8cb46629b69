"""tf_glimpse: hard visual attention for Keras.

Networks that look at an image through a few small glimpses and choose each next place themselves. Public names load on first use, so
that `import tf_glimpse` and the command line's help need no TensorFlow. Imported before TensorFlow, it sets what you have not set yourself:
`TF_CPP_MIN_LOG_LEVEL=3`, `KERAS_BACKEND=tensorflow`, and `TF_ENABLE_ONEDNN_OPTS=1`, the faster kernels that TensorFlow itself leaves off on
processors without AVX512-VNNI (`benchmarks/speed/onednn.py` measures them; 0 turns them off everywhere).

Example:
    >>> import tf_glimpse
    >>> model = tf_glimpse.RAM(num_classes=10, patch_size=8, num_glimpses=6)
"""

import importlib
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

__version__ = "0.1.0.dev0"

_HOME = {
    "UserError": "types",
    "Trajectory": "types",
    "Retina": "layers",
    "GlimpseEncoder": "layers",
    "ConvGlimpseEncoder": "layers",
    "RectifiedCore": "layers",
    "GaussianLocation": "layers",
    "CategoricalLocation": "layers",
    "GlimpseCell": "layers",
    "LocationHead": "layers",
    "unroll": "layers",
    "AttentionModel": "models",
    "AdaptiveModel": "models",
    "RAM": "models",
    "BagNet": "models",
    "PatchClassifier": "models",
    "Saccader": "models",
    "FinalLogits": "models",
    "HiddenStateVAE": "models",
    "ReconstructingModel": "models",
    "load_model": "models",
    "draw_glimpses": "explain",
    "save_glimpses_gif": "explain",
    "export_model": "export",
    "train_and_evaluate": "training",
    "from_recipe": "training",
    "presets": "weights",
}

_ROOMS: tuple[str, ...] = ("boed", "datasets", "explain", "export", "layers", "losses", "models", "ops")
_ROOMS += ("policies", "search", "server", "training", "types", "weights")

__all__ = sorted(_HOME)


def __getattr__(name):
    if name in _ROOMS:
        return importlib.import_module(f"tf_glimpse.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'tf_glimpse' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(f"tf_glimpse.{_HOME[name]}"), name)


def __dir__():
    return [*globals(), *__all__]
