"""One helper that kicks the tyres of every layer, one for every model, term and task, in the spirit of Keras' own `run_layer_test`."""

import inspect
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_glimpse.models.step import Step
from tf_glimpse.types import Trajectory, UserError

TOLERANCE = {"float32": 1e-5, "float16": 2e-2, "bfloat16": 1e-1}


@keras.saving.register_keras_serializable("tests")
class LayerModel(keras.Model):
    """A model around one layer with any number of inputs, so that the layer can be saved and loaded."""

    def __init__(self, layer, **kwargs):
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape=None):
        self.built = True

    def call(self, inputs):
        return self.layer(*inputs)

    def get_config(self):
        return {"name": self.name, "layer": keras.saving.serialize_keras_object(self.layer)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "layer": keras.saving.deserialize_keras_object(config["layer"])})


def run_layer_check(
    layer_class, init_kwargs, inputs, expected_shape, *, expected_weights=None, to_tensor=lambda output: output, folder, output_dtype=None
):
    """Configuration, shapes, eager and compiled calls, precision, gradients, saving: all that every layer owes its users.

    Args:
        layer_class: the class.
        init_kwargs: its arguments.
        inputs: tuple of the call's positional arguments, tensors or nests of them.
        expected_shape: shape of `to_tensor(output)`.
        expected_weights: number of trainable variables, if it is to be checked.
        to_tensor: from what the layer returns (a tuple, a distribution) to one tensor.
        folder: where to save, such as pytest's `tmp_path`.
        output_dtype: the output's dtype under every precision; the layer's compute dtype if None.
    """
    layer = layer_class(**init_kwargs)
    _check_config(layer, init_kwargs)
    output = to_tensor(layer(*inputs)).numpy()
    assert output.shape == tuple(expected_shape)
    assert np.all(np.isfinite(output))
    assert expected_weights is None or len(layer.trainable_variables) == expected_weights
    _check_compiled(layer, inputs, output, to_tensor)
    _check_symbolic(layer, inputs, output, to_tensor)
    _check_batch_rows(layer, inputs, output, to_tensor)
    _check_precision(layer, init_kwargs, inputs, output, to_tensor, output_dtype)
    _check_training(layer, inputs, to_tensor)
    _check_saving(layer, inputs, to_tensor, folder)


def _check_config(layer, init_kwargs):
    """Every argument is kept under its own name, survives JSON, and makes an equal layer, twice from the same configuration."""
    config = layer.get_config()
    assert set(init_kwargs) <= set(config)
    arguments = set(inspect.signature(type(layer).__init__).parameters) - {"self", "kwargs"}
    assert arguments <= set(config), f"get_config forgets {arguments - set(config)}"
    for _ in range(2):
        assert _plain(type(layer).from_config(config).get_config()) == _plain(config)
    _check_stored(layer)


def _check_stored(part):
    """Written as JSON and read again, it is of the same class and configuration."""
    again = keras.saving.deserialize_keras_object(json.loads(json.dumps(keras.saving.serialize_keras_object(part))))
    assert (type(again), _plain(again.get_config())) == (type(part), _plain(part.get_config()))


def _check_remade(model):
    """Its configuration survives JSON, and makes an equal model."""
    described = json.dumps(model.get_config())  # read twice: Keras takes a configuration apart while it makes a model of it
    assert _plain(type(model).from_config(json.loads(described)).get_config()) == _plain(json.loads(described))


def _plain(config):
    """A configuration as JSON would write it, without the shapes that parts remember of their building."""
    if isinstance(config, dict):
        return {key: _plain(value) for key, value in config.items() if key != "build_config"}
    return [_plain(value) for value in config] if isinstance(config, list | tuple) else config


def _check_compiled(layer, inputs, output, to_tensor):
    for jit_compile in (False, True):
        compiled = tf.function(lambda *given: to_tensor(layer(*given)), jit_compile=jit_compile)
        np.testing.assert_allclose(compiled(*inputs), output, rtol=1e-5, atol=1e-5)


def _check_symbolic(layer, inputs, output, to_tensor):
    """A graph without a fixed batch size tells the right shape, and so does compute_output_shape where there is one."""
    unknown = tf.nest.map_structure(lambda tensor: tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype), inputs)
    traced = tf.function(lambda *given: to_tensor(layer(*given))).get_concrete_function(*unknown)
    assert traced.structured_outputs.shape.as_list() == [None, *output.shape[1:]]
    if not keras.src.utils.python_utils.is_default(layer.compute_output_shape):
        shapes = tf.nest.map_structure(lambda tensor: tuple(tensor.shape), inputs)
        computed = layer.compute_output_shape(*shapes)
        assert tuple(computed) == output.shape


def _check_batch_rows(layer, inputs, output, to_tensor):
    """A row's answer does not depend on its batch mates."""
    last = tf.nest.map_structure(lambda tensor: tensor[-1:], inputs)
    np.testing.assert_allclose(to_tensor(layer(*last)), output[-1:], rtol=1e-5, atol=1e-5)


def _check_precision(layer, init_kwargs, inputs, output, to_tensor, output_dtype):
    """Half precision computes in half, keeps float32 weights, and comes close to float32."""
    for half in ("float16", "bfloat16"):
        other = type(layer)(**init_kwargs, dtype=f"mixed_{half}")
        other(*inputs)
        other.set_weights(layer.get_weights())
        result = to_tensor(other(*inputs))
        assert result.dtype.name == (output_dtype or half)
        assert {variable.dtype for variable in other.trainable_variables} <= {"float32"}
        scale = max(1.0, float(np.max(np.abs(output))))
        np.testing.assert_allclose(tf.cast(result, tf.float32), output, atol=TOLERANCE[half] * scale)


def _check_training(layer, inputs, to_tensor):
    """Every weight gets a finite gradient, and not all of it zero."""
    if not layer.trainable_variables:
        return
    with tf.GradientTape() as tape:
        output = tf.cast(to_tensor(layer(*inputs)), tf.float32)
        loss = tf.reduce_sum(output * tf.random.stateless_normal(tf.shape(output), (1, 2)))
    gradients = tape.gradient(loss, layer.trainable_variables)
    for variable, gradient in zip(layer.trainable_variables, gradients, strict=True):
        assert gradient is not None, f"no gradient reaches {variable.path}"
        assert np.all(np.isfinite(gradient)), variable.path
    assert any(np.any(gradient != 0) for gradient in gradients)


def _check_saving(layer, inputs, to_tensor, folder):
    path = folder / f"{layer.name}.keras"
    model = LayerModel(layer)
    expected = to_tensor(model(inputs))
    model.save(path)
    loaded = keras.saving.load_model(path)
    assert type(loaded.layer) is type(layer)
    assert loaded.layer.built
    np.testing.assert_array_equal(to_tensor(loaded(inputs)), expected)


def run_model_check(model, images, labels, *, folder, compile_kwargs=None):
    """What every model owes: configuration, fit, evaluate, predict, one answer for any split into batches, saving, XLA.

    Args:
        model: a fresh model whose call returns a `Trajectory`.
        images: `[B, H, W, C]` array.
        labels: `[B]` class numbers.
        folder: where to save, such as pytest's `tmp_path`.
        compile_kwargs: for `model.compile`.
    """
    _check_remade(model)
    model.compile(**(compile_kwargs or {}))
    model(images[:1])
    before = model.get_weights()
    history = model.fit(images, labels, batch_size=len(images) // 2, verbose=0)
    assert all(np.all(np.isfinite(values)) for values in history.history.values())
    assert any(np.any(old != new) for old, new in zip(before, model.get_weights(), strict=True))
    trajectory = _check_answers(model, images, labels)
    _check_rollouts(model, images, trajectory)
    path = folder / f"{model.name}.keras"
    model.save(path)
    loaded = keras.saving.load_model(path)
    assert_trajectories_close(loaded.predict(images, verbose=0), trajectory, atol=0)
    loaded.fit(images, labels, batch_size=len(images), verbose=0)
    return trajectory


def run_network_check(case, folder):
    """What every other model owes: configuration, the same answer twice, in a graph and for any split into batches, saving, training.

    Args:
        case: a `catalogue.ModelCase`.
        folder: where to save, such as pytest's `tmp_path`.
    """
    model, call = case.make(), lambda network, inputs: _first(network(inputs))
    few = tf.nest.map_structure(lambda values: values[:3], case.inputs)
    answer = call(model, case.inputs)
    assert np.all(np.isfinite(answer))
    np.testing.assert_array_equal(call(model, case.inputs), answer)
    np.testing.assert_allclose(tf.function(call)(model, case.inputs), answer, atol=1e-5)
    np.testing.assert_allclose(call(model, few), answer[:3], atol=1e-5)
    _check_remade(model)
    model.save(folder / "model.keras")
    np.testing.assert_allclose(call(keras.saving.load_model(folder / "model.keras"), case.inputs), answer, atol=1e-6)
    if case.fit:
        model.compile(**{"optimizer": "sgd", **case.compile})
        assert np.all(np.isfinite(model.fit(case.inputs, case.labels, batch_size=4, verbose=0).history["loss"]))


def _first(output):
    """The first tensor of what a model returns."""
    return tf.nest.flatten(output)[0]


def run_term_check(term, name, model, inputs, labels):
    """What every term owes: its configuration, a finite number an image, reported by its name, and weights that it moves.

    Args:
        term: a `losses.Term` that `model` was compiled with.
        name: what it is called by.
        model: compiled and built.
        inputs: what it is called with in training.
        labels: `[B]`.
    """
    assert term.name == name and term in model.terms
    _check_stored(term)
    with tf.GradientTape() as tape:
        step = Step(model, inputs, labels, *model(inputs, training=True, sample=True, seed=(1, 2), return_states=True), None, (1, 2))
        loss = step.mean(term(step))
    gradients = tape.gradient(loss, model.trainable_variables)
    assert np.isfinite(loss)
    assert any(gradient is not None and np.any(gradient != 0) for gradient in gradients)
    reported = model.train_on_batch(inputs, labels, return_dict=True)
    assert np.all(np.isfinite([reported[each] for each in (name, *term.reports)]))


def run_task_check(task, labels, wrong):
    """What every task owes: its configuration, chances and answers that are right or wrong, labels that it takes and refuses.

    Args:
        task: a `tasks.Classification` or one like it.
        labels: `[B]` that it takes.
        wrong: labels that it refuses, arrays.
    """
    _check_stored(task)
    assert 0 < task.chance <= 1 / task.num_classes
    task.check_labels(labels)
    assert task.labels_fit(tf.constant(labels))
    sure = 20.0 * tf.repeat(tf.one_hot(labels, task.num_classes)[:, None], 3, axis=1)
    np.testing.assert_allclose(task.right(sure, labels), np.ones([len(labels), 3]), atol=1e-6)
    np.testing.assert_array_equal(task.correct(sure, labels), np.ones([len(labels), 3]))
    np.testing.assert_array_equal(task.correct(-sure, labels), np.zeros([len(labels), 3]))
    for refused in wrong:
        with pytest.raises(UserError, match="labels must"):
            task.check_labels(refused)


def _check_answers(model, images, labels):
    """predict and evaluate say the same twice, and for any split into batches.

    Kernels may round otherwise for another batch size, and in half precision a near tie of two cells then falls otherwise: there the split
    batches are given the places.
    """
    trajectory = model.predict(images, batch_size=len(images), verbose=0)
    placed = {"images": images, "actions": trajectory.actions, "has_actions": np.ones(len(images), bool)}
    split = images if model.compute_dtype == "float32" else placed
    assert isinstance(trajectory, Trajectory)
    assert_trajectories_close(model.predict(images, batch_size=len(images), verbose=0), trajectory, atol=0)
    assert_trajectories_close(model.predict(split, batch_size=3, verbose=0), trajectory, atol=TOLERANCE[model.compute_dtype])
    first = model.evaluate(images, labels, batch_size=len(images), verbose=0, return_dict=True)
    assert first == model.evaluate(images, labels, batch_size=len(images), verbose=0, return_dict=True)
    again = model.evaluate(split, labels, batch_size=3, verbose=0, return_dict=True)
    numbers = [[each[name] for name in sorted(first)] for each in (first, again)]
    np.testing.assert_allclose(*numbers, atol=TOLERANCE[model.compute_dtype], err_msg=str(sorted(first)))
    return trajectory


def _check_rollouts(model, images, trajectory):
    """Given actions replay a trajectory, under XLA too."""
    inputs = {"images": images, "actions": trajectory.actions, "has_actions": np.ones(len(images), bool)}
    replayed = tf.function(lambda given: model(given), jit_compile=True)(inputs)
    assert_trajectories_close(tf.nest.map_structure(np.asarray, replayed), trajectory, atol=TOLERANCE[model.compute_dtype])


def assert_trajectories_close(trajectory, expected, atol):
    """Every field of two trajectories, by name."""
    for name, value in expected._asdict().items():
        np.testing.assert_allclose(getattr(trajectory, name), value, rtol=0, atol=atol, err_msg=name)
