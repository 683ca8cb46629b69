"""The stages: what each trains and what it leaves alone, by which loss, and what it reports."""

import keras
import numpy as np
import tensorflow as tf

from tf_glimpse.losses import Reinforce, Supervision, Targets
from tf_glimpse.models import load_model
from tf_glimpse.models.saccader import Saccader
from tf_glimpse.models.step import Step
from tf_glimpse.ops.grids import field_cells, ordered_cells

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.random([8, 17, 21, 3]).astype("float32")
LABELS = np.arange(8) % 3
BAGNET = {"blocks": (1,), "filters": (8,), "strides": (4,), "stem_filters": 8, "receptive_field": 5}
CELLS, LOOKS, TARGETS = 20, 3, 5
LOCATION = {"terms": {"targets": {"num_targets": TARGETS}}}


def make_model(optimizer="sgd", num_glimpses=LOOKS, **compile_kwargs):
    keras.utils.set_random_seed(3)
    model = Saccader(3, BAGNET, num_glimpses, mixed_channels=12, seed=1)
    model.build((None, *IMAGES.shape[1:]))
    model.compile(optimizer, **compile_kwargs)
    return model


def looked(model, inputs=IMAGES, weights=None, **call):
    """The `Step` of a call."""
    return Step(model, inputs, LABELS, *model(inputs, return_states=True, **call), weights)


def drawn(model):
    """The `Step` of a call in training."""
    return looked(model, training=True, seed=(1, 2))


def parts(model):
    """Every weight of the classifier and of what chooses places, batch-norm statistics too."""
    policy = [*model.attention.variables, *model.cell.variables]
    return {"bagnet": [weight.numpy() for weight in model.bagnet.variables], "policy": [weight.numpy() for weight in policy]}


def changes(model, fitted, epochs):
    """Which weights `fitted.fit` changed, by part; and the history."""
    before = parts(model)
    history = fitted.fit(IMAGES, LABELS, batch_size=8, epochs=epochs, verbose=0).history
    after = parts(model)
    return {part: [np.any(old != new) for old, new in zip(before[part], after[part], strict=True)] for part in before}, history


def gradient(model, name, part):
    """The largest gradient that one term of the loss sends to a part; None where none arrives."""
    layers = [model.bagnet] if part == "bagnet" else [model.attention, model.cell]
    variables = [variable.value for layer in layers for variable in layer.variables]
    with tf.GradientTape() as tape:
        tape.watch(variables)
        term = model.loss_terms(drawn(model))[0][name]
    found = [np.abs(each).max() for each in tape.gradient(term, variables) if each is not None]
    return max(found, default=None)


def test_the_stages_one_after_the_other(tmp_path):
    """Stage 1 is the BagNet's own fit; the location stage leaves it alone, statistics too; REINFORCE trains everything."""
    model = make_model()
    model.bagnet.compile(keras.optimizers.SGD(0.1))
    moved, history = changes(model, model.bagnet, epochs=5)
    assert all(moved["bagnet"])
    assert not any(moved["policy"])
    assert history["loss"][-1] < history["loss"][0]

    model.compile(keras.optimizers.Adam(1e-2), **LOCATION)
    reported, expected = set(model.evaluate(IMAGES, LABELS, verbose=0, return_dict=True)), model.bagnet(IMAGES, training=True).numpy()
    moved, history = changes(model, model, epochs=60)
    assert not any(moved["bagnet"]), "neither weights nor moving statistics"
    assert all(moved["policy"])
    np.testing.assert_array_equal(model.bagnet(IMAGES, training=True), expected)
    np.testing.assert_allclose(history["location_loss"], np.array(history["targets"]) / TARGETS, rtol=1e-5)
    assert history["location_loss"][-1] < 0.7 * history["location_loss"][0]
    assert history["hit_rate"][-1] > 0.8
    assert reported == {"loss", "accuracy", "location_loss", "hit_rate"}
    model.save(tmp_path / "model.keras")

    model.compile("sgd", terms=[Reinforce(1.0, baseline="batch_mean")])
    moved, history = changes(model, model, epochs=1)
    assert all(moved["bagnet"])
    assert all(moved["policy"]), "by REINFORCE alone"
    assert not {"location_loss", "hit_rate", "targets"} & set(history) and model.targets is None

    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.targets.get_config() == {"weight": 1.0, "num_targets": TARGETS, "teacher_forcing": True, "stop_gradient": True}
    assert not loaded.bagnet.trainable_variables


def test_what_the_user_froze_stays_frozen():
    model = make_model()
    model.bagnet.stem.trainable = False
    model.compile("sgd", **LOCATION)
    assert not model.bagnet.trainable_variables
    model.compile("sgd", **LOCATION)
    model.compile("sgd")
    assert [(term.name, term.weight) for term in model.terms] == [("reinforce", 0.1), ("supervision", 1.0)]
    assert not model.bagnet.stem.trainable_variables
    assert model.bagnet.classifier.trainable_variables


def test_who_learns_from_what():
    model = make_model(terms=[Reinforce(1.0, baseline="batch_mean")])
    assert gradient(model, "cross_entropy", "policy") is None
    assert gradient(model, "reinforce", "policy") > 0
    assert gradient(model, "reinforce", "bagnet") > 0
    taught = make_model(**LOCATION)
    assert gradient(taught, "targets", "bagnet") is None
    assert gradient(taught, "targets", "policy") > 0
    assert gradient(taught, "cross_entropy", "bagnet") > 0  # the stop is the policy's; what keeps the BagNet as it is, is that it is frozen
    joint = make_model(terms=[Targets(num_targets=TARGETS, stop_gradient=False)])
    assert joint.bagnet.trainable
    assert gradient(joint, "targets", "bagnet") > 0
    both = make_model(terms=[Targets(num_targets=TARGETS), Reinforce(1.0, baseline="batch_mean")])
    assert not both.bagnet.trainable_variables
    assert gradient(both, "reinforce", "bagnet") is None
    assert gradient(both, "reinforce", "policy") > 0


def test_teacher_forcing_is_learning_from_given_places():
    model = make_model(**LOCATION)
    step = drawn(model)
    trajectory = step.trajectory
    targets = ordered_cells(model.bagnet.represent(IMAGES).logits, TARGETS)
    np.testing.assert_array_equal(field_cells(trajectory.locations, model.fields(IMAGES.shape[1:3])), targets)
    assert np.min(trajectory.log_probs) > -1e3, "no target is masked"
    terms, _ = model.loss_terms(step)
    np.testing.assert_allclose(terms["targets"], -np.mean(np.sum(trajectory.log_probs, axis=1)), rtol=1e-5)
    supervised = make_model(num_glimpses=TARGETS, terms=[Supervision()])
    inputs = {"images": IMAGES, "actions": trajectory.actions}
    by_places = supervised.loss_terms(looked(supervised, inputs))[0]["supervision"]
    scores = -np.mean(np.sum(supervised(inputs).log_probs, axis=1))
    np.testing.assert_allclose(by_places, scores, rtol=1e-5)
    np.testing.assert_allclose(supervised(inputs).locations, trajectory.locations, atol=1e-6)


def test_without_teacher_forcing_looks_are_drawn_and_targets_can_be_masked():
    model = make_model(terms=[Targets(num_targets=TARGETS, teacher_forcing=False)])
    step = drawn(model)
    trajectory = step.trajectory
    targets = ordered_cells(model.bagnet.represent(IMAGES).logits, TARGETS)
    cells = field_cells(trajectory.locations, model.fields(IMAGES.shape[1:3])).numpy()
    masked = np.array(
        [[target in row[:rank] for rank, target in enumerate(wanted)] for row, wanted in zip(cells, targets.numpy(), strict=True)]
    )
    assert masked.any()
    terms, loss = model.loss_terms(step)
    np.testing.assert_allclose(terms["targets"], masked.sum() * 1e5 / 8, rtol=1e-2)
    assert loss > 1e4
    assert 0 < terms["location_loss"] < 10


def test_the_baseline_is_the_batchs_mean_return():
    model = make_model(terms=[Reinforce(1.0, reward="final_probability", baseline="batch_mean")])
    step = drawn(model)
    trajectory = step.trajectory
    rewards = np.take_along_axis(tf.nn.softmax(trajectory.logits[:, -1]).numpy(), LABELS[:, None], axis=1)[:, 0]
    log_probs = trajectory.log_probs.numpy().sum(axis=1)
    terms, loss = model.loss_terms(step)
    np.testing.assert_allclose(terms["reinforce"], -np.mean((rewards - rewards.mean()) * log_probs), rtol=1e-4)
    np.testing.assert_allclose(loss, terms["reinforce"] + terms["cross_entropy"], rtol=1e-5)
    weights, given = np.array([0, 1, 2, 1, 1, 1, 1, 1], "float32"), np.arange(8) < 3
    inputs = {"images": IMAGES, "actions": trajectory.actions, "has_actions": given}
    advantages = rewards - np.average(rewards, weights=weights * ~given)
    terms, _ = model.loss_terms(Step(model, inputs, LABELS, trajectory, weights=tf.constant(weights)))
    np.testing.assert_allclose(terms["reinforce"], -np.mean(weights * ~given * advantages * log_probs), rtol=1e-4)


def test_a_model_frozen_before_it_was_built_stays_so_and_is_saved(tmp_path):
    model = Saccader(3, BAGNET, LOOKS, mixed_channels=12, seed=1)
    model.compile("sgd", **LOCATION)
    model.build((None, *IMAGES.shape[1:]))
    moved, _ = changes(model, model, epochs=1)
    assert not any(moved["bagnet"])
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    loaded.compile("sgd")
    assert len(loaded.trainable_variables) == len(make_model().trainable_variables)


def test_a_file_knows_what_learned_before_the_location_stage(tmp_path):
    model = make_model()
    model.bagnet.stem.trainable = False
    model.compile("sgd", **LOCATION)
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    moved, _ = changes(loaded, loaded, epochs=1)
    assert not any(moved["bagnet"])
    loaded.compile("sgd")
    assert not loaded.bagnet.stem.trainable_variables and loaded.bagnet.classifier.trainable_variables
