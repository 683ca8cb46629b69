"""Windows classified by a model of another kind: what it sees, how it answers, its weights and its mistakes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_glimpse.models import PatchClassifier, Saccader
from tf_glimpse.types import UserError

RANDOM = np.random.default_rng(0)
PHOTOS = RANDOM.integers(0, 256, [4, 32, 32, 3]).astype(np.uint8)
LOCATIONS = RANDOM.uniform(-0.5, 0.5, [4, 3, 2]).astype(np.float32)


def average_colour(side=8):
    """The user's own model: a window's mean colour, as logits of three classes."""
    inputs = keras.Input([side, side, 3])
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs))


def test_the_answer_is_the_mean_over_the_windows_so_far():
    model = PatchClassifier(3, average_colour(), top=False)
    windows = model.cut(PHOTOS, LOCATIONS, share=0.25)
    assert windows.shape == (4, 3, 8, 8, 3)
    colours = windows.numpy().mean(axis=(2, 3))
    expected = np.stack([colours[:, : look + 1].mean(axis=1) for look in range(3)], axis=1)
    np.testing.assert_allclose(model(windows), expected, atol=1e-6)
    np.testing.assert_allclose(model((255 * windows.numpy()).round().astype(np.uint8)), expected, atol=1e-6)


def test_a_sharper_image_gives_larger_windows_of_the_same_place():
    model, sharp = PatchClassifier(3, average_colour(), top=False), PHOTOS.repeat(2, axis=1).repeat(2, axis=2)
    centred = np.zeros([4, 1, 2], np.float32)
    windows, sharper = model.cut(PHOTOS, centred, 0.25), model.cut(sharp, centred, 0.25)
    assert sharper.shape[2] == 2 * windows.shape[2]
    np.testing.assert_allclose(model(sharper), model(windows), atol=1e-2)


def test_it_learns_at_the_places_of_a_saccader(tmp_path):
    """Which of three colours is in the middle; through fit and a file."""
    labels = np.arange(4) % 3
    photos = np.zeros([4, 32, 32, 3], np.uint8)
    photos[np.arange(4), :, :, labels] = 200
    saccader = Saccader(3, {"blocks": (1,), "filters": (8,), "strides": (4,), "stem_filters": 8, "receptive_field": 5}, 2, mixed_channels=8)
    saccader.build((None, 16, 16, 3))
    looks = saccader(tf.image.resize(photos, [16, 16]) / 255).locations
    model = PatchClassifier(3, average_colour())
    windows = model.cut(photos, looks, share=saccader.patch_size / 16).numpy()
    assert windows.shape == (4, 2, 10, 10, 3)
    model.compile(keras.optimizers.Adam(0.1))
    history = model.fit(windows, labels, epochs=20, batch_size=4, shuffle=False, verbose=0).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    model.save(tmp_path / "model.keras")
    np.testing.assert_allclose(keras.saving.load_model(tmp_path / "model.keras")(windows), model(windows), atol=1e-5)


def test_an_application_with_weights_of_ones_own(tmp_path):
    model = PatchClassifier(3, "MobileNetV2", {"alpha": 0.35})
    windows = model.cut(PHOTOS[:1], LOCATIONS[:1], share=0.25)
    assert model.window_size == 32
    assert model(windows).shape == (1, 3, 3)
    model.backbone.save_weights(tmp_path / "own.weights.h5")
    other = PatchClassifier(3, "MobileNetV2", {"alpha": 0.35, "weights": str(tmp_path / "own.weights.h5")})
    for expected, found in zip(model.backbone.get_weights(), other.backbone.get_weights(), strict=True):
        np.testing.assert_array_equal(expected, found)


@pytest.mark.slow
def test_batch_norms_follow_as_fast_as_one_says(tmp_path):
    model = PatchClassifier(3, "MobileNetV2", {"alpha": 0.35}, norm_momentum=0.0)
    windows = model.cut(PHOTOS, LOCATIONS, share=1.0)
    trained = model(windows, training=True)  # whose statistics are then those of this batch
    np.testing.assert_allclose(model(windows), trained, atol=1e-4)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.norm_momentum == 0.0
    np.testing.assert_allclose(again(windows), trained, atol=1e-4)


@pytest.mark.slow
def test_any_application_is_found():
    assert PatchClassifier(3, "MobileNetV3Small", {"include_preprocessing": False}).backbone.output_shape == (None, 576)


def test_its_precision_is_its_backbones_and_is_kept(tmp_path):
    model = PatchClassifier(3, "MobileNetV2", {"alpha": 0.35}, dtype="mixed_bfloat16")
    assert keras.config.dtype_policy().name == "float32"
    windows = model.cut(PHOTOS, LOCATIONS, share=1.0)
    assert {layer.compute_dtype for layer in model.backbone.layers[1:]} == {"bfloat16"}
    assert model(windows).dtype == tf.float32
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.dtype_policy.name == "mixed_bfloat16"
    np.testing.assert_allclose(again(windows), model(windows), atol=1e-3)


def test_wrong_windows_and_labels_are_told():
    model = PatchClassifier(3, average_colour())
    windows, labels = np.zeros([4, 2, 8, 8, 3], np.float32), np.array([0, 1, 2, 0])
    model.compile()
    with pytest.raises(UserError, match="divide by 255"):
        model.fit(255 + windows, labels)
    with pytest.raises(UserError, match="labels must lie in 0 to 2"):
        model.fit(windows, labels + 1)
    with pytest.raises(UserError, match=r"windows \[B, T, s, s, 3\] of T looks. Received: shape \(4, 8, 8, 3\)"):
        model.predict(windows[:, 0], verbose=0)
    with pytest.raises(UserError, match=r"Received: shape \(4, 2, 8, 8, 1\)"):
        model.predict(windows[..., :1], verbose=0)
    with pytest.raises(UserError, match="a height that is known"):
        tf.function(model.cut, autograph=False).get_concrete_function(tf.TensorSpec([4, None, None, 3]), tf.TensorSpec([4, 2, 2]), 0.5)


def test_batch_norms_of_models_within_models_follow_too():
    inner = keras.Sequential([keras.Input([8, 8, 3]), keras.layers.BatchNormalization(), keras.layers.GlobalAveragePooling2D()])
    inputs = keras.Input([8, 8, 3])
    model = PatchClassifier(3, keras.Model(inputs, keras.layers.Activation("linear")(inner(inputs))), top=False, norm_momentum=0.5)
    assert model.backbone.layers[1].layers[0].momentum == 0.5


def test_mistakes_are_told():
    inputs = keras.Input([8, 8, 3])
    features = keras.layers.GlobalAveragePooling2D()(inputs)
    with pytest.raises(UserError, match="features .* with top=True. Received: one that gives"):
        PatchClassifier(3, keras.Model(inputs, [features, features]))
    for other in (keras.Sequential([keras.layers.Flatten()]), keras.Sequential([keras.Input([8, 9, 3]), keras.layers.Flatten()])):
        with pytest.raises(UserError, match="a built Keras model of one image"):
            PatchClassifier(3, other)
    with pytest.raises(UserError, match="num_classes expects a whole number of at least 2"):
        PatchClassifier(1, keras.Model(inputs, features))
    with pytest.raises(UserError, match="share expects"):
        PatchClassifier(3, keras.Model(inputs, features)).cut(np.zeros([1, 8, 8, 3], "uint8"), np.zeros([1, 2, 2]), share=0)
    with pytest.raises(UserError, match="expects a model of keras.applications, such as MobileNetV2"):
        PatchClassifier(3, "MobileNetV9")
    with pytest.raises(UserError, match="MobileNetV2 does not take window_size=32"):
        PatchClassifier(3, "MobileNetV2", {"weights": "no_such_file.h5"})
    with pytest.raises(UserError, match="does not take window_size=32 and {'depth': 3}"):
        PatchClassifier(3, "MobileNetV2", {"depth": 3})
    with pytest.raises(UserError, match=r"logits \[N, 3\] with top=False. Received: one that gives \(None, 1280\)"):
        PatchClassifier(3, "MobileNetV2", {"alpha": 0.35}, top=False)
    inputs = keras.Input([None, None, 3])
    with pytest.raises(UserError, match="expects window_size"):
        PatchClassifier(3, keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs)))
    with pytest.raises(UserError, match=r"features \[N, D\] with top=True. Received: one that gives \(None, None, None, 4\)"):
        PatchClassifier(3, keras.Model(inputs, keras.layers.Conv2D(4, 3)(inputs)), window_size=8)
