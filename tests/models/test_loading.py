"""Damaged model files: an error of one line that names the file, or the right model; never a wrong one, never a traceback."""

import json
import zipfile

import keras
import numpy as np
import pytest
from tiny_model import IMAGES, LABELS, make_model

import tf_glimpse
from tf_glimpse.types import UserError


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A compiled, trained model's file as bytes, and its answers."""
    path = tmp_path_factory.mktemp("saved") / "model.keras"
    model = make_model()
    model.fit(IMAGES, LABELS, verbose=0)
    model.save(path)
    return path.read_bytes(), model.predict(IMAGES, verbose=0).logits


def assert_told_or_right(path, answers):
    """Whether the file was refused, in one line with its name; else its model must answer as it did."""
    try:
        model = tf_glimpse.load_model(path)
    except UserError as error:
        assert str(path) in str(error)
        assert "\n" not in str(error)
        return True
    np.testing.assert_array_equal(model.predict(IMAGES, verbose=0).logits, answers)
    return False


def test_a_changed_byte_anywhere_is_told_or_changes_nothing(saved, tmp_path):
    content, answers = saved
    random = np.random.default_rng(0)
    offsets = [*random.integers(0, len(content), 70), *random.integers(len(content) - 400, len(content), 30)]  # the zip's directory
    told = []
    for number, offset in enumerate(offsets):
        changed = bytearray(content)
        changed[offset] ^= 1 << random.integers(8)
        path = tmp_path / f"{number}.keras"
        path.write_bytes(changed)
        told.append(assert_told_or_right(path, answers))
    assert np.mean(told) > 0.8


def test_a_file_cut_short_anywhere_is_told(saved, tmp_path):
    content, answers = saved
    for size in [0, 1, len(content) - 1, *np.random.default_rng(1).integers(0, len(content), 30)]:
        (tmp_path / "cut.keras").write_bytes(content[:size])
        assert assert_told_or_right(tmp_path / "cut.keras", answers)


def rewritten(content, folder, member, change):
    """The file with one member changed, and right checksums; without it where the change gives None."""
    (folder / "old.keras").write_bytes(content)
    path = folder / "new.keras"
    with zipfile.ZipFile(folder / "old.keras") as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            data = change(old.read(name)) if name == member else old.read(name)
            if data is not None:
                new.writestr(name, data)
    return path


DEEP = b"[" * 100_000
MEMBERS = {
    "null": ("config.json", lambda _: b"null"),
    "a number": ("config.json", lambda _: b"3"),
    "deep": ("config.json", lambda _: DEEP),
    "no JSON": ("config.json", lambda _: b"\xff{"),
    "an empty object": ("config.json", lambda _: b"{}"),
    "no config": ("config.json", lambda _: None),
    "another class": ("config.json", lambda data: data.replace(b'"RAM"', b'"ROM"').replace(b">RAM", b">ROM")),
    "other arguments": ("config.json", lambda data: data.replace(b'"patch_size"', b'"patch_sise"')),
    "another size": ("config.json", lambda data: data.replace(b'"units": 16', b'"units": 17')),
    "no weights": ("model.weights.h5", lambda _: None),
    "half of the weights": ("model.weights.h5", lambda data: data[: len(data) // 2]),
    "weights of nothing": ("model.weights.h5", lambda _: b""),
}


@pytest.mark.parametrize("damage", MEMBERS)
def test_a_whole_archive_of_wrong_parts_is_told(saved, tmp_path, damage):
    path = rewritten(saved[0], tmp_path, *MEMBERS[damage])
    assert assert_told_or_right(path, saved[1])


def test_another_file_by_a_models_name_is_told(tmp_path):
    path = tmp_path / "notes.keras"
    path.write_text("accuracy 97 %\n")
    with pytest.raises(UserError, match=r"notes\.keras is damaged, or no \.keras file"):
        tf_glimpse.load_model(path)
    with pytest.raises(UserError, match="No model at"):
        tf_glimpse.load_model(tmp_path)


def test_weights_of_another_model_are_told(tmp_path):
    from tf_glimpse.models.loading import load_weights

    make_model(core="gru").save_weights(tmp_path / "gru.weights.h5")
    (tmp_path / "text.weights.h5").write_text(json.dumps([1]))
    for name in ("gru", "text", "missing"):
        with pytest.raises(UserError, match=rf"{name}\.weights\.h5 does not hold the weights of this RAM"):
            load_weights(make_model(), tmp_path / f"{name}.weights.h5")


@pytest.fixture
def restored_settings():
    layout = keras.config.image_data_format()
    yield
    keras.config.set_floatx("float32")
    keras.config.set_image_data_format(layout)


@pytest.mark.usefixtures("restored_settings")
@pytest.mark.parametrize("floatx", ["float64", "float16", "bfloat16"])
def test_another_global_number_type_is_told_by_every_model(floatx, saved, tmp_path):
    (tmp_path / "model.keras").write_bytes(saved[0])
    keras.config.set_floatx(floatx)
    makers = [
        lambda: tf_glimpse.RAM(3, num_scales=1),
        lambda: tf_glimpse.Saccader(3),
        lambda: tf_glimpse.BagNet(3),
        lambda: tf_glimpse.PatchClassifier(3, "MobileNetV2"),
        lambda: tf_glimpse.HiddenStateVAE((8, 8, 1)),
        lambda: tf_glimpse.models.ImageVAE((8, 8, 1)),
        lambda: tf_glimpse.models.GlimpsePosterior(3),
        lambda: tf_glimpse.load_model(tmp_path / "model.keras"),
        lambda: tf_glimpse.RAM.from_preset("ram_digits"),
    ]
    for make in makers:
        with pytest.raises(UserError, match=rf'keras\.config\.set_floatx\("float32"\).*Received: floatx {floatx}'):
            make()


def test_weights_of_another_number_type_are_refused():
    for dtype in ("float64", "float16"):
        with pytest.raises(UserError, match=f'dtype expects "float32", "mixed_bfloat16" or "mixed_float16".*{dtype}'):
            tf_glimpse.RAM(3, dtype=dtype, num_scales=1)


@pytest.mark.usefixtures("restored_settings")
def test_models_read_channels_last_whatever_keras_is_set_to():
    """The layout is part of what a model's images are, not of how it computes."""
    photos = np.random.default_rng(0).random([4, 32, 36, 3]).astype("float32")
    bagnet = {"wide_blocks": (1, 0, 0, 0), "blocks": (1, 1, 1, 1), "width": 0.1}
    makers = {
        "ram": lambda: tf_glimpse.RAM(3, encoder="conv", patch_size=6, num_glimpses=2, units=8, seed=0, num_scales=1),
        "saccader": lambda: tf_glimpse.Saccader(3, bagnet, num_glimpses=2, mixed_channels=8, seed=0),
        "vae": lambda: tf_glimpse.HiddenStateVAE((10, 11, 1), units=8, decoder="conv"),
        "posterior": lambda: tf_glimpse.models.GlimpsePosterior(3, filters=(4,), units=8),
    }
    inputs = {"ram": photos, "saccader": photos, "vae": np.ones([2, 3, 5], "float32"), "posterior": photos[:, :, :, :2]}
    answers = {}
    for layout in ("channels_last", "channels_first"):
        keras.config.set_image_data_format(layout)
        for name, make in makers.items():
            keras.utils.set_random_seed(0)
            made = make()(inputs[name])
            answers[name, layout] = made[0] if isinstance(made, tuple) else made
    for name in makers:
        np.testing.assert_allclose(answers[name, "channels_first"], answers[name, "channels_last"], atol=1e-6)
    windows = np.zeros([2, 2, 32, 32, 3], "float32")
    assert tf_glimpse.PatchClassifier(3, "MobileNet", {"alpha": 0.25})(windows).shape == (2, 2, 3)
    assert tf_glimpse.RAM.from_preset("ram_digits")(np.zeros([1, 60, 60, 1], "float32")).logits.shape == (1, 6, 10)
