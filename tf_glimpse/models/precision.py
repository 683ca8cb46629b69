"""The number types that models compute in: float32, or half precision over float32 weights."""

import keras

from tf_glimpse.types import UserError


def check_precision(policy=None):
    """Refuses other weights than float32: places, scores and losses are float32 everywhere.

    Args:
        policy: a model's dtype policy; None checks Keras' global setting alone.

    Raises:
        UserError: says what to set.
    """
    floatx = keras.config.floatx()
    if floatx != "float32":
        raise UserError(f'models expect keras.config.set_floatx("float32"), set before they are made or loaded. Received: floatx {floatx}')
    if policy is not None and policy.variable_dtype != "float32":
        expected = '"float32", "mixed_bfloat16" or "mixed_float16"'
        raise UserError(f"dtype expects {expected}, as keras.config.set_dtype_policy does for all models. Received: {policy.name!r}")
