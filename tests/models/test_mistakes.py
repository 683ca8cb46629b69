"""Mistakes that newcomers make, and the words that each must be answered with, in one line; or the right result where it can just work."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from tiny_model import IMAGES, LABELS, make_model

import tf_glimpse
from tf_glimpse import RAM, AdaptiveModel, BagNet, GaussianLocation, HiddenStateVAE, PatchClassifier, Saccader, losses
from tf_glimpse.models import GlimpsePosterior, ImageVAE, ReconstructingModel
from tf_glimpse.types import UserError

SMALL = {"wide_blocks": (1, 0, 0, 0), "blocks": (1, 1, 1, 1), "width": 0.1}
PHOTOS = np.random.default_rng(0).random([12, 20, 20, 1]).astype("float32")
ONE_HOT = np.eye(3, dtype="float32")[LABELS]


def told(words, call):
    """Asserts that a call ends with a `UserError` of one line that has the words."""
    with pytest.raises(UserError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)


class Places(GaussianLocation):
    """A head of three numbers a place."""

    def __init__(self):
        super().__init__()
        self.linear = keras.layers.Dense(3)

    def distribution(self, parameters):
        return tfp.distributions.MultivariateNormalDiag(parameters, tf.ones_like(parameters))


class Axes(GaussianLocation):
    """A head that scores each axis by itself."""

    def distribution(self, parameters):
        return tfp.distributions.Normal(parameters, 1.0)


class Numbers(GaussianLocation):
    """A head that gives no distribution."""

    def distribution(self, parameters):
        return parameters


WHOLE = r"{}.* expects a whole number of at least"
WRONG_RAMS = {
    **{
        f"{name}={value!r}": ({name: value}, WHOLE.format(name))
        for name in ("num_classes", "num_glimpses", "units", "patch_size", "num_scales")
        for value in ("10", 8.0, 0, True)
    },
    "LSTM": ({"core": keras.layers.LSTM(32)}, r"core expects a cell.*keras\.layers\.LSTMCell"),
    "GRU": ({"core": keras.layers.GRU(32)}, r"keras\.layers\.GRUCell"),
    "RNN": ({"core": keras.layers.RNN(keras.layers.LSTMCell(3))}, r"keras\.layers\.LSTMCell"),
    "class of a core": ({"core": keras.layers.LSTMCell}, "core expects an instance"),
    "dense core": ({"core": keras.layers.Dense(3)}, "core expects an RNN cell"),
    "no core": ({"core": None}, "core expects one of"),
    "dense location": ({"location": keras.layers.Dense(2)}, "location expects a location head, such as .*GaussianLocation"),
    "dense encoder": ({"encoder": keras.layers.Dense(2)}, r"encoder expects .* two tensors, \(patches .*, locations"),
    "Sequential encoder": ({"encoder": keras.Sequential([keras.layers.Flatten()])}, "two tensors"),
    "encoder of a number": ({"encoder": 3}, "encoder expects one of dense, conv"),
    "options": ({"core": ("gru", {"width": 3})}, "core 'gru' does not take these options"),
    "half a pair": ({"location": ("gaussian",)}, "location expects one of gaussian, categorical"),
    "filters": ({"encoder": ("conv", {"filters": 16})}, "filters expects a tuple of whole numbers"),
    "grid": ({"location": ("categorical", {"grid": 7})}, "grid expects a tuple of whole numbers"),
    "stddev": ({"location": ("gaussian", {"stddev": "wide"})}, "a stddev above zero"),
    "keyword": ({"num_glimpse": 3}, "RAM knows no argument num_glimpse; did you mean num_glimpses"),
    "seed": ({"seed": "first"}, "seed expects a whole number"),
}


@pytest.mark.parametrize("mistake", WRONG_RAMS)
def test_wrong_arguments_of_a_ram(mistake):
    arguments, words = WRONG_RAMS[mistake]
    told(words, lambda: RAM(**{"num_classes": 3, **arguments}))


OTHER_MODELS = {
    "saccader": (lambda: Saccader("3"), WHOLE.format("num_classes")),
    "saccader's looks": (lambda: Saccader(3, num_glimpses=2.0), WHOLE.format("num_glimpses")),
    "saccader's channels": (lambda: Saccader(3, mixed_channels="512"), WHOLE.format("mixed_channels")),
    "saccader's bagnet": (lambda: Saccader(3, bagnet="BagNet"), "bagnet expects a BagNet, or a dict"),
    "saccader's keyword": (lambda: Saccader(3, glimpses=2), "Saccader knows no argument glimpses; did you mean num_glimpses"),
    "bagnet": (lambda: BagNet("3"), WHOLE.format("num_classes")),
    "bagnet's field": (lambda: BagNet(3, receptive_field=17.0), WHOLE.format("receptive_field")),
    "bagnet's width": (lambda: BagNet(3, width="wide"), "a width above zero"),
    "patches": (lambda: PatchClassifier("3", "MobileNetV2"), WHOLE.format("num_classes")),
    "vae": (lambda: HiddenStateVAE(28), "image_shape expects a tuple"),
    "vae's units": (lambda: HiddenStateVAE((8, 8, 1), units=8.0), WHOLE.format("units")),
    "image vae": (lambda: ImageVAE((8, 8, 1), latent_size="2"), WHOLE.format("latent_size")),
    "posterior": (lambda: GlimpsePosterior("3"), WHOLE.format("num_classes")),
    "posterior's filters": (lambda: GlimpsePosterior(3, filters=16), "filters expects a tuple"),
    "adaptive": (lambda: AdaptiveModel("ram_digits"), "model expects an AttentionModel"),
    "adaptive's head": (lambda: AdaptiveModel(make_model(), stopping_units=2.5), WHOLE.format("stopping_units")),
    "reconstructing": (lambda: ReconstructingModel(keras.Sequential(), None), "model expects an AttentionModel"),
}


@pytest.mark.parametrize("mistake", OTHER_MODELS)
def test_wrong_arguments_of_the_other_models(mistake):
    make, words = OTHER_MODELS[mistake]
    told(words, make)


@pytest.mark.parametrize("head", [Places, Axes, Numbers])
def test_a_policy_that_does_not_draw_and_score_one_place(head):
    told(f"location {head.__name__}.* expects a tfp distribution over one place", lambda: RAM(3, patch_size=4, location=head())(IMAGES))


WRONG_SETTINGS = {
    **{
        f"{name}={value!r}": ({"terms": {**losses.PAPER, name: {"weight": value}}}, f"{name.title()} expects as weight a number of")
        for name in ("reinforce", "anytime")
        for value in (-1, "3", float("nan"), True, (1,))
    },
    "keyword": ({"term": ["anytime"]}, "RAM.compile knows no argument term; did you mean terms"),
    "old keyword": ({"reinforce_weight": 1}, "RAM.compile knows no argument reinforce_weight"),
    "rollouts": ({"rollouts": 1.5}, WHOLE.format("rollouts")),
    "no rollouts": ({"rollouts": 0}, WHOLE.format("rollouts")),
    "candidates": ({"terms": {"look_ahead": {"candidates": 1}}}, "candidates .* at least 2"),
    "share": ({"terms": {"hindsight": {"share": 0}}}, "share in"),
    "discount": ({"terms": {"reinforce": {"discount": 2}}}, "a discount from 0 to 1"),
    "sample": ({"sample": "no"}, "sample=True or False"),
    "reward": ({"terms": {"reinforce": {"reward": 3}}}, "reward expects one of"),
    "metric": ({"metrics": ["acuracy"]}, "names that Keras knows"),
    "metric of classes": ({"metrics": [keras.metrics.Accuracy()]}, "compares labels with logits"),
    "mean IoU of classes": ({"metrics": [keras.metrics.MeanIoU(3)]}, "compares labels with logits"),
}


@pytest.mark.parametrize("mistake", WRONG_SETTINGS)
def test_wrong_arguments_of_compile(mistake):
    arguments, words = WRONG_SETTINGS[mistake]
    told(words, lambda: RAM(3).compile(**arguments))


def bagnet():
    model = BagNet(3, **SMALL)
    model.compile()
    return model, PHOTOS


def adaptive():
    model = AdaptiveModel(make_model())
    model.compile()
    return model, IMAGES


MODELS = {"ram": lambda: (make_model(), IMAGES), "bagnet": bagnet, "adaptive": adaptive}


@pytest.mark.parametrize("name", MODELS)
def test_labels_that_are_missing_or_of_another_kind(name):
    model, images = MODELS[name]()
    stream = tf.data.Dataset.from_tensor_slices(images).batch(6)
    for call in (
        lambda: model.fit(images, verbose=0),
        lambda: model.fit(stream, shuffle=False, verbose=0),
        lambda: model.evaluate(images, verbose=0),
    ):
        told("expect labels beside the images", call)
    if name != "adaptive":  # whose head learns from whether answers are right, of whatever loss
        told(r"rows \[B, 3\]", lambda: model.fit(images, np.eye(5)[LABELS], verbose=0))


@pytest.mark.parametrize("name", MODELS)
def test_one_hot_labels_are_worth_as_much_as_numbers(name):
    found = []
    for labels in (LABELS, ONE_HOT):
        keras.utils.set_random_seed(7)
        model, images = MODELS[name]()
        model.build((None, *images.shape[1:]))
        found.append(model.evaluate(images, labels, verbose=0, return_dict=True))
    assert found[1] == pytest.approx(found[0], rel=1e-5)
    model.fit(images, ONE_HOT, verbose=0)


def test_a_loss_of_one_kind_says_so_beside_labels_of_the_other():
    sparse, rows = keras.losses.SparseCategoricalCrossentropy(from_logits=True), keras.losses.CategoricalCrossentropy(from_logits=True)
    for loss, labels in ((sparse, ONE_HOT), (rows, LABELS)):
        told("the loss does not take labels of shape.*without loss=", lambda: make_model({"loss": loss}).fit(IMAGES, labels, verbose=0))  # noqa: B023


def rewarded(reward):
    return {"terms": [losses.Reinforce(reward=reward, baseline=None)], "run_eagerly": True}


def test_a_reward_of_another_shape():
    for shape in ([12], [12, 2], [12, 3, 1]):
        model = make_model(rewarded(lambda trajectory, labels: tf.ones(shape)))  # noqa: B023
        told(r"reward expects .*\[B, T\].*3 looks", lambda: model.fit(IMAGES, LABELS, batch_size=12, verbose=0))  # noqa: B023


METRICS = {
    "AUC": lambda rows, shares: keras.metrics.AUC()(rows, shares),
    "Precision": lambda rows, shares: keras.metrics.Precision(thresholds=0.34)(rows, shares),
    "F1Score": lambda rows, shares: keras.metrics.F1Score()(rows, shares),
    "mse": lambda rows, shares: np.mean((rows - shares) ** 2),
    "categorical_crossentropy": lambda rows, shares: -np.mean(np.sum(rows * np.log(shares), axis=1)),
    "sparse_categorical_crossentropy": lambda rows, shares: -np.mean(np.sum(rows * np.log(shares), axis=1)),
    "ce": lambda rows, shares: -np.mean(np.sum(rows * np.log(shares), axis=1)),
    "categorical_accuracy": lambda rows, shares: np.mean(np.argmax(rows, 1) == np.argmax(shares, 1)),
    "sparse_categorical_accuracy": lambda rows, shares: np.mean(np.argmax(rows, 1) == np.argmax(shares, 1)),
}
GIVEN = {"Precision": keras.metrics.Precision(thresholds=0.34, name="Precision"), "F1Score": keras.metrics.F1Score(name="F1Score")}


def test_metrics_are_right_whether_they_read_logits_or_probabilities_numbers_or_rows(tmp_path):
    model = make_model({"metrics": [GIVEN.get(name, name) for name in METRICS]})
    shares = tf.nn.softmax(model(IMAGES).logits[:, -1]).numpy()
    model.save(tmp_path / "model.keras")
    for evaluated, labels in ((model, LABELS), (tf_glimpse.load_model(tmp_path / "model.keras"), ONE_HOT)):
        found = evaluated.evaluate(IMAGES, labels, verbose=0, return_dict=True)
        for name, by_hand in METRICS.items():
            np.testing.assert_allclose(found[name], by_hand(ONE_HOT, shares), rtol=1e-4, err_msg=name)
        assert found["ce"] == pytest.approx(found["loss"], rel=1e-5)


def test_metrics_that_say_they_read_logits_are_given_logits():
    metrics = [keras.metrics.CategoricalCrossentropy(from_logits=True, name="rows"), keras.metrics.AUC(from_logits=True, name="auc")]
    model = make_model({"metrics": metrics})
    found = model.evaluate(IMAGES, LABELS, verbose=0, return_dict=True)
    assert found["rows"] == pytest.approx(found["loss"], rel=1e-5)
    by_hand = keras.metrics.AUC()(ONE_HOT, tf.sigmoid(model(IMAGES).logits[:, -1]))
    assert found["auc"] == pytest.approx(float(by_hand), rel=1e-4)


def own_reward(trajectory, labels):
    return tf.ones_like(trajectory.log_probs)


class OwnLoss(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return keras.losses.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)


class OwnEncoder(tf_glimpse.GlimpseEncoder):
    pass


class OwnCore(tf_glimpse.RectifiedCore):
    pass


class OwnTerm(losses.Term):
    name = "own"


class OwnMetric(keras.metrics.SparseCategoricalAccuracy):
    pass


UNSAVEABLE = {
    "own_reward": lambda: make_model(rewarded(own_reward)),
    "a lambda": lambda: make_model(rewarded(lambda trajectory, labels: own_reward(trajectory, labels))),
    "OwnLoss": lambda: make_model({"loss": OwnLoss()}),
    "OwnEncoder": lambda: make_model(encoder=OwnEncoder(units=16)),
    "OwnCore": lambda: make_model(core=OwnCore(units=16)),
    "Axes": lambda: make_model(location=type("Axes", (GaussianLocation,), {})()),
    "OwnMetric": lambda: make_model({"metrics": [OwnMetric()]}),
    "OwnTerm": lambda: make_model({"terms": [OwnTerm()]}),
}


@pytest.mark.parametrize("name", UNSAVEABLE)
def test_a_part_that_could_not_be_loaded_is_told_before_the_file_is_written(name, tmp_path):
    told(f"{name} could not be loaded again: put @keras.saving.register", lambda: UNSAVEABLE[name]().save(tmp_path / "model.keras"))
    assert not (tmp_path / "model.keras").exists()


def test_labels_may_be_a_list():
    lists, arrays = make_model(), make_model()
    lists.fit(IMAGES, LABELS.tolist(), sample_weight=[1.0] * 12, shuffle=False, verbose=0)
    arrays.fit(IMAGES, LABELS, sample_weight=np.ones(12), shuffle=False, verbose=0)
    for found, expected in zip(lists.get_weights(), arrays.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)
    told("labels must be 12 whole numbers", lambda: lists.fit(IMAGES, ["one"] * 12, verbose=0))
    told("labels must be 12, one an image, got 2", lambda: lists.fit(IMAGES, [1, 2], verbose=0))


@pytest.mark.parametrize("name", MODELS)
def test_nothing_at_all_is_told(name):
    model, images = MODELS[name]()
    stream = tf.data.Dataset.from_tensor_slices((images[:0], LABELS[:0])).batch(2)
    for call in (
        lambda: model.fit(images[:0], LABELS[:0]),
        lambda: model.evaluate(images[:0], LABELS[:0]),
        lambda: model.predict(images[:0]),
        lambda: model.fit(stream),
        lambda: model.evaluate(stream),
        lambda: model.predict(stream),
        lambda: model.fit(images, LABELS, validation_data=(images[:0], LABELS[:0])),
    ):
        told("at least one image. Received: none", call)
    for call in (model.fit, model.evaluate, lambda: model.predict(None)):
        told("expect images: an array, a tf.data set.*Received: None", call)


@pytest.mark.parametrize("expand_nested", [False, True])
def test_a_summary_before_the_model_is_built(expand_nested, capsys):
    for model in (RAM(3), Saccader(3, SMALL), BagNet(3, **SMALL), HiddenStateVAE((8, 8, 1)), AdaptiveModel(RAM(3))):
        model.summary(expand_nested=expand_nested)
        assert "unbuilt" in capsys.readouterr().out
