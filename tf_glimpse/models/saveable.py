"""Whether a model's file could be read again, asked before it is written."""

import warnings

import keras

from tf_glimpse.types import UserError

DECORATOR = '@keras.saving.register_keras_serializable("mine")'


def check_saveable(model):
    """Refuses to save a model with a part of the user's that no program could load.

    Raises:
        UserError: names the part, and says what to do.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The object being serialized includes a `lambda`")
            config = keras.saving.serialize_keras_object(model)
    except NotImplementedError as error:
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), "no get_config")
        raise UserError(f"a part of this model cannot be saved: {reason} Give it a get_config that returns its arguments.") from error
    except TypeError as error:
        raise UserError(f"a part of this model cannot be saved: {str(error).splitlines()[0]}") from error
    for name in _unknown(config):
        raise UserError(f"{name} could not be loaded again: put {DECORATOR} above its definition, then make the model anew and save it.")


def _unknown(config):
    """The names of parts in a configuration that Keras would not find on loading."""
    if isinstance(config, list | tuple):
        for value in config:
            yield from _unknown(value)
    elif isinstance(config, dict):
        if config.get("class_name") == "__lambda__":
            yield "a lambda"
        elif {"class_name", "module", "registered_name"} <= set(config) and not _found(config):
            yield config["config"] if config["class_name"] == "function" else config["class_name"]
        for value in config.values():
            yield from _unknown(value)


def _found(config):
    """Whether Keras finds the function or the class that a configuration names."""
    if config["class_name"] == "function":
        try:
            return keras.saving.deserialize_keras_object(config) is not None
        except (TypeError, ValueError):
            return False
    theirs = config["registered_name"] is None or str(config["module"]).partition(".")[0] == "keras"
    return theirs or keras.saving.get_registered_object(config["registered_name"]) is not None
