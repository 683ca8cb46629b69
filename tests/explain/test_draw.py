import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageSequence

from tf_glimpse import RAM, draw_glimpses, save_glimpses_gif
from tf_glimpse.explain import figure_to_array, foveate
from tf_glimpse.layers import Retina
from tf_glimpse.types import UserError


@pytest.fixture(scope="module")
def rollout():
    model = RAM(3, patch_size=4, num_scales=2, num_glimpses=3, units=8, class_names=["cat", "dog", "owl"], seed=0)
    images = np.random.default_rng(0).random([2, 20, 24, 3]).astype("float32")
    return model, images, model(images)


def test_a_row_an_image_and_a_panel_a_look(rollout):
    model, images, trajectory = rollout
    figure = draw_glimpses(images, trajectory, model.retina, model.class_names, labels=[0, 1])
    assert len(figure.axes) == 2 * (1 + 3)
    best = np.argmax(trajectory.logits[:, -1], axis=-1)
    for row, title in enumerate(figure.axes[panel].get_title() for panel in (0, 4)):
        assert title.startswith(model.class_names[best[row]])
    assert figure_to_array(figure).std() > 10
    assert len(draw_glimpses(images, trajectory).axes) == 2


def test_the_numbers_stand_where_the_model_looked(rollout):
    model, images, trajectory = rollout
    panel = draw_glimpses(images[0], model(images[:1]), model.retina).axes[0]
    places = np.array([text.get_position() for text in panel.texts])[:, ::-1]
    expected = (trajectory.locations[0].numpy() + 1) / 2 * [20, 24] - 0.5
    np.testing.assert_allclose(places, expected, atol=1e-5)
    assert [text.get_text() for text in panel.texts] == ["1", "2", "3"]


def test_the_retinas_view_is_sharp_in_the_middle_and_coarse_outside():
    image = np.arange(64, dtype=np.float32).reshape(8, 8, 1) / 64
    view = foveate(image, np.zeros(2, np.float32), Retina(patch_size=4, num_scales=2))
    np.testing.assert_allclose(view[2:6, 2:6], image[2:6, 2:6])
    np.testing.assert_allclose(view[:2, :2], np.full([2, 2, 1], image[:2, :2].mean()))


def test_the_film_has_a_frame_a_look_and_comes_to_light(rollout, tmp_path):
    model, images, _ = rollout
    save_glimpses_gif(tmp_path / "film.gif", images[0], model(images[:1]), model.retina)
    with Image.open(tmp_path / "film.gif") as film:
        frames = [np.asarray(frame.convert("L"), np.float32) for frame in ImageSequence.Iterator(film)]
    assert len(frames) == 3
    assert not np.array_equal(frames[0], frames[2])


def test_as_many_images_as_rollouts(rollout):
    model, images, trajectory = rollout
    with pytest.raises(UserError, match=r"Received: \(1, 20, 24, 3\) and 2"):
        draw_glimpses(images[0], trajectory, model.retina)
    with pytest.raises(UserError, match="wants"):
        draw_glimpses(tf.zeros([20, 24]), trajectory)
