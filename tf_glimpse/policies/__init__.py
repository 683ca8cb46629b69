"""Who chooses the places in a model's stead: one protocol, and one registry of the policies that have a name.

A policy is a function, or an object that is called like one:

    places = policy(images, indices, seed)

    images: `[B, H, W, C]`, uint8 0-255 or float, as the model sees them: on their canvas, and augmented in training.
    indices: int64 `[B]`, positions of the images in their split (or list of files).
    seed: int32 or int64 `[2]`. In an evaluation it is (seed, 0) for every batch of the split; in training every step has one of its own.
    places: float32 `[B, T, 2]`, (y, x) in [-1, 1], (0, 0) the image's centre, for each of the model's T looks.

The places of an image follow from its pixels, its index and the seed alone: whatever else is in the batch, they are the same.

A policy fits wherever places can be given: `train_batches(data, ..., actions=policy)`, `eval_batches(source, actions=policy)`,
`Supervision(policy, share=0.5)`, `evaluate_model(model, source, policy=policy)`. The first three run it inside tf.data, as part of a graph:
there it computes with TensorFlow's functions, as all of this room do. By name: `get_policy("frozen:2", model)`, `tf-glimpse evaluate
--policy frozen:2`; `POLICIES` is the table.

The classes load on first use: importing this loads no TensorFlow.

Example:
    >>> import tensorflow as tf
    >>> from tf_glimpse.policies import Random
    >>> policy = Random(num_glimpses=6)
    >>> policy(images=tf.zeros([2, 28, 28, 1]), indices=[0, 1], seed=[1, 0]).shape
    TensorShape([2, 6, 2])
"""

from tf_glimpse.late import on_first_use
from tf_glimpse.policies.registry import POLICIES, UNTRAINED, check_policy_name, get_policy

_HOME = {
    "OrderedLogits": "cells",
    "RandomCells": "cells",
    "Sobel": "cells",
    "mean_places": "constant",
    "Centre": "fixed",
    "Scan": "fixed",
    "Frozen": "frozen",
    "DrawnCells": "random",
    "Random": "random",
    "Stored": "stored",
}

__all__ = ["POLICIES", "UNTRAINED", "check_policy_name", "get_policy", *sorted(_HOME)]

__getattr__ = on_first_use(__name__, _HOME)
