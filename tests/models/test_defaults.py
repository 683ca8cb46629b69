"""`RAM(classes)`, `compile()`, `fit`, nothing else chosen: it learns to look, whatever the images and the core."""

import keras
import numpy as np
import pytest

import tf_glimpse
from tf_glimpse import RAM, datasets, losses
from tf_glimpse.models.mean_weights import MeanAdamW, with_mean_weights
from tf_glimpse.policies import Centre

IMAGES = np.random.default_rng(0).integers(0, 255, [12, 28, 28, 1], "uint8")
LABELS = np.arange(12) % 3


def quickly(model, images=IMAGES):
    return model.fit(images, LABELS, epochs=1, batch_size=12, verbose=0).history


def test_digits_on_a_canvas_are_learned_by_looking_at_the_right_place():
    """Better than by the same weights' looks at the centre, where most digits are not."""
    data, epochs = datasets.load("digits_canvas"), 16
    keras.utils.set_random_seed(0)
    model = RAM(10, seed=0)
    model.compile()
    batches = datasets.train_batches(data, 32, 0, epochs=epochs)
    model.fit(batches, steps_per_epoch=epochs * datasets.steps_per_epoch(data, 32), shuffle=False, verbose=0)
    own, centre = (
        model.evaluate(datasets.eval_batches(data.test, 200, actions=actions), verbose=0, return_dict=True)["accuracy"]
        for actions in (None, Centre(6))
    )
    assert own > 0.5
    assert own > centre + 0.2


@pytest.mark.parametrize(("side", "scales"), [(8, 1), (16, 1), (28, 2), (32, 2), (60, 3), (64, 3), (128, 4), (160, 5)])
def test_the_widest_patch_covers_half_of_the_image(side, scales):
    model = RAM(3, patch_size=8)
    model.build((None, side, side + 8, 3))
    assert model.num_scales == model.retina.num_scales == model.get_config()["num_scales"] == scales
    widest = 8 * 2 ** (scales - 1)
    assert widest >= side / 2 and (scales == 1 or widest / 2 < side / 2)


def test_scales_of_one_s_own_stay_and_unknown_sizes_get_three():
    chosen, unknown = RAM(3, num_scales=1), RAM(3)
    chosen.build((None, 60, 60, 1))
    unknown.build((None, None, None, 1))
    assert (chosen.num_scales, unknown.num_scales) == (1, 3)


STACKED = keras.layers.StackedRNNCells([keras.layers.GRUCell(6), keras.layers.LSTMCell(8)])


def told(terms):
    """What terms are made of, by their names."""
    return {term.name: term.get_config() for term in losses.get_terms(terms)}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_glimpses": 2},
        {"num_glimpses": 1, "first_location": "learned"},
        {"core": "rectified"},
        {"core": "lstm"},
        {"core": STACKED},
        {"location": ("categorical", {"grid": (5, 5)})},
        {"baseline": False},
    ],
    ids=str,
)
def test_every_kind_of_model_learns_by_tries(options):
    model = RAM(3, **options)
    model.build((None, 28, 28, 1))
    model.compile(run_eagerly=True)
    assert told(model.terms) == told(losses.TRIES) and model.sample is False
    before = model.cell.location.get_weights()
    logs = quickly(model)
    assert np.isfinite(logs["loss"][0])
    terms = {"anytime", "look_ahead", "hindsight"}
    assert set(logs) == {"accuracy", "loss", "cross_entropy", "policy_entropy", "policy_gradient_variance", *terms}
    assert any(np.any(new != old) for new, old in zip(model.cell.location.get_weights(), before, strict=True)), options


def test_films_are_learned_by_tries_too():
    model = RAM(3, num_glimpses=4)
    model.compile(run_eagerly=True)
    assert {"look_ahead", "hindsight"} <= set(quickly(model, np.repeat(IMAGES[:, None], 4, axis=1)))


@pytest.mark.parametrize("baseline", [True, False])
def test_where_no_place_can_be_tried_it_learns_by_draws(baseline):
    """A single look at the centre; without a learned baseline, the batch's mean return is taken off."""
    model = RAM(3, num_glimpses=1, baseline=baseline)
    with pytest.warns(UserWarning, match="looks once"):
        model.compile(run_eagerly=True)
    assert told(model.terms) == told(losses.draws(baseline)) and model.sample is True
    assert ("baseline" in told(model.terms)) == baseline
    assert np.isfinite(quickly(model)["loss"][0])


def test_the_terms_that_are_given_are_exactly_what_is_used():
    """Settings that are no terms leave the default as it is."""
    model = RAM(3, num_glimpses=2)
    model.compile(rollouts=3)
    assert told(model.terms) == told(losses.TRIES) and model.rollouts == 3
    model.compile(terms=losses.PAPER, run_eagerly=True)
    assert told(model.terms) == told([losses.Reinforce(0.1), losses.Baseline(1.0), losses.Supervision(1.0)])
    assert {"reinforce", "baseline", "reward"} <= set(quickly(model)) and not {"look_ahead", "anytime"} & set(model.history.history)
    model.compile(terms=[losses.Reinforce(0.1, baseline=None)], run_eagerly=True)
    assert "baseline" not in quickly(model)


@pytest.mark.parametrize(
    ("options", "terms", "words"),
    [
        ({"num_glimpses": 1}, None, "looks once.*num_glimpses of at least 2"),
        ({}, ["supervision"], "from given places alone.*LookAhead"),
        ({}, ["supervision", "anytime"], "from given places alone"),
    ],
)
def test_compile_says_what_cannot_learn(options, terms, words):
    with pytest.warns(UserWarning, match=words):
        RAM(3, **options).compile(terms=terms)


@pytest.mark.slow
def test_a_running_mean_is_validated_kept_and_saved(tmp_path):
    """Also with a checkpoint of one's own, and under loss scaling."""
    for dtype in ("float32", "mixed_float16"):
        model = RAM(3, num_glimpses=2, dtype=dtype)
        model.compile()
        best = keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", "val_loss", save_best_only=True)
        history = model.fit(IMAGES, LABELS, batch_size=4, epochs=3, validation_data=(IMAGES, LABELS), callbacks=[best], verbose=0).history
        last = model.evaluate(IMAGES, LABELS, verbose=0, return_dict=True)["loss"]
        assert last == pytest.approx(history["val_loss"][-1], rel=1e-3)
        kept = tf_glimpse.load_model(tmp_path / "best.keras").evaluate(IMAGES, LABELS, verbose=0, return_dict=True)["loss"]
        assert kept == pytest.approx(min(history["val_loss"]), rel=1e-3)


def test_the_running_mean_forgets_the_first_weights_at_once():
    optimizer, variable = MeanAdamW(0.1, weight_decay=0.0, clipnorm=None), keras.Variable([0.0])
    values, means = [], []
    for _ in range(40):
        optimizer.apply([keras.ops.convert_to_tensor([-1.0])], [variable])
        values.append(float(variable[0]))
        means.append(float(optimizer._model_variables_moving_average[0][0]))
    mean = values[0]
    for step, value in enumerate(values[1:], start=1):
        kept = min(0.99, (1 + step) / (10 + step))
        mean = kept * mean + (1 - kept) * value
        assert means[step] == pytest.approx(mean, rel=1e-4)
    assert means[-1] > 0.6 * values[-1]


def test_another_optimiser_and_its_callbacks_are_left_as_they_are():
    own = keras.callbacks.SwapEMAWeights()
    for optimizer, given, swaps in (("adam", [], 0), (None, [], 1), (None, [own], 1)):
        model = RAM(3)
        model.compile(optimizer)
        callbacks = with_mean_weights(given, model.optimizer)
        assert sum(isinstance(callback, keras.callbacks.SwapEMAWeights) for callback in callbacks) == swaps
        assert not given or callbacks == given
