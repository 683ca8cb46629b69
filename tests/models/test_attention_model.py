"""The one train_step: who trains whom, weights, masks, precision, and that inference never draws."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_model import ACTIONS, IMAGES, LABELS, given, gradients, looked, make_model, owner, touched

import tf_glimpse
from tf_glimpse import RAM, AttentionModel, losses
from tf_glimpse.types import Trajectory, UserError


def test_reinforce_alone_trains_the_location_network():
    model = make_model()
    assert touched(gradients(model, "reinforce")) == {"location"}
    assert touched(gradients(model, "cross_entropy")) == {"other"}
    assert touched(gradients(model, "baseline")) == {"baseline"}
    every = gradients(model, "reinforce")
    assert all(np.abs(grad).max() > 0 for path, grad in every.items() if owner(path) == "location" and "kernel" in path)


def test_given_rows_learn_places_by_likelihood_and_the_others_by_reinforce():
    model = make_model()
    assert touched(gradients(model, "supervision", given())) == {"location"}
    assert touched(gradients(model, "reinforce", given())) == set()
    assert touched(gradients(model, "reinforce", given(slice(0, 6)))) == {"location"}
    step = looked(model, given(slice(0, 6)))
    trajectory = step.trajectory
    np.testing.assert_allclose(trajectory.actions[:6], ACTIONS[:6])
    assert np.abs(trajectory.actions[6:] - ACTIONS[6:]).min() > 1e-4
    terms, _ = model.loss_terms(step)
    assert float(terms["supervision"]) == pytest.approx(-np.sum(trajectory.log_probs[:6]) / 12, rel=1e-5)


def test_absent_actions_may_hold_anything():
    model, inputs = make_model(), given(slice(0, 6))
    before = model(inputs, training=True, seed=(1, 2))
    inputs["actions"] = np.where(inputs["has_actions"][:, None, None], ACTIONS, 0)
    after = model(inputs, training=True, seed=(1, 2))
    np.testing.assert_array_equal(before.logits, after.logits)


def test_weightless_rows_train_nothing():
    weights = (np.arange(12) < 6).astype("float32")
    model = make_model()
    for name in ("cross_entropy", "reinforce", "baseline"):
        with_noise = gradients(model, name, np.where(weights[:, None, None, None] > 0, IMAGES, 1 - IMAGES), weights)
        for path, grad in gradients(model, name, IMAGES, weights).items():
            np.testing.assert_allclose(grad, with_noise[path], atol=1e-6)


def test_sample_and_class_weights_scale_the_loss():
    halves = {
        "sample": make_model().fit(given(), LABELS, sample_weight=np.full(12, 0.5), batch_size=12, verbose=0),
        "class": make_model().fit(given(), LABELS, class_weight=dict.fromkeys(range(3), 0.5), batch_size=12, verbose=0),
    }
    whole = make_model().fit(given(), LABELS, batch_size=12, verbose=0).history
    for history in halves.values():
        for name in ("cross_entropy", "supervision"):
            assert history.history[name][0] == pytest.approx(whole[name][0] / 2, rel=1e-5)


def test_every_rollout_draws_its_own_places():
    model = make_model({"rollouts": 3})
    images, labels, _ = model._repeat((tf.constant(IMAGES), tf.constant(LABELS), None))
    assert images.shape[0] == labels.shape[0] == 36
    actions = model(images, training=True, seed=(1, 2)).actions.numpy().reshape(12, 3, 3, 2)
    assert np.abs(actions[:, 0] - actions[:, 1]).min() > 1e-6
    np.testing.assert_array_equal(labels.numpy().reshape(12, 3), np.repeat(LABELS[:, None], 3, axis=1))


def test_a_reward_can_be_replaced():
    own = losses.Reinforce(reward=lambda trajectory, labels: tf.ones_like(trajectory.log_probs), discount=0.5)
    history = make_model({"terms": [own, losses.Baseline()]}).fit(IMAGES, LABELS, batch_size=12, verbose=0).history
    assert history["reward"][0] == pytest.approx(1.75)
    terms = {"reinforce": {"reward": "final_probability"}, "baseline": {}}
    named = make_model({"terms": terms}).fit(IMAGES, LABELS, batch_size=12, verbose=0).history
    assert 0 < named["reward"][0] < 1


def test_the_policys_gradient_variance_is_that_of_the_rows():
    model = make_model({"terms": {**losses.PAPER, "reinforce": {"weight": 0.3}}})
    with tf.GradientTape() as tape:
        trajectory = model(IMAGES, training=True, seed=model._step_seed())
        rewards = losses.returns_to_go(losses.final_correct(trajectory, LABELS))
        advantages = tf.stop_gradient(rewards - trajectory.baselines)
        row_losses = 0.3 * losses.reinforce(trajectory.log_probs, advantages)
    chosen = np.array([0, 1, 1])[None, :, None]
    by_hand = -0.3 * chosen * advantages[..., None] * (trajectory.actions - trajectory.policy) / 0.1**2
    np.testing.assert_allclose(tape.gradient(row_losses, trajectory.policy), by_hand, rtol=1e-4, atol=1e-5)
    reported = model.train_on_batch(IMAGES, LABELS, return_dict=True)["policy_gradient_variance"]
    assert float(reported) == pytest.approx(np.mean(np.sum(np.var(by_hand, axis=0), axis=-1)), rel=1e-4)


def test_inference_never_draws_and_does_not_depend_on_batches():
    for first_location in ("random", "learned"):
        model = make_model(first_location=first_location)
        whole = model.predict(IMAGES, batch_size=12, verbose=0)
        for other in (model.predict(IMAGES, batch_size=5, verbose=0), model(IMAGES)):
            for field, expected, found in zip(Trajectory._fields, whole, other, strict=True):
                np.testing.assert_allclose(found, expected, atol=1e-5, err_msg=field)
        losses_found = [model.evaluate(IMAGES, LABELS, batch_size=size, verbose=0, return_dict=True)["loss"] for size in (12, 5)]
        assert losses_found[0] == pytest.approx(losses_found[1], rel=1e-5)
        assert set(model.evaluate(IMAGES, LABELS, verbose=0, return_dict=True)) == {"loss", "accuracy"}


def test_the_first_place_belongs_to_the_model():
    first = {kind: make_model(first_location=kind)(IMAGES, training=True, seed=(1, 2)) for kind in ("random", "centre", "learned")}
    assert np.abs(first["random"].locations[:, 0]).max() > 0.3
    np.testing.assert_array_equal(first["centre"].locations[:, 0], np.zeros([12, 2]))
    assert np.all(first["learned"].log_probs[:, 0] != 0)
    for kind in ("random", "centre"):
        np.testing.assert_array_equal(first[kind].log_probs[:, 0], np.zeros(12))
    np.testing.assert_array_equal(make_model(first_location="random")(IMAGES).locations[:, 0], np.zeros([12, 2]))
    with pytest.raises(UserError, match="first_location expects one of"):
        make_model(first_location="center")


@pytest.mark.parametrize(("dtype", "apart"), [("float32", 1e-4), pytest.param("mixed_bfloat16", 0.1, marks=pytest.mark.slow)])
def test_xla_on_and_off_agree_on_given_actions(dtype, apart):
    """As a share of the way that training went: half precision rounds otherwise on every kind of CPU."""
    before, plain, compiled = (np.concatenate([value.ravel() for value in weights]) for weights in xla_off_and_on(dtype))
    assert np.linalg.norm(plain - compiled) < apart * np.linalg.norm(plain - before)


def xla_off_and_on(dtype):
    """The weights before training, after it without XLA, and with it."""
    yield make_model(dtype=dtype).get_weights()
    for jit_compile in (False, True):
        model = make_model({"jit_compile": jit_compile}, dtype=dtype)
        model.fit(given(), LABELS, batch_size=12, epochs=2, verbose=0)
        yield model.get_weights()


@pytest.mark.slow
def test_half_precision_learns_at_the_same_pace():
    changes = []
    for dtype in ("float32", "mixed_float16"):
        model = make_model(dtype=dtype)
        before = model.get_weights()
        model.fit(given(), LABELS, batch_size=12, epochs=3, verbose=0)
        changes.append(np.concatenate([np.ravel(new - old) for new, old in zip(model.get_weights(), before, strict=True)]))
        assert model.predict(IMAGES, verbose=0).locations.dtype == np.float32
    np.testing.assert_allclose(changes[1], changes[0], atol=0.05 * np.abs(changes[0]).max())


@pytest.mark.parametrize(
    "loss", ["sparse_categorical_crossentropy", keras.losses.SparseCategoricalCrossentropy(), keras.losses.categorical_crossentropy]
)
def test_a_loss_on_probabilities_is_refused(loss):
    with pytest.raises(UserError, match=r"SparseCategoricalCrossentropy\(from_logits=True\)"):
        make_model({"loss": loss})


def test_metrics_and_callbacks_by_their_usual_names(tmp_path):
    metrics = [
        "accuracy",
        keras.metrics.SparseTopKCategoricalAccuracy(2, name="top_2"),
        keras.metrics.MeanIoU(3, sparse_y_pred=False, name="iou"),
    ]
    model = make_model({"metrics": metrics, "optimizer": keras.optimizers.Adam(clipnorm=5.0)})
    callbacks = [
        keras.callbacks.EarlyStopping("val_accuracy", patience=0, mode="max"),
        keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", "val_accuracy", save_best_only=True),
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
    ]
    history = model.fit(IMAGES, LABELS, validation_data=(IMAGES, LABELS), epochs=3, callbacks=callbacks, verbose=0).history
    assert {"top_2", "val_top_2", "iou", "val_iou", "policy_entropy", "policy_gradient_variance", "reinforce", "baseline"} <= set(history)
    assert history["val_top_2"][-1] >= history["val_accuracy"][-1]
    assert (tmp_path / "best.keras").exists()
    assert (tmp_path / "log.csv").read_text().startswith("epoch,accuracy")


def test_one_hot_labels_and_label_smoothing():
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    history = make_model({"loss": loss}).fit(IMAGES, np.eye(3)[LABELS], batch_size=12, verbose=0).history
    sparse = make_model().fit(IMAGES, LABELS, batch_size=12, verbose=0).history
    assert history["reward"] == sparse["reward"]


def test_the_summary_shows_the_parts(capsys):
    make_model().summary(expand_nested=True)
    printed = capsys.readouterr().out
    assert all(part in printed for part in ("retina", "core", "location", "classifier"))


BAD_INPUT = {
    "rank": (IMAGES[..., 0], LABELS, "rank 4"),
    "channels": (np.zeros([12, 14, 14, 2], "float32"), LABELS, "built for 1 channels"),
    "dtype": (IMAGES.astype(int), LABELS, "uint8"),
    "range": (IMAGES * 255, LABELS, "divide by 255"),
    "NaN": (np.where(IMAGES > 0.99, np.nan, IMAGES), LABELS, "NaN in"),
    "small": (IMAGES[:, :3], LABELS, "at least as large as the smallest patch, 4x4, got 3x14"),
    "labels": (IMAGES, LABELS + 1, "labels must lie in 0 to 2"),
    "no images": ({"pictures": IMAGES}, LABELS, r'"images" among its keys. Received: a dict of'),
    "float labels": (IMAGES, LABELS * 1.0, "whole numbers"),
}


@pytest.mark.parametrize("mistake", BAD_INPUT)
def test_bad_input_is_told_before_training(mistake):
    images, labels, words = BAD_INPUT[mistake]
    with pytest.raises(UserError, match=words):
        make_model().fit(images, labels, verbose=0)


def test_images_of_another_kind_than_the_model_was_built_for():
    with pytest.raises(UserError, match="built for 1 channels"):
        make_model()(np.zeros([2, 14, 14, 3], "float32"))
    with pytest.raises(UserError, match="at least 4x4 pixels"):
        RAM(3, patch_size=4, num_scales=1).build((None, 3, 9, 1))
    with pytest.raises(UserError, match="3 looks expect 3 frames"):
        make_model()(np.zeros([2, 4, 14, 14, 1], "float32"))
    with pytest.raises(UserError, match="3 looks expect 3 actions"):
        make_model()({"images": IMAGES, "actions": ACTIONS[:, :2]})
    with pytest.raises(UserError, match="class_names expects 3 names"):
        RAM(3, class_names=["a", "b"], num_scales=1)
    with pytest.raises(UserError, match="encoder expects one of dense, conv"):
        RAM(3, encoder="transformer", num_scales=1)


def test_a_new_head_keeps_every_other_weight():
    model = make_model()
    other = model.with_classes(5, ["a", "b", "c", "d", "e"])
    with pytest.raises(UserError, match="expects a model that was built"):
        type(model).from_config(model.get_config()).with_classes(5)
    np.testing.assert_array_equal(other(IMAGES).locations, model(IMAGES).locations)
    assert other(IMAGES).logits.shape[-1] == 5


def test_what_was_frozen_stays_frozen_in_a_file_and_the_optimiser_goes_on(tmp_path):
    model = make_model({"optimizer": "adam"})
    model.cell.encoder.trainable = False
    model.compile("adam")
    model.fit(IMAGES, LABELS, batch_size=12, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = tf_glimpse.load_model(tmp_path / "model.keras")
    frozen = loaded.cell.encoder.get_weights()
    for again in (model, loaded):
        again.fit(IMAGES, LABELS, batch_size=12, verbose=0)
    for before, after in zip(frozen, loaded.cell.encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    for unbroken, resumed in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_allclose(unbroken, resumed, atol=1e-6)


def test_a_model_compiled_but_not_built_is_saved_and_trained(tmp_path):
    model = RAM(3, patch_size=4, num_glimpses=2, units=8, num_scales=1)
    model.compile("adam")
    with pytest.warns(UserWarning, match="not been built|never been built|hasn't been built|has not"):
        model.save(tmp_path / "model.keras")
    loaded = tf_glimpse.load_model(tmp_path / "model.keras")
    loaded.fit(IMAGES, LABELS, verbose=0)
    assert int(loaded.optimizer.iterations) == 1


def test_a_model_may_be_built_again_for_images_of_another_size():
    model = RAM(3, patch_size=4, num_glimpses=2, units=8, num_scales=1)
    model.build((None, None, None, 1))
    model.build((None, 20, 24, 1))
    assert model.image_shape == (20, 24, 1)
    assert model(np.zeros([2, 20, 24, 1], "float32")).logits.shape == (2, 2, 3)
    with pytest.raises(UserError, match="built for 1 channels"):
        model.build((None, 20, 24, 3))


def test_metrics_and_seeds_as_keras_takes_them():
    model = make_model({"metrics": ["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(2, name="top_2")]})
    assert {"accuracy", "top_2"} <= set(model.fit(IMAGES, LABELS, verbose=0).history)
    for seed in (-1, 2**31):
        with pytest.raises(UserError, match=f"from 0 to 2.* - 1, or None. Received: {seed}"):
            RAM(3, seed=seed, num_scales=1)


def test_a_model_of_ones_own_says_its_task_and_how_it_looks():
    """Its classes are the task's; without states it learns by what needs none."""

    class Own(AttentionModel):
        def __init__(self):
            super().__init__(seed=0)
            self.inner = RAM(3, patch_size=4, num_glimpses=2, units=8, seed=0, num_scales=1)
            self.task = self.inner.task

        def build(self, input_shape):
            self.inner.build(input_shape)
            self.built = True

        def rollout(self, inputs, training, sample, seed):
            return self.inner(inputs, training=training, sample=sample, seed=seed), None

    model = Own()
    assert (model.num_classes, model.class_names) == (3, None)
    model.compile("adam")
    assert [term.name for term in model.terms] == ["reinforce", "anytime", "supervision"]
    assert np.isfinite(model.fit(IMAGES, LABELS, verbose=0).history["loss"][0])
