import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_glimpse import losses
from tf_glimpse.models import RAM, AdaptiveModel, BagNet, HiddenStateVAE, ReconstructingModel, Saccader
from tf_glimpse.models.checked import CheckedModel

IMAGES = np.random.default_rng(0).integers(0, 255, [6, 28, 28, 1], np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2])
BAGNET = {"receptive_field": 5, "blocks": [1], "filters": [8], "strides": [2], "stem_filters": 4}


def ram():
    model = RAM(3, num_glimpses=3, units=8, first_location="centre", num_scales=1)
    model.build((None, 28, 28, 1))
    return model


def all_terms_of_a_ram():
    model = ram()
    model.compile("sgd", run_eagerly=True, terms=[*losses.PAPER, "anytime", "entropy", "look_ahead", "hindsight"])
    return model, IMAGES


def saccader(terms=None):
    model = Saccader(3, BAGNET, num_glimpses=3, mixed_channels=8)
    model.compile("sgd", terms=terms, run_eagerly=True)
    return model, IMAGES


def reconstructing(terms=None):
    model = ReconstructingModel(ram(), HiddenStateVAE((28, 28, 1), latent_size=2, units=8))
    model.compile("sgd", terms=terms, run_eagerly=True)
    return model, {"images": IMAGES, "clean": IMAGES}


def compiled(model):
    model.compile("sgd", run_eagerly=True)
    return model, IMAGES


def run(model, inputs, **options):
    data = tf.data.Dataset.from_tensor_slices((inputs, LABELS)).batch(3)
    return model.fit(data, validation_data=(IMAGES[:3], LABELS[:3]), verbose=2, shuffle=False, **options).history


def line(capsys):
    """The names on the epoch's line."""
    return [part.split(":")[0] for part in capsys.readouterr().out.strip().splitlines()[-1].split(" - ")[3:]]


@pytest.mark.parametrize(
    ("made", "terms", "validated"),
    [
        (all_terms_of_a_ram, ["reward"], []),
        (lambda: saccader([losses.Targets(num_targets=3)]), ["hit_rate", "location_loss"], ["hit_rate", "location_loss"]),
        (saccader, ["reward"], []),
        (reconstructing, ["reconstruction"], []),
        (lambda: reconstructing(losses.PAPER), ["reconstruction", "reward"], []),
        (lambda: compiled(ram()), [], []),
        (lambda: compiled(AdaptiveModel(ram())), [], []),
        (lambda: compiled(BagNet(3, **BAGNET)), [], []),
    ],
)
def test_an_epoch_s_line_shows_what_tells_how_it_goes_and_the_history_has_all(made, terms, validated, capsys):
    model, inputs = made()
    history = run(model, inputs)
    found = line(capsys)
    assert sorted(name for name in found if not name.startswith("val_")) == sorted(["accuracy", "loss", *terms])
    assert sorted(name for name in found if name.startswith("val_")) == sorted(f"val_{name}" for name in ["accuracy", "loss", *validated])
    assert set(found) <= set(history)


def test_all_terms_reach_the_history_the_log_and_the_line_of_who_asks_and_silence_is_silent(tmp_path, capsys):
    model, inputs = all_terms_of_a_ram()
    assert set(run(model, inputs, callbacks=[keras.callbacks.ProgbarLogger()])) == set(line(capsys))
    terms = {"anytime", "baseline", "cross_entropy", "entropy", "hindsight", "look_ahead", "policy_entropy", "reinforce", "reward"}
    history = model.fit(inputs, LABELS, 3, 1, 0, [keras.callbacks.CSVLogger(tmp_path / "log.csv")]).history
    assert terms < set(history)
    assert terms < set((tmp_path / "log.csv").read_text().splitlines()[0].split(","))
    assert capsys.readouterr().out == ""


@keras.saving.register_keras_serializable("tests")
class NoXLA(CheckedModel):
    """A layer whose evaluation and prediction XLA cannot compile, as it cannot read text."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def build(self, input_shape):
        self.dense.build((None, 28 * 28))

    def call(self, images):
        return self.dense(tf.reshape(tf.cast(images, tf.float32), [-1, 28 * 28]))

    def test_step(self, data):
        tf.strings.as_string(data[1])
        return super().test_step(data)

    def predict_step(self, data):
        tf.debugging.assert_equal(tf.strings.length(tf.strings.as_string(tf.shape(data)[0])), 1)
        return super().predict_step(data)


class TextInTraining(NoXLA):
    """As `NoXLA`, in training too."""

    def train_step(self, data):
        tf.debugging.assert_greater(tf.strings.length(tf.strings.as_string(data[1])), 0)
        return super().train_step(data)


def test_xla_compiles_the_training_step_alone_and_says_so_once(capsys):
    model = NoXLA()
    model.compile("sgd", jit_compile=True)
    for _ in range(2):
        model.fit(IMAGES, LABELS, batch_size=3, verbose=2, validation_data=(IMAGES[:4], LABELS[:4]))
    assert capsys.readouterr().out.count("Compiling the training step with XLA") == 1
    assert [len(model.predict(IMAGES[:count], verbose=0)) for count in (1, 2, 5)] == [1, 2, 5]
    assert model.jit_compile
    broken = TextInTraining()
    broken.compile("sgd", jit_compile=True)
    with pytest.raises(tf.errors.InvalidArgumentError, match="unsupported operations"):
        broken.fit(IMAGES, LABELS, batch_size=3, verbose=0)
    broken.compile("sgd")
    broken.fit(IMAGES, LABELS, batch_size=3, verbose=2)
    assert "Compiling" not in capsys.readouterr().out


def test_xla_says_nothing_on_stderr():
    program = """
import tf_glimpse, keras, numpy as np
from tf_glimpse.models.checked import CheckedModel
class Line(CheckedModel):
    def build(self, shape):
        self.dense = keras.layers.Dense(2)
        self.dense.build((None, 4))
    def call(self, images):
        return self.dense(keras.ops.reshape(images, [-1, 4]))
model = Line()
model.compile("sgd", jit_compile=True)
model.fit(np.zeros([4, 2, 2, 1]), np.array([0, 1, 0, 1]), verbose=2)
"""
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert (process.returncode, process.stderr) == (0, "")
    assert "Compiling the training step with XLA" in process.stdout
