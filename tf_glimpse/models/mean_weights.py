"""The default optimiser: AdamW that keeps a running mean of the weights."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("tf_glimpse")
class MeanAdamW(keras.optimizers.AdamW):
    """AdamW with a running mean of the weights, which validation, prediction and the model after `fit` use.

    The mean is of the last ninth of the steps so far, at most of a thousand: it follows the weights without their zigzag, in short and in
    long trainings. Keras' own `use_ema` keeps the weights that training began with for as long as it remembers anything; here the
    momentum rises: `min(ema_momentum, (1 + step) / (10 + step))`.

    Args:
        learning_rate: as of `keras.optimizers.AdamW`.
        weight_decay: likewise, of all weights but biases.
        clipnorm: largest norm of each variable's gradient.
        ema_momentum: the largest share of the mean that a step keeps.
        **kwargs: as for `keras.optimizers.AdamW`.

    Example:
        >>> MeanAdamW().use_ema
        True

    Reference: Polyak, Juditsky 1992, Acceleration of Stochastic Approximation by Averaging; the rising momentum: `ExponentialMovingAverage`
    of TensorFlow.
    """

    def __init__(self, learning_rate=2e-3, weight_decay=0.05, clipnorm=1.0, ema_momentum=0.999, name="mean_adamw", **kwargs):
        kwargs = {"use_ema": True, **kwargs}
        super().__init__(learning_rate, weight_decay, clipnorm=clipnorm, ema_momentum=ema_momentum, name=name, **kwargs)
        self.exclude_from_weight_decay(var_names=["bias"])

    def _update_model_variables_moving_average(self, trainable_variables):
        step = ops.cast(self.iterations, "float32")
        kept = ops.minimum(self.ema_momentum, (1 + step) / (10 + step)) * ops.cast(step > 0, "float32")
        for variable, mean in zip(trainable_variables, self._model_variables_moving_average, strict=True):
            if mean is not None:
                mean.assign(mean + ops.cast(1 - kept, variable.dtype) * (variable - mean))


def with_mean_weights(callbacks, optimizer):
    """The callbacks of a `fit` with `keras.callbacks.SwapEMAWeights` before them, so that an epoch is validated and kept by the mean.

    Args:
        callbacks: as for `keras.Model.fit`.
        optimizer: the model's; any other than a `MeanAdamW` leaves the callbacks as they are, as does a `SwapEMAWeights` among them.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if not (isinstance(inner, MeanAdamW) and inner.use_ema) or isinstance(callbacks, keras.callbacks.CallbackList):
        return callbacks
    given = keras.tree.flatten(callbacks) if callbacks else []
    swaps = any(isinstance(callback, keras.callbacks.SwapEMAWeights) for callback in given)
    return given if swaps else [keras.callbacks.SwapEMAWeights(swap_on_epoch=True), *given]
