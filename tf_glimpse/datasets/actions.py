"""Somebody else's actions for a data set: where a model must look, whatever its own policy says.

An actions function takes example indices (int64 `[n]`) and a seed (int `[2]`) and returns places float32 `[n, T, 2]`, (y, x) in [-1, 1].
The pipeline calls it with a fresh seed every training step, and once for a whole evaluation split.
"""

import tensorflow as tf


def random_actions(num_glimpses):
    """Places drawn uniformly from the image: the random policy of Mnih et al. 2014, table 2.

    Example:
        >>> random_actions(6)([0, 1], seed=[1, 2]).shape
        TensorShape([2, 6, 2])
    """
    return lambda indices, seed: tf.random.stateless_uniform([tf.size(indices), num_glimpses, 2], seed, -1.0, 1.0)


def centre_actions(num_glimpses):
    """Every look at the image's centre.

    Example:
        >>> float(tf.reduce_max(centre_actions(6)([0, 1], seed=[1, 2])))
        0.0
    """
    return lambda indices, seed: tf.zeros([tf.size(indices), num_glimpses, 2])
