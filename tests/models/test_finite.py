"""NaN is seen in weights, in a step and in answers, with XLA and without, where a fused relu makes 0 of it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_model import ACTIONS, IMAGES, LABELS

from tf_glimpse import RAM, AdaptiveModel, BagNet, export_model, losses
from tf_glimpse.models.finite import check_answer
from tf_glimpse.models.ram import PAPER_LAYERS
from tf_glimpse.types import UserError

WORDS = r"weights are broken: NaN or infinity in ram/cell/\S+; load or train it again"


def small_ram(value=None, optimizer=None, **compile_kwargs):
    """A RAM; with a value in the first kernel of the encoder, which a relu hides."""
    keras.utils.set_random_seed(0)
    model = RAM(3, patch_size=4, num_glimpses=2, seed=0, name="ram", **{**PAPER_LAYERS, "units": 8, **compile_kwargs.pop("model", {})})
    model.build((None, *IMAGES.shape[1:]))
    model.compile(optimizer or keras.optimizers.SGD(0.1), terms=losses.PAPER, **compile_kwargs)
    if value is not None:
        break_a_weight(model.cell.encoder.weights[0], value)
    return model


def break_a_weight(weight, value):
    values = weight.numpy()
    values.flat[0] = value
    weight.assign(values)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_broken_weights_answer_nothing(value, tmp_path):
    model = small_ram(value)
    calls = [
        lambda: model.evaluate(IMAGES, LABELS, verbose=0),
        lambda: model.predict(IMAGES, verbose=0),
        lambda: model.predict(tf.data.Dataset.from_tensor_slices(IMAGES).batch(4), verbose=0),
        lambda: model.predict_on_batch(IMAGES),
        lambda: model.test_on_batch(IMAGES, LABELS),
        lambda: model(IMAGES),
        lambda: model.classify(IMAGES),
        lambda: AdaptiveModel(model, 4).predict_adaptive(IMAGES, 0.1),
        lambda: export_model(model, tmp_path, warm_up_batch_sizes=()),
    ]
    for call in calls:
        with pytest.raises(UserError, match=WORDS):
            call()


@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_weight_that_breaks_in_training_makes_the_loss_nan(jit_compile):
    """Here by a rate that is no number: the loss of the step that breaks the weights still looks well."""
    model = small_ram(optimizer=keras.optimizers.SGD(float("inf")), jit_compile=jit_compile)
    stop = keras.callbacks.TerminateOnNaN()
    history = model.fit(IMAGES, LABELS, batch_size=4, epochs=3, validation_data=(IMAGES, LABELS), callbacks=[stop], verbose=0).history
    assert len(history["loss"]) == 1 and int(model.optimizer.iterations) == 1
    assert np.isnan(history["loss"][0]) and np.isnan(history["val_loss"][0]) and np.isnan(history["val_accuracy"][0])


def test_weights_that_were_broken_before_training_are_told_by_its_first_step():
    logs = small_ram(np.nan).train_on_batch(IMAGES, LABELS, return_dict=True)
    assert np.isnan(logs["loss"])


def test_models_with_keras_own_step_tell_it_too():
    model = BagNet(3, wide_blocks=(1,), blocks=(1,), filters=(4,), strides=(1,), stem_filters=4, low_dim=False)
    model.build((None, 14, 14, 1))
    model.compile(keras.optimizers.SGD(float("inf")))
    history = model.fit(IMAGES, LABELS, batch_size=12, verbose=0).history
    assert np.isnan(history["loss"][0])
    with pytest.raises(UserError, match="weights are broken"):
        model.predict(IMAGES, verbose=0)


def test_a_whole_training_reports_the_same_loss_as_without_the_look(monkeypatch):
    found = small_ram(run_eagerly=True).fit(IMAGES, LABELS, batch_size=4, verbose=0).history
    monkeypatch.setattr(RAM, "_tell_broken_weights", lambda self: None)
    assert small_ram(run_eagerly=True).fit(IMAGES, LABELS, batch_size=4, verbose=0).history == found


def test_a_step_that_loss_scaling_skips_is_none():
    """The first scale is too large for float16: the step is skipped, the scale halved."""
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1), initial_scale=2.0**40)
    model = small_ram(optimizer=optimizer, model={"dtype": "mixed_float16"})
    before = model.get_weights()
    logs = model.train_on_batch({"images": IMAGES, "actions": ACTIONS[:, :2]}, LABELS, return_dict=True)
    assert float(optimizer.dynamic_scale) < 2.0**40
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert np.isfinite(logs["loss"])


def test_answers_that_are_not_finite_are_refused():
    check_answer(np.zeros([3, 2, 4]))
    scores = np.zeros([3, 2, 4], np.float16)
    scores[1, 1, 0] = np.inf
    with pytest.raises(UserError, match="the answers to 1 of 3 images are NaN or infinite"):
        check_answer(tf.constant(scores))
    model = small_ram()
    for weight in model.cell.encoder.weights + model.cell.core.weights:
        weight.assign(100 * tf.abs(weight))
    model.classifier.kernel.assign(tf.fill(model.classifier.kernel.shape, 1e37))
    for call in (model, lambda images: model.predict(images, verbose=0)):
        with pytest.raises(UserError, match="the answers to .* of 12 images are NaN or infinite"):
            call(IMAGES)
