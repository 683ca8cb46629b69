"""Yes or no to a question beside the image: what enters, who reads it, and that a policy goes where the answer is."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_glimpse
from tf_glimpse import RAM, AdaptiveModel, export_model, losses
from tf_glimpse.models.step import Step
from tf_glimpse.tasks import Questions, config_of
from tf_glimpse.types import UserError

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.random([12, 14, 14, 1]).astype("float32")
QUESTION = np.arange(12) % 3
ANSWERS = np.arange(12) % 2
ASKED = {"images": IMAGES, "question": QUESTION}
NAMES = ["hat", "beard", "glasses"]


def make_model(blind=False, compile_kwargs=None, **settings):
    keras.utils.set_random_seed(3)
    small = {"patch_size": 4, "num_glimpses": 3, "units": 8, "num_scales": 1, "seed": 0}
    model = RAM(task=Questions(NAMES, blind=blind), **{**small, **settings})
    model.build((None, 14, 14, 1))
    model.compile(**{"terms": ["anytime"], "run_eagerly": True, **(compile_kwargs or {})})
    return model


def asked(question, images=IMAGES):
    return {"images": images, "question": np.full(len(images), question)}


@pytest.fixture(scope="module")
def model():
    return make_model()


def batched(inputs, labels=ANSWERS):
    return tf.data.Dataset.from_tensor_slices((inputs, labels)).batch(6)


MISSING = r'expects \{"images", "question"\}, which of 3 is asked. Received: no question'
WRONG = {
    "missing": (IMAGES, MISSING),
    "missing in a dict": ({"images": IMAGES}, MISSING),
    "above": ({"images": IMAGES, "question": QUESTION + 1}, r"whole numbers \[B\] from 0 to 2. Received: . to 3"),
    "below": ({"images": IMAGES, "question": QUESTION - 1}, r"whole numbers \[B\] from 0 to 2. Received: -1 to ."),
    "late": ({"images": IMAGES, "question": np.append(QUESTION[:-1], 9)}, r"from 0 to 2. Received: 0 to 9"),
    "bytes beside it": ({"images": (255 * IMAGES).astype("uint8"), "question": QUESTION + 1}, r"from 0 to 2. Received: . to 3"),
    "floats": ({"images": IMAGES, "question": QUESTION * 1.0}, r"whole numbers \[B\] from 0 to 2. Received: float64 of shape"),
    "a column": ({"images": IMAGES, "question": QUESTION[:, None]}, r"whole numbers \[B\].* Received: int64 of shape .*, 1\)"),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_wrong_questions_are_told_where_they_enter(model, mistake):
    inputs, words = WRONG[mistake]
    before = int(model.optimizer.iterations)
    calls = [
        lambda: model.fit(inputs, ANSWERS, verbose=0),
        lambda: model.evaluate(inputs, ANSWERS, verbose=0),
        lambda: model.fit(ASKED, ANSWERS, validation_data=(inputs, ANSWERS), verbose=0),
        lambda: model.predict(inputs, verbose=0),
        lambda: model.train_on_batch(inputs, ANSWERS),
        lambda: model.classify(inputs),
        lambda: model(inputs),
        lambda: model.evaluate(batched(inputs), verbose=0),
        lambda: model.predict(batched(inputs).map(lambda inputs, labels: inputs), verbose=0),
    ]
    if mistake != "late":  # of whose stream the first batch is right
        calls.append(lambda: model.fit(batched(inputs), verbose=0))
    for call in calls:
        with pytest.raises(UserError, match=words) as told:
            call()
        assert "\n" not in str(told.value)
    assert int(model.optimizer.iterations) == before


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (ANSWERS + 1, "labels must lie in 0 to 1"),
        (np.zeros([12, 3], int), r"rows \[B, 2\]"),
        (ANSWERS * 1.0, "whole numbers, one an image"),
    ],
    ids=["2", "of all questions", "floats"],
)
def test_answers_are_no_and_yes(model, labels, words):
    for call in (lambda: model.fit(ASKED, labels, verbose=0), lambda: model.evaluate(batched(ASKED, labels), verbose=0)):
        with pytest.raises(UserError, match=words):
            call()
    assert (model.num_classes, model.class_names) == (2, ["no", "yes"])


def test_arrays_and_streams_of_any_question_kind_are_answered_alike(model):
    """Of any whole dtype, uint8 images too; `classify` says no or yes."""
    expected = model.evaluate(ASKED, ANSWERS, verbose=0, return_dict=True)
    assert model.evaluate(batched(ASKED), verbose=0, return_dict=True) == pytest.approx(expected, rel=1e-5)
    narrow = {**ASKED, "question": QUESTION.astype("uint8")}
    assert model.evaluate(batched(narrow), verbose=0, return_dict=True) == pytest.approx(expected, rel=1e-5)
    assert set(model.classify(ASKED).names) <= {"no", "yes"}
    assert len(model.classify({**ASKED, "images": (255 * IMAGES).astype("uint8")}).names) == 12


def test_the_question_s_own_layer_answers():
    """Only the asked question's weights reach its answer, and the others learn nothing from it."""
    model = make_model(blind=True)
    with tf.GradientTape() as tape:
        logits = model(asked(1)).logits
    gradient = tape.gradient(logits, model.classifier.kernel.value)
    np.testing.assert_array_equal(np.abs(tf.convert_to_tensor(gradient)).max(axis=(1, 2)) > 0, [False, True, False])
    states = model(asked(1)).hidden
    kernel, bias = model.classifier.kernel.numpy(), model.classifier.bias.numpy()
    np.testing.assert_allclose(logits, states @ kernel[1] + bias[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("core", ["gru", "lstm"])
def test_places_depend_on_the_question_unless_the_policy_is_blind(core):
    """The first look's place too, where the policy chooses it; answers depend on it either way."""
    own, blind = (make_model(blind, core=core, first_location="learned") for blind in (False, True))
    first, second = own(asked(0)), own(asked(1))
    assert np.abs(first.locations - second.locations).max(axis=(0, 2)).min() > 1e-4
    first, second = blind(asked(0)), blind(asked(1))
    np.testing.assert_array_equal(first.locations, second.locations)
    np.testing.assert_array_equal(first.hidden, second.hidden)
    assert np.abs(first.logits - second.logits).min() > 0
    assert blind.question is None and own.count_params() == blind.count_params() + 3 * 8


@pytest.mark.parametrize("core", ["gru", "lstm"])
def test_a_try_knows_the_question(core):
    """Going where a try went gives its answer, to the question that was asked."""
    model = make_model(core=core)
    trajectory, states = model(ASKED, return_states=True)
    _, logits, places = model.try_places(ASKED, trajectory, states, 2, (1, 2))
    for look, number in np.ndindex(2, 2):
        actions = trajectory.actions.numpy()
        actions[:, look + 1] = places[:, look, number]
        seen = model({**ASKED, "actions": actions}).logits[:, look + 1]
        np.testing.assert_allclose(logits[:, look, number], seen, rtol=1e-4, atol=1e-5)


def test_what_chooses_the_first_place_learns_the_question():
    """By hindsight, which trains the states that the policy reads: the embedding of the question among them."""
    model = make_model(compile_kwargs={"terms": [losses.Hindsight(share=0.5), losses.Anytime()], "sample": False})
    with tf.GradientTape() as tape:
        step = Step(model, ASKED, ANSWERS, *model(ASKED, training=True, sample=False, seed=(1, 2), return_states=True), seed=(1, 2))
        term = tf.reduce_sum(model.terms[0](step))
    gradient = tape.gradient(term, model.question.embeddings.value)
    assert np.abs(tf.convert_to_tensor(gradient)).max() > 0


def test_a_trained_model_is_saved_and_loaded(tmp_path):
    model = make_model(compile_kwargs={"terms": None})
    assert {"look_ahead", "hindsight", "anytime"} <= set(model.fit(ASKED, ANSWERS, verbose=0).history)
    model.save(tmp_path / "model.keras")
    loaded = tf_glimpse.load_model(tmp_path / "model.keras")
    assert (loaded.task.questions, loaded.task.blind, loaded.num_classes) == (NAMES, False, 2)
    np.testing.assert_array_equal(loaded.predict(ASKED, verbose=0).logits, model.predict(ASKED, verbose=0).logits)
    loaded.fit(ASKED, ANSWERS, verbose=0)
    assert config_of(Questions(NAMES, blind=True))["task"]["config"] == {"questions": NAMES, "blind": True}


def test_what_is_for_images_alone_says_so(model, tmp_path):
    with pytest.raises(UserError, match="a model of images alone.* Received: a RAM of Questions"):
        export_model(model, tmp_path)
    with pytest.raises(UserError, match="a new classifier is for a model of classes alone"):
        model.with_classes(3)
    with pytest.raises(UserError, match="is asked no question"):
        AdaptiveModel(model)


def test_balanced_accuracy_by_hand():
    """The mean of what is right of the noes and of the yeses, a question; NaN where one of them never came."""
    task = Questions(NAMES)
    question = np.array([0, 0, 0, 0, 0, 1, 1, 1, 2])
    labels = np.array([1, 0, 0, 0, 0, 1, 1, 0, 1])
    answers = np.array([0, 0, 0, 0, 1, 1, 0, 0, 1])
    np.testing.assert_allclose(task.balanced_accuracy(answers, labels, question), [(0 / 1 + 3 / 4) / 2, (1 / 2 + 1 / 1) / 2, np.nan])


@pytest.mark.parametrize("questions", [[], ["hat", "hat"]])
def test_questions_have_different_names(questions):
    with pytest.raises(UserError, match="different names of questions"):
        Questions(questions)
    assert Questions("hat").questions == ["hat"] and Questions(("hat", "beard")).num_questions == 2


def corners(count, seed):
    """16x16 images whose four corners show one of two patterns each; a question asks for one corner's. A look sees one corner."""
    random = np.random.default_rng(seed)
    images, kinds, question = np.zeros([count, 16, 16, 1], "uint8"), random.integers(0, 2, [count, 4]), random.integers(0, 4, count)
    for corner, (row, column) in enumerate([(0, 0), (0, 12), (12, 0), (12, 12)]):
        for kind in (0, 1):
            images[kinds[:, corner] == kind, row : row + 4, column + 2 * kind : column + 2 * kind + 2] = 255
    return {"images": images, "question": question}, kinds[np.arange(count), question]


@pytest.mark.slow
def test_a_policy_goes_to_the_corner_that_was_asked_for():
    """One look, at one of 16 places, only one of which tells the answer: a policy that cannot know which is right half of the time."""
    inputs, answers = corners(2048, seed=0)
    tested, truth = corners(600, seed=1)
    found = {}
    for blind in (False, True):
        keras.utils.set_random_seed(0)
        location = ("categorical", {"grid": (4, 4), "hidden_units": 32})
        layers = {"encoder": "dense", "core": "rectified", "units": 32, "first_location": "learned", "location": location}
        model = RAM(task=Questions(list("abcd"), blind=blind), patch_size=4, num_scales=1, num_glimpses=1, seed=0, **layers)
        terms = [losses.LookAhead(1.0, candidates=8)]
        model.compile(keras.optimizers.Adam(5e-3), terms=terms, sample=True)
        model.fit(inputs, answers, batch_size=128, epochs=8, verbose=0)
        found["blind" if blind else "own"] = model.evaluate(tested, truth, verbose=0, return_dict=True)["accuracy"]
    assert found["own"] > 0.95
    assert found["blind"] < 0.75
