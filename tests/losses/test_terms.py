"""Each term's number by hand on a small trajectory; how terms are given, refused, kept in a file; and a term of the user's own."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_model import IMAGES, LABELS, given, looked, make_model

import tf_glimpse
from tf_glimpse import RAM, losses
from tf_glimpse.losses import Anytime, Baseline, Entropy, Guidance, Hindsight, LookAhead, Reinforce, Supervision, Targets, Term
from tf_glimpse.models.step import Step
from tf_glimpse.tasks import Classification
from tf_glimpse.types import Trajectory, UserError

RANDOM = np.random.default_rng(0)
ROWS, LOOKS, CLASSES = 4, 3, 3
TRUTH = np.array([0, 1, 2, 1])
WEIGHTS = np.array([1.0, 0.5, 2.0, 0.0], "float32")
GIVEN = np.array([False, True, False, False])
FREE = 1.0 - GIVEN
ACTIONS = RANDOM.uniform(-1, 1, [ROWS, LOOKS, 2]).astype("float32")


def numbers(*shape):
    return RANDOM.normal(size=shape).astype("float32")


LOGITS = numbers(ROWS, LOOKS, CLASSES)
TRAJECTORY = Trajectory(
    logits=tf.constant(LOGITS),
    locations=tf.constant(ACTIONS),
    actions=tf.constant(ACTIONS),
    log_probs=tf.constant(numbers(ROWS, LOOKS)),
    baselines=tf.constant(numbers(ROWS, LOOKS)),
    entropies=tf.constant(numbers(ROWS, LOOKS)),
    policy=tf.constant(numbers(ROWS, LOOKS, 6)),
    hidden=tf.constant(numbers(ROWS, LOOKS, 5)),
)
SHARES = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=-1, keepdims=True)
RIGHT = np.take_along_axis(SHARES, TRUTH[:, None, None], axis=-1)[..., 0]  # [B, T]
EARNED = RANDOM.random([ROWS, LOOKS]).astype("float32")


def earned(trajectory, labels):
    return tf.constant(EARNED)


def step_of(*terms, inputs=None, weights=None, **model):
    """What a step knows of the trajectory above, of a model that only has what is passed."""
    model = types.SimpleNamespace(task=Classification(CLASSES), terms=terms, **model)
    return Step(model, inputs, tf.constant(TRUTH), TRAJECTORY, tf.zeros([ROWS, LOOKS, 2]), weights)


def returns(discount):
    found = np.zeros_like(EARNED)
    for look in reversed(range(LOOKS)):
        found[:, look] = EARNED[:, look] + (discount * found[:, look + 1] if look + 1 < LOOKS else 0)
    return found


BATCH_MEAN = returns(0.5).mean()
OF_THE_POLICY = np.average(returns(0.5).mean(axis=1), weights=WEIGHTS * FREE)  # by weight, of the rows that nobody was given places for


@pytest.mark.parametrize(("baseline", "taken"), [("learned", TRAJECTORY.baselines.numpy()), (None, 0.0), ("batch_mean", BATCH_MEAN)])
def test_reinforce(baseline, taken):
    """Minus the scores times what was earned beyond the baseline."""
    term = Reinforce(reward=earned, discount=0.5, baseline=baseline)
    by_hand = -np.sum(TRAJECTORY.log_probs * (returns(0.5) - taken), axis=1)
    np.testing.assert_allclose(term(step_of(term)), by_hand, rtol=1e-5)
    assert float(term.monitors(step_of(term))["reward"]) == pytest.approx(returns(0.5)[:, 0].mean(), rel=1e-5)


def test_given_rows_teach_reinforce_nothing_and_are_no_part_of_the_mean():
    inputs = {"images": None, "actions": ACTIONS, "has_actions": GIVEN}
    term = Reinforce(reward=earned, discount=0.5, baseline="batch_mean")
    by_hand = -FREE * np.sum(TRAJECTORY.log_probs * (returns(0.5) - OF_THE_POLICY), axis=1)
    np.testing.assert_allclose(term(step_of(term, inputs=inputs, weights=WEIGHTS)), by_hand, rtol=1e-5, atol=1e-6)


def test_the_baseline_is_taught_the_return_of_the_reinforce_beside_it():
    term = Baseline()
    by_hand = np.mean((TRAJECTORY.baselines - returns(0.5)) ** 2, axis=1)
    beside = Reinforce(reward=earned, discount=0.5)
    np.testing.assert_allclose(term(step_of(beside, term)), by_hand, rtol=1e-5)
    inputs = {"images": None, "actions": ACTIONS, "has_actions": GIVEN}
    np.testing.assert_allclose(term(step_of(beside, term, inputs=inputs)), FREE * by_hand, rtol=1e-5)


def test_supervision_is_of_the_rows_that_have_places():
    assert Supervision()(step_of(Supervision())) is None
    assert Supervision()(step_of(Supervision(), inputs={"images": None})) is None
    for has, rows in ((GIVEN, 1.0 - FREE), (None, np.ones(ROWS))):
        inputs = {"images": None, "actions": ACTIONS} | ({} if has is None else {"has_actions": has})
        np.testing.assert_allclose(Supervision()(step_of(inputs=inputs)), -rows * np.sum(TRAJECTORY.log_probs, axis=1), rtol=1e-5)


def test_anytime_is_the_mean_cross_entropy_of_all_answers_but_the_last():
    np.testing.assert_allclose(Anytime()(step_of()), -np.log(RIGHT[:, :-1]).mean(axis=1), rtol=1e-5)


def test_entropy_is_a_bonus_on_the_rows_of_the_policy():
    inputs = {"images": None, "actions": ACTIONS, "has_actions": GIVEN}
    np.testing.assert_allclose(Entropy()(step_of(inputs=inputs)), -FREE * np.sum(TRAJECTORY.entropies, axis=1), rtol=1e-5)


def test_guidance_is_the_likelihood_of_the_place_of_each_row():
    inputs = {"images": None, "places": ACTIONS[:, 0]}
    scores = {"score_place": lambda trajectory, places: trajectory.log_probs[:, 1:] * places[:, :1]}
    np.testing.assert_allclose(
        Guidance()(step_of(inputs=inputs, **scores)), -np.sum(TRAJECTORY.log_probs[:, 1:] * ACTIONS[:, 0, :1], axis=1), rtol=1e-5
    )
    with pytest.raises(UserError, match="places=True"):
        Guidance()(step_of(inputs={"images": None}, **scores))


class Tried:
    """A `try_places` whose tries are known; counts how often it is asked."""

    def __init__(self, rows, candidates, anywhere):
        self.log_probs, self.logits = numbers(rows, LOOKS - 1, candidates), numbers(rows, LOOKS - 1, candidates + anywhere, CLASSES)
        self.places = RANDOM.uniform(-1, 1, [rows, LOOKS - 1, candidates + anywhere, 2]).astype("float32")
        self.expected, self.asked = (rows, candidates, anywhere), 0
        shares = np.exp(self.logits) / np.exp(self.logits).sum(axis=-1, keepdims=True)
        self.right = np.take_along_axis(shares, TRUTH[:rows, None, None, None], axis=-1)[..., 0]

    def __call__(self, inputs, trajectory, states, candidates, seed, anywhere=0):
        assert (len(trajectory.logits), candidates, anywhere) == self.expected
        assert len(inputs) == len(states) == len(trajectory.logits)
        self.asked += 1
        return tuple(map(tf.constant, (self.log_probs, self.logits, self.places)))


@pytest.mark.parametrize(("share", "rows"), [(1.0, 4), (0.5, 2), (0.3, 2), (0.01, 1)])
def test_look_ahead_is_reinforce_over_the_tries_of_the_first_rows(share, rows):
    term, tried = LookAhead(candidates=5, share=share), Tried(rows, 5, 0)
    step = step_of(term, inputs=numbers(ROWS, 2), weights=WEIGHTS, try_places=tried)
    advantages = tried.right - tried.right.mean(axis=2, keepdims=True)
    advantages /= np.sqrt((advantages**2).mean(axis=(0, 2), keepdims=True) + 1e-8)
    found = term(step)
    by_hand = -np.sum(np.mean(tried.log_probs * advantages, axis=2), axis=1)
    np.testing.assert_allclose(found, by_hand, rtol=1e-4, atol=1e-5)
    assert float(step.mean(found)) == pytest.approx(np.mean(WEIGHTS[:rows] * by_hand), rel=1e-4, abs=1e-5)


def test_hindsight_is_the_likelihood_of_the_best_try_times_its_gain():
    """Gains are over the answer before the look, chance before the first; the place is one of all looks' tries."""
    term, tried = Hindsight(candidates=2), Tried(ROWS, 2, 2)
    scores = numbers(ROWS, LOOKS - 1)
    asked = []

    def score_place(trajectory, place):
        asked.append(place.numpy())
        return tf.constant(scores)

    step = step_of(term, inputs=numbers(ROWS, 2), try_places=tried, score_place=score_place)
    before = np.concatenate([np.full([ROWS, 1], 1 / CLASSES), RIGHT[:, :-1]], axis=1)[:, 1:]  # the first look is nobody's choice
    gains = (tried.right - before[:, :, None]).reshape(ROWS, -1)
    np.testing.assert_allclose(term(step), np.maximum(gains.max(axis=1), 0) * -scores.sum(axis=1), rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(asked[0], tried.places.reshape(ROWS, -1, 2)[np.arange(ROWS), gains.argmax(axis=1)])


def test_terms_of_one_setting_share_their_tries():
    tried, alone = Tried(ROWS, 3, 3), Tried(ROWS, 3, 0)
    both = (LookAhead(candidates=3), Hindsight(candidates=3))
    step = step_of(*both, inputs=numbers(ROWS, 2), try_places=tried, score_place=lambda trajectory, place: trajectory.log_probs[:, 1:])
    for term in both:
        assert term(step).shape == (ROWS,)
    assert tried.asked == 1
    step = step_of(both[0], Hindsight(candidates=4), inputs=numbers(ROWS, 2), try_places=alone)
    both[0](step)
    assert alone.asked == 1


def test_targets():
    """The cells' likelihood under the policy's logits; reported a look, and how often its first choice is among them."""
    cells = np.array([[0, 1, 2], [3, 4, 5], [1, 1, 1], [0, 5, 2]])
    term, asked = Targets(num_targets=3, teacher_forcing=False), []
    step = step_of(term, target_cells=lambda inputs, trajectory, **how: asked.append(how) or tf.constant(cells))
    logits = TRAJECTORY.policy.numpy()
    scores = np.take_along_axis(logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True)), cells[:, :, None], axis=-1)[..., 0]
    np.testing.assert_allclose(term(step), -scores.sum(axis=1), rtol=1e-5)
    told = term.monitors(step)
    assert set(told) == set(term.reports)
    assert float(told["location_loss"]) == pytest.approx(-scores.mean(), rel=1e-5)
    hits = [[logits[row, look].argmax() in cells[row] for look in range(3)] for row in range(ROWS)]
    assert float(told["hit_rate"]) == pytest.approx(np.mean(hits))
    assert asked[0] == {"followed": False, "training": True}


def test_the_loss_is_the_task_s_and_the_weighted_sum_of_the_terms():
    """A weight may be a schedule of the optimiser's step; what is only reported weighs nothing."""
    falling = keras.optimizers.schedules.PolynomialDecay(0.4, 10, 0.0)
    terms = [Reinforce(0.3, reward="final_probability"), Baseline(2.0), Anytime(falling), Supervision(0.7)]
    model = make_model({"terms": terms})
    for iterations, anytime in ((0, 0.4), (5, 0.2), (10, 0.0)):
        model.optimizer.iterations.assign(iterations)
        found, loss = model.loss_terms(looked(model, given(slice(0, 6)), weights=np.linspace(0, 1, 12, dtype="float32")))
        weights = {"reinforce": 0.3, "baseline": 2.0, "anytime": anytime, "supervision": 0.7, "cross_entropy": 1.0}
        assert set(found) == {*weights, "reward", "policy_entropy"}
        assert float(loss) == pytest.approx(sum(weight * float(found[name]) for name, weight in weights.items()), rel=1e-5)


GIVEN_AS = {
    "objects": [Reinforce(0.3, discount=0.5), Baseline(), Anytime(0.2)],
    "names and pairs": [("reinforce", {"weight": 0.3, "discount": 0.5}), "baseline", ["anytime", {"weight": 0.2}]],
    "a dict": {"reinforce": {"weight": 0.3, "discount": 0.5}, "baseline": {}, "anytime": {"weight": 0.2}},
    "a tuple of both": (Reinforce(0.3, discount=0.5), "baseline", Anytime(0.2)),
}


@pytest.mark.parametrize("form", GIVEN_AS)
def test_terms_are_given_as_objects_by_name_or_by_options(form):
    terms = losses.get_terms(GIVEN_AS[form])
    expected = losses.get_terms(GIVEN_AS["objects"])
    assert [(type(term), term.get_config()) for term in terms] == [(type(term), term.get_config()) for term in expected]
    assert losses.get_terms([]) == losses.get_terms({}) == []


def test_every_name_is_that_of_its_class():
    assert {name: kind.name for name, kind in losses.TERMS.items()} == {name: name for name in losses.TERMS}
    for terms in (losses.PAPER, losses.TRIES, losses.DRAWS, losses.draws(False)):
        assert [term.name for term in losses.get_terms(terms)] == list(terms)


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ("reinforce", "a list of terms"),
        (Reinforce(), "a list of terms"),
        (0.1, "a list of terms"),
        (["reinforced"], "terms expects reinforce, baseline, .* Received: 'reinforced'"),
        ([Reinforce], "or objects such as"),
        ([0.1], "or objects such as"),
        ({"anytime": {"wieght": 1}}, "anytime does not take these options.*wieght"),
        ({"anytime": 0.5}, "anytime does not take these options: 0.5"),
        (["anytime", Anytime(0.1)], "each term once. Received: anytime, anytime"),
    ],
    ids=str,
)
def test_what_is_no_list_of_terms_is_told(terms, words):
    with pytest.raises(UserError, match=words) as told:
        losses.get_terms(terms)
    assert "\n" not in str(told.value)


class Needing(Term):
    name, needs = "needing", ("dreams",)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"terms": [Reinforce()]}, r"expects Baseline\(\) beside it; or pass baseline='batch_mean'"),
        ({"terms": [Baseline()]}, r"Baseline expects Reinforce\(\) beside it"),
        ({"terms": losses.PAPER, "sample": False}, "Reinforce learns from places drawn from the policy; leave out sample=False"),
        ({"terms": ["targets"]}, "a RAM cannot learn by Targets: it has no method target_cells"),
        ({"terms": [Needing()]}, "a RAM cannot learn by Needing: it has no method dreams"),
        ({"terms": [Anytime()], "sample": "yes"}, "sample=True or False"),
    ],
    ids=str,
)
def test_compile_refuses_terms_that_cannot_be_learned_by(settings, words):
    with pytest.raises(UserError, match=words):
        RAM(3).compile(**settings)


def test_a_model_without_a_baseline_has_none_to_teach():
    model = RAM(3, baseline=False)
    with pytest.raises(UserError, match=r"this RAM has no baseline to teach; .*Reinforce\(baseline=None\)"):
        model.compile(terms=losses.PAPER)
    model.compile(terms=[Reinforce(baseline=None)])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Reinforce(discount=1.5), "a discount from 0 to 1"),
        (lambda: Reinforce(baseline="mean"), "as baseline 'learned', 'batch_mean' or None"),
        (lambda: Reinforce(reward="rightness"), "reward expects one of"),
        (lambda: Anytime("0.5"), "Anytime expects as weight a number of at least 0, or a schedule. Received: '0.5'"),
        (lambda: Entropy(-0.1), "a number of at least 0"),
        (lambda: Supervision(float("inf")), "a number of at least 0"),
        (lambda: Hindsight(candidates=1), "candidates expects a whole number of at least 2"),
        (lambda: LookAhead(share=0), r"LookAhead expects a share in \(0, 1\]"),
        (lambda: Targets(num_targets=0), "num_targets expects a whole number of at least 1"),
        (lambda: Term()(None), r"Term needs __call__\(step\)"),
    ],
)
def test_wrong_options_are_told(make, words):
    with pytest.raises((UserError, NotImplementedError), match=words):
        make()


@keras.saving.register_keras_serializable("tests")
def centred(trajectory, labels):
    """More for looking at the centre."""
    return -tf.reduce_sum(tf.abs(trajectory.locations), axis=-1)


SCHEDULE = keras.optimizers.schedules.CosineDecay(0.2, 50)
KEPT = {
    "reward by name": Reinforce(0.2, reward="final_probability", discount=0.9, baseline="batch_mean"),
    "reward with options": Reinforce(reward=("entropy_shaped", {"weight": 0.25})),
    "reward of one's own": Reinforce(SCHEDULE, reward=centred),
    "baseline": Baseline(0.5),
    "schedule": Entropy(SCHEDULE),
    "look-ahead": LookAhead(0.3, candidates=7, share=0.25),
    "hindsight": Hindsight(0.3, candidates=6, share=0.75),
    "targets": Targets(0.5, num_targets=4, teacher_forcing=False, stop_gradient=False),
    **{name: losses.TERMS[name](0.125) for name in ("supervision", "anytime", "guidance")},
}


@pytest.mark.parametrize("kept", KEPT)
def test_terms_are_made_again_from_their_configurations(kept):
    term = KEPT[kept]
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(term))
    assert type(again) is type(term) and again.get_config() == term.get_config()
    assert [float(again.weight_at(at)) for at in (0, 25, 60)] == [float(term.weight_at(at)) for at in (0, 25, 60)]
    if hasattr(term, "reward"):
        np.testing.assert_array_equal(again.reward(TRAJECTORY, TRUTH), term.reward(TRAJECTORY, TRUTH))


@keras.saving.register_keras_serializable("tests")
class Elsewhere(Term):
    """Of a user: costs looks whose policies' means lie close together, and reports how close they are."""

    name, reports = "elsewhere", ("closeness",)
    teaches = True

    def __init__(self, weight=1.0, width=0.5):
        super().__init__(weight)
        self.width = width

    def __call__(self, step):
        means = step.model.cell.location.distribution(step.trajectory.policy).mean()
        apart = tf.reduce_sum(tf.square(means[:, 1:] - means[:, :-1]), axis=-1)
        return tf.reduce_sum(tf.exp(-apart / self.width**2), axis=1)

    def monitors(self, step):
        return {"closeness": tf.reduce_mean(self(step))}

    def get_config(self):
        return {**super().get_config(), "width": self.width}


def test_a_term_of_the_user_s_own_trains_is_reported_saved_and_loaded(tmp_path):
    terms = [Elsewhere(SCHEDULE, width=0.3), Reinforce(0.0, reward=centred, baseline="batch_mean")]
    model = make_model({"terms": terms, "rollouts": 2, "optimizer": keras.optimizers.Adam(1e-2), "run_eagerly": True})
    assert model.sample is True and {"elsewhere", "closeness", "reinforce", "reward"} <= set(model.reported)
    history = model.fit(IMAGES, LABELS, batch_size=12, epochs=6, verbose=0).history
    assert history["elsewhere"] == pytest.approx(history["closeness"])
    assert history["elsewhere"][-1] < 0.8 * history["elsewhere"][0]
    model.save(tmp_path / "model.keras")
    loaded = tf_glimpse.load_model(tmp_path / "model.keras")
    assert [type(term) for term in loaded.terms] == [Elsewhere, Reinforce]
    assert [term.get_config() for term in loaded.terms] == [term.get_config() for term in terms]
    assert (loaded.rollouts, loaded.sample, int(loaded.optimizer.iterations)) == (2, True, 6)
    found, expected = (each.loss_terms(looked(each))[0] for each in (loaded, model))
    assert {name: float(value) for name, value in found.items()} == pytest.approx({name: float(value) for name, value in expected.items()})


def test_another_compile_forgets_what_the_one_before_reported():
    model = make_model()
    assert {"reinforce", "reward", "baseline"} <= set(model.reported)
    model.compile("sgd", terms=["anytime"], run_eagerly=True)
    assert not {"reinforce", "reward", "baseline", "supervision"} & set(model.reported)
    history = model.fit(IMAGES, LABELS, verbose=0).history
    assert set(history) == {"accuracy", "loss", "anytime", "cross_entropy", "policy_entropy", "policy_gradient_variance"}
