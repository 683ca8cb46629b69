import numpy as np
import pytest
import scipy.special
import tensorflow as tf
from PIL import Image

from tf_glimpse import RAM, AdaptiveModel, HiddenStateVAE, ReconstructingModel, Saccader
from tf_glimpse.datasets import decode_image
from tf_glimpse.models.classify import Classified, classification
from tf_glimpse.types import UserError

NAMES = ["cat", "dog", "owl"]
IMAGES = np.random.default_rng(3).random([5, 28, 28, 1]).astype("float32")


def ram(**kwargs):
    model = RAM(3, patch_size=6, num_glimpses=3, units=16, class_names=NAMES, seed=1, **kwargs)
    model.build((None, 28, 28, 1))
    return model


def saccader():
    bagnet = {"receptive_field": 9, "blocks": [1, 1], "filters": [8, 16], "strides": [2, 2], "stem_filters": 8}
    model = Saccader(3, bagnet, num_glimpses=3, mixed_channels=8, class_names=NAMES)
    model.build((None, 28, 28, 1))
    return model


MODELS = {
    "RAM": ram,
    "float16": lambda: ram(dtype="mixed_float16"),
    "Saccader": saccader,
    "AdaptiveModel": lambda: AdaptiveModel(ram(), stopping_units=4),
    "ReconstructingModel": lambda: ReconstructingModel(ram(), HiddenStateVAE((28, 28, 1), latent_size=2, units=8)),
}


@pytest.fixture
def files(tmp_path):
    """Files of several sizes, grey and colour, one of them turned by its EXIF."""
    draw, paths = np.random.default_rng(0), []
    for index, shape in enumerate([(28, 28), (40, 31, 3), (33, 60), (28, 28, 4)]):
        picture, exif = Image.fromarray(draw.integers(0, 256, shape).astype(np.uint8)), Image.Exif()
        exif[0x0112] = 6 if index == 1 else 1
        paths.append(tmp_path / f"{index}.png")
        picture.save(paths[-1], exif=exif)
    return paths


@pytest.mark.parametrize("kind", MODELS)
def test_answers_are_those_of_the_trajectory_whatever_the_batch_size(kind):
    model = MODELS[kind]()
    trajectory, answer = model(IMAGES), model.classify(IMAGES, batch_size=2)
    logits = np.asarray(trajectory.logits[:, -1])
    expected = scipy.special.softmax(logits, axis=-1)
    np.testing.assert_allclose(answer.probabilities, expected, atol=2e-3 if kind == "float16" else 1e-5)
    np.testing.assert_array_equal(answer.labels, logits.argmax(-1))
    np.testing.assert_allclose(answer.places, trajectory.locations, atol=2e-3 if kind == "float16" else 1e-5)
    assert answer.names == [NAMES[label] for label in answer.labels]
    assert (answer.labels.dtype, answer.probabilities.dtype, answer.places.dtype) == ("int64", "float32", "float32")
    one = model.classify(tf.constant(IMAGES[3]))  # one image, and a tensor
    np.testing.assert_allclose(one.probabilities, answer.probabilities[3:4], atol=2e-3 if kind == "float16" else 1e-5)


def test_files_are_answered_as_training_reads_them(files):
    model = ram()
    read = np.stack([decode_image(path, 1, (28, 28)) for path in files])
    expected = model.classify(read)
    for given in (files, [str(path) for path in files], iter(files)):
        answer = model.classify(given, batch_size=3)
        assert answer.names == expected.names
        np.testing.assert_allclose(answer.probabilities, expected.probabilities, atol=1e-6)
    for alone in (files[1], str(files[1])):
        np.testing.assert_allclose(model.classify(alone).probabilities, expected.probabilities[1:2], atol=1e-6)


def test_no_more_than_a_batch_of_files_is_read_at_once(files):
    """What asks for the first batch has it before the third file, which is none, is read."""
    files[2].write_bytes(b"no image")
    seen = []

    def answer(batch):
        seen.append(batch.shape)
        return np.full([len(batch), 3], 1 / 3), np.zeros([len(batch), 3, 2])

    with pytest.raises(UserError, match=r"cannot decode .*2\.png"):
        classification(ram(), files, 2, answer)
    assert seen == [(2, 28, 28, 1)]


def test_images_of_several_sizes_one_after_the_other():
    model = saccader()
    for side in (28, 36):
        images = np.random.default_rng(side).random([2, side, 28, 1]).astype("float32")
        np.testing.assert_allclose(model.classify(images).places, model(images).locations, atol=1e-5)


def test_given_actions_are_where_it_looks():
    actions = np.linspace(-0.9, 0.9, 5 * 3 * 2).reshape(5, 3, 2).astype("float32")
    answer = ram().classify({"images": IMAGES, "actions": actions}, batch_size=2)
    np.testing.assert_allclose(answer.places, actions, atol=1e-6)


def test_a_model_that_stops_says_where_it_no_longer_looked():
    model = AdaptiveModel(ram(), stopping_units=4)
    never, at_once = model.classify(IMAGES, threshold=-1.0), model.classify(IMAGES, batch_size=2, threshold=2.0)
    np.testing.assert_allclose(never.probabilities, model.classify(IMAGES).probabilities, atol=1e-5)
    assert not np.isnan(never.places).any()
    assert np.isnan(at_once.places[:, 1:]).all() and not np.isnan(at_once.places[:, 0]).any()
    first = scipy.special.softmax(np.asarray(model(IMAGES).logits[:, 0]), axis=-1)
    np.testing.assert_allclose(at_once.probabilities, first, atol=1e-5)
    assert repr(at_once).splitlines()[0].count("(") == 2  # "(y, x)" and one place
    with pytest.raises(UserError, match="leave out the given actions"):
        model.classify({"images": IMAGES, "actions": np.zeros([5, 3, 2])}, threshold=0.1)


def test_printed_it_can_be_read():
    probabilities, places = np.tile(np.float32([0.25, 0.125, 0.625]), [30, 1]), np.tile(np.float32([[0.5, -1.0], [0.0, 0.25]]), [30, 1, 1])
    lines = repr(Classified(["owl"] * 30, np.full([30], 2), probabilities, places)).splitlines()
    assert lines[0] == lines[19] == "owl  62.5 %  looked at (y, x): (+0.50, -1.00) (+0.00, +0.25)"
    assert len(lines) == 21 and lines[-1] == "... and 10 more"


def test_without_names_the_numbers_are_names():
    model = RAM(3, patch_size=6, num_glimpses=1, units=8, num_scales=1)
    answer = model.classify(IMAGES)
    assert answer.names == [str(label) for label in answer.labels]


def broken():
    model = ram()
    model.classifier.set_weights([weight * np.nan for weight in model.classifier.get_weights()])
    return model


@pytest.mark.parametrize(
    ("given", "words", "make"),
    [
        ([], "an empty list", ram),
        (IMAGES[:0], "at least one image", ram),
        (IMAGES * 255, "divide by 255", ram),
        (IMAGES * np.nan, "NaN", ram),
        ("nowhere.png", "no image at 'nowhere.png'", ram),
        (["setup.cfg"], "setup.cfg", ram),
        ([IMAGES[0], IMAGES[1, 4:]], "images of one size in an array", ram),
        ("a.png", "that the model was built for", lambda: RAM(3, num_scales=1)),
        (tf.data.Dataset.from_tensors(IMAGES), "classify each batch's images", ram),
        (IMAGES, "weights are broken: NaN or infinity in .*classifier", broken),
    ],
)
def test_mistakes_are_told(given, words, make):
    with pytest.raises(UserError, match=words):
        make().classify(given)


def test_an_argmax_of_what_predict_returns_says_what_to_ask_instead():
    trajectory = ram()(IMAGES)
    for mistake in (np.argmax, np.array, np.asarray, lambda found: np.mean(found, axis=0)):
        with pytest.raises(UserError, match=r"model\.classify\(images\)"):
            mistake(trajectory)
