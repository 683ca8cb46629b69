"""The Saccader against its authors' own code: weights by name, then every number that code was made to say.

Another file of other sizes, named by TF_GLIMPSE_SACCADER_ORACLE, goes through the same tests. `pytest -s` prints the largest deviations:
the largest absolute difference over the largest absolute value expected.
"""

import json
import os

import numpy as np
import pytest
import tensorflow as tf
from saccader_oracle import MEASURED, PATH, batch_norm_counts, by_name, check, each_look, looks_first, make_model, unbiased

from tf_glimpse import losses
from tf_glimpse.losses.places import cell_log_probs
from tf_glimpse.models.step import Step
from tf_glimpse.ops.coordinates import patch_corners
from tf_glimpse.ops.coverage import seen_pixels
from tf_glimpse.ops.grids import field_cells, field_centres, ordered_cells
from tf_glimpse.policies import OrderedLogits, Sobel

ASKED = "TF_GLIMPSE_SACCADER_ORACLE" in os.environ  # a file that was asked for and is not there is a failure
pytestmark = pytest.mark.skipif(not PATH.is_file() and not ASKED, reason=f"no oracle at {PATH}; TF_GLIMPSE_SACCADER_ORACLE names another")
INFERENCE, TRAINING, GRADIENT = 2e-5, 1e-4, 1e-4  # largest deviations let through


@pytest.fixture(scope="module")
def oracle():
    with np.load(PATH) as file:
        return {name: file[name] for name in file.files}


@pytest.fixture(scope="module")
def sizes(oracle):
    return json.loads(str(oracle["meta_json"]))["config"]


@pytest.fixture(scope="module", autouse=True)
def print_measured():
    yield
    print("\nlargest deviations from the authors' code:", ", ".join(f"{name} {value:.1e}" for name, value in MEASURED.items()))


def check_gradients(name, oracle, prefix, model, gradients):
    """Every trainable variable's gradient; the oracle leaves out those that have none."""
    gradients = dict(zip((variable.path for variable in model.trainable_variables), gradients, strict=True))
    for variable_name, variable in by_name(model).items():
        expected = oracle.get(f"{prefix}/{variable_name}")
        if variable.trainable and variable.path in gradients:
            gradient = gradients[variable.path]
            assert (expected is None) == (gradient is None), variable_name
            if expected is not None:
                check(name, gradient, expected, GRADIENT)
        else:
            assert expected is None, variable_name


def check_representation(kind, oracle, model, training):
    """Everything before the looks; returns the mixed features [B, N, D]."""
    tolerance = TRAINING if training else INFERENCE
    seen = model.bagnet.represent(oracle["images"], training)
    where = model.attention.where(seen.features, training)
    mixed = model.attention.mixing(tf.concat([where, seen.what], axis=-1))
    maps = {"features2d": seen.features, "what_features2d": seen.what, "where_features2d": where, "mixed_features2d": mixed}
    for name, found in {**maps, "logits2d": seen.logits}.items():
        check(f"{kind} activations", found, oracle[f"{kind}/{name}"], tolerance)
    check(f"{kind} activations", tf.reduce_mean(seen.logits, axis=[1, 2]), oracle[f"{kind}/representation_logits"], tolerance)
    return tf.reshape(mixed, [mixed.shape[0], -1, mixed.shape[-1]])


def check_looks(kind, oracle, model, trajectory, mixed, tolerance):
    """What the cell made of each look, the places, and the answer."""
    cells = field_cells(trajectory.locations, model.fields(model.image_shape[:2]))
    np.testing.assert_array_equal(looks_first(cells), oracle[f"{kind}/locations_labels_t"])
    check(f"{kind} locations", looks_first(trajectory.locations), oracle[f"{kind}/locations_t"], tolerance)
    check(f"{kind} log-probabilities", looks_first(trajectory.log_probs), oracle[f"{kind}/locations_logp_t"], tolerance)
    check(f"{kind} logits", trajectory.logits[:, -1], oracle[f"{kind}/logits"], tolerance)
    check(f"{kind} logits", looks_first(each_look(trajectory.logits)), oracle[f"{kind}/logits_t"], tolerance)
    visited = np.zeros(mixed.shape[:2], "float32")
    for look in range(cells.shape[1]):
        maps, channels = cell_maps(model.cell, mixed, trajectory.policy[:, look], visited), model.cell.channel_logits(mixed, visited)
        for name, found in maps.items():
            expected = oracle[f"{kind}/{name}_t"][look].reshape(visited.shape)
            check(f"{kind} looks", np.where(visited, 0, found), np.where(visited, 0, expected), tolerance)
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-2)  # the masked too, at 1e5
        check(f"{kind} looks", channels, oracle[f"{kind}/features_channels_logits_t"][look], tolerance)
        check(f"{kind} looks", tf.nn.softmax(channels), oracle[f"{kind}/features_channels_weights_t"][look], tolerance)
        visited[np.arange(len(visited)), cells[:, look]] = 1
        np.testing.assert_array_equal(visited, oracle[f"{kind}/cell_state_t"][look].reshape(visited.shape))


def cell_maps(cell, mixed, policy, visited):
    """What the cell gives each cell of the map before a look, by the authors' names."""
    space = cell.cell_logits(mixed, visited)
    logits = {"features_space_logits": space, "locations_logits2d": policy}
    return {**logits, "features_space_weights": tf.nn.softmax(space), "locations_prob2d": tf.nn.softmax(policy)}


def test_the_variables_are_the_authors(oracle, sizes):
    model, meta = make_model(oracle, sizes), json.loads(str(oracle["meta_json"]))
    expected = {name.removeprefix("var/"): value.shape for name, value in oracle.items() if name.startswith("var/")}
    assert {name: tuple(variable.shape) for name, variable in by_name(model).items()} == expected
    trainable = sum(np.prod(variable.shape) for variable in model.trainable_variables)
    assert (model.count_params(), trainable) == (meta["params_total"], meta["params_trainable"])
    fields = model.bagnet.fields(model.image_shape[:2])
    assert (fields.side, fields.grid[0], fields.pitch[0]) == (meta["glimpse"], meta["grid"], meta["stride"])


def test_inference(oracle, sizes):
    model = make_model(oracle, sizes)
    trajectory = model(oracle["images"])
    check_looks("eval", oracle, model, trajectory, check_representation("eval", oracle, model, training=False), INFERENCE)
    check("eval entropies", np.mean(trajectory.entropies, axis=0), oracle["entropy_eval"], INFERENCE)


def test_compiled_inference(oracle, sizes):
    model = make_model(oracle, sizes)
    for jit_compile in (False, True):
        trajectory = tf.function(model, jit_compile=jit_compile)(oracle["images"])
        cells = field_cells(trajectory.locations, model.fields(model.image_shape[:2]))
        np.testing.assert_array_equal(looks_first(cells), oracle["eval/locations_labels_t"])
        check("eval logits, compiled", trajectory.logits[:, -1], oracle["eval/logits"], INFERENCE)


def test_what_was_seen(oracle, sizes):
    """The authors' windows are ours, rounded down where they lie between pixels: at most one off."""
    model = make_model(oracle, sizes)
    fields, side = model.fields(model.image_shape[:2]), model.patch_size
    locations = tf.gather(field_centres(fields), oracle["eval/locations_labels_t"].T)
    windows = oracle["geometry/eval_windows_t"]
    np.testing.assert_array_equal(windows[..., 2:] - windows[..., :2], side - 1)
    corners = (looks_first(locations) + 1) / 2 * np.array(fields.image_size) - side / 2
    np.testing.assert_array_equal(windows[..., :2], np.floor(corners + 1e-3))
    between = any(pitch % 1 for pitch in fields.pitch)
    assert np.abs(windows[..., :2] - looks_first(patch_corners(locations, fields.image_size, side))).max() <= between
    seen = seen_pixels(locations, fields.image_size, side).numpy()
    assert np.mean(seen != (oracle["geometry/eval_mask"][..., 0] == 0)) <= 4 * between / side


def test_given_places_and_batch_statistics(oracle, sizes):
    model = make_model(oracle, sizes)
    mixed = check_representation("train", oracle, model, training=True)
    model = make_model(oracle, sizes)
    before = {name: variable.numpy() for name, variable in by_name(model).items()}
    places = tf.gather(field_centres(model.fields(model.image_shape[:2])), oracle["train/locations_labels_t"].T)
    trajectory = model({"images": oracle["images"], "actions": places}, training=True)
    check_looks("train", oracle, model, trajectory, mixed, TRAINING)
    counts = batch_norm_counts(model, len(oracle["images"]))
    for name, variable in by_name(model).items():
        expected = oracle.get(f"train/bn_after_update/{name}")
        assert (expected is not None) == ("moving" in name), name
        if expected is not None:
            count = counts[name.rsplit("/", 1)[0]] if "variance" in name else np.inf
            check("moving statistics", unbiased(before[name], variable.numpy(), count), expected, TRAINING)


def test_policies_to_compare_with(oracle, sizes):
    model = make_model(oracle, sizes)
    policies = {"ordered_logits": OrderedLogits(model, sizes["T"])}
    policies |= {f"sobel_{short}": Sobel(model, sizes["T"], long) for short, long in (("mean", "mean"), ("var", "variance"))}
    for name, policy in policies.items():
        places = policy(oracle["images"], np.arange(len(oracle["images"])), (0, 0))
        trajectory = model({"images": oracle["images"], "actions": places})
        np.testing.assert_allclose(looks_first(trajectory.locations), oracle[f"{name}/locations_t"], atol=1e-5)
        check(f"{name} logits", trajectory.logits[:, -1], oracle[f"{name}/logits"], INFERENCE)
        check(f"{name} logits", looks_first(each_look(trajectory.logits)), oracle[f"{name}/logits_t"], INFERENCE)


@pytest.mark.parametrize("kind", ["eval", "train"])
def test_location_pretraining(oracle, sizes, kind):
    """Without teacher forcing, as the authors: the looks go where the policy sent them, and masked targets count."""
    training, expected = kind == "train", {name: oracle[f"pretrain_{kind}/{name}"] for name in ("ce_t", "target_labels_t", "loss")}
    looks = len(expected["ce_t"])
    stop = not training  # the authors' batch norms are not frozen
    model = make_model(oracle, sizes, looks, terms=[losses.Targets(num_targets=looks, teacher_forcing=False, stop_gradient=stop)])
    places = tf.gather(field_centres(model.fields(model.image_shape[:2])), oracle[f"pretrain_{kind}/history_labels_t"].T)
    inputs = {"images": oracle["images"], "actions": places}
    location = [*model.attention.trainable_variables, *model.cell.trainable_variables]
    with tf.GradientTape() as tape:
        trajectory = model(inputs if training else oracle["images"], training=training)
        seen = model.bagnet.represent(oracle["images"], training)
        targets = ordered_cells(seen.logits, looks)
        loss = -tf.reduce_mean(cell_log_probs(trajectory.policy, targets))
    np.testing.assert_allclose(trajectory.locations, places, atol=1e-6)
    np.testing.assert_array_equal(looks_first(targets), expected["target_labels_t"])
    maps = oracle[f"pretrain_{kind}/locations_logits2d_t"].reshape(looks_first(trajectory.policy).shape)
    open_cells = maps > -1e4  # the others were looked at before
    check(f"pretraining looks, {kind}", looks_first(trajectory.policy)[open_cells], maps[open_cells], TRAINING if training else INFERENCE)
    each = -looks_first(cell_log_probs(trajectory.policy, targets))
    free = expected["ce_t"] < 1e4
    check(f"pretraining loss, {kind}", each[free], expected["ce_t"][free], TRAINING if training else INFERENCE)
    np.testing.assert_allclose(loss, expected["loss"], rtol=1e-5)
    gradients = tape.gradient(loss, location)
    if training:
        check("pretraining gradients, train", tf.linalg.global_norm(gradients), oracle["pretrain_train/grad_global_norm"], GRADIENT)
    else:
        check_gradients("pretraining gradients, eval", oracle, "grad_pretrain_eval", model, gradients)
        terms, _ = model.loss_terms(Step(model, oracle["images"], oracle["labels"], trajectory))
        np.testing.assert_allclose(terms["targets"] / looks, expected["loss"], rtol=1e-5)
        np.testing.assert_allclose(terms["location_loss"], np.ma.masked_array(expected["ce_t"], ~free).mean(axis=0).mean(), rtol=1e-5)


def test_answer_and_reinforce(oracle, sizes):
    model = make_model(oracle, sizes)
    with tf.GradientTape(persistent=True) as tape:
        trajectory = model(oracle["images"])
        terms, _ = model.loss_terms(Step(model, oracle["images"], oracle["labels"], trajectory))
        reinforce = terms["reinforce"] / sizes["T"]
    check("cross-entropy", terms["cross_entropy"], oracle["xent_eval/loss"], INFERENCE)
    check("REINFORCE", reinforce, oracle["reinforce_pun0/loss_final_logits"], TRAINING)
    variables = model.trainable_variables
    check_gradients("cross-entropy gradients", oracle, "grad_xent_eval", model, tape.gradient(terms["cross_entropy"], variables))
    check_gradients("REINFORCE gradients", oracle, "grad_reinforce_eval", model, tape.gradient(reinforce, variables))


def final_punished(trajectory, labels):
    """1 at the last look if the answer is right, else -1."""
    last = np.eye(trajectory.logits.shape[1], dtype="float32")[-1]
    return 2 * losses.final_correct(trajectory, labels) - last


def each_right(trajectory, labels):
    """1 at each look whose own logits are right."""
    right = np.argmax(each_look(trajectory.logits), axis=-1) == np.asarray(labels)[:, None]
    return tf.constant(right.astype("float32"))


REWARDS = {
    "pun1/loss_final_logits": (final_punished, 1.0),
    "pun0/loss_per_glimpse_logits": (each_right, 0.0),
    "pun1/loss_per_glimpse_logits": (lambda trajectory, labels: 2 * each_right(trajectory, labels) - 1, 0.0),
}


@pytest.mark.parametrize("name", REWARDS)
def test_other_rewards(oracle, sizes, name):
    reward, discount = REWARDS[name]
    model = make_model(oracle, sizes, terms=[losses.Reinforce(reward=reward, discount=discount, baseline="batch_mean")])
    terms, _ = model.loss_terms(Step(model, oracle["images"], oracle["labels"], model(oracle["images"])))
    check("REINFORCE", terms["reinforce"] / sizes["T"], oracle[f"reinforce_{name}"], TRAINING)
