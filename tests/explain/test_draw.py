"""Figures and films of looks: what they say, that it can be read on black and on white, and that no name breaks them."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageSequence

from tf_glimpse import RAM, draw_glimpses, save_glimpses_gif
from tf_glimpse.explain import figure_to_array, foveate
from tf_glimpse.explain.scanpath import colour, numbered
from tf_glimpse.explain.views import channel_note, displayed, rim_note
from tf_glimpse.layers import Retina
from tf_glimpse.types import UserError

NAMES = ["$_$", "$\\frac{1}{2$ \\$", "caf\udce9 \u65e5\u672c\n&amp;<b>"]  # mathematics that is none, bytes of another encoding, no glyph


@pytest.fixture(scope="module")
def rollout():
    model = RAM(3, patch_size=4, num_scales=2, num_glimpses=3, units=8, class_names=["cat", "dog", "owl"], seed=0)
    images = np.random.default_rng(0).random([2, 20, 24, 3]).astype("float32")
    return model, images, model(images)


def legend(figure):
    """All that stands below a figure, in one line."""
    (below,) = figure.legends
    return " ".join([below.get_title().get_text(), *(text.get_text() for text in below.get_texts())]).replace("\n", " ")


def test_a_row_an_image_and_a_panel_a_look(rollout):
    model, images, trajectory = rollout
    figure = draw_glimpses(images, trajectory, model.retina, model.class_names, labels=[0, 1], names=["a/one.jpg", "two.jpg"])
    assert len(figure.axes) == 2 * (1 + 3)
    assert figure_to_array(figure).std() > 10
    assert len(draw_glimpses(images, trajectory).axes) == 2
    shares = tf.nn.softmax(trajectory.logits).numpy()
    for row, (name, true) in enumerate((("a/one.jpg", "cat"), ("two.jpg", "dog"))):
        head, *views = figure.axes[4 * row : 4 * row + 4]
        answer = model.class_names[shares[row, -1].argmax()]
        assert head.get_title().replace("\n", " ") == f"{name} says {answer} ({100 * shares[row, -1].max():.0f} %), true {true}"
        assert head.title.get_color() == ("#197a43" if answer == true else "#b42318")
        for look, view in enumerate(views):
            seen = model.class_names[shares[row, look].argmax()]
            assert view.get_title() == f"look {look + 1}: {seen} ({100 * shares[row, look].max():.0f} %)"
    unlabelled = draw_glimpses(images, trajectory, model.retina).axes[4].get_title()
    assert unlabelled.startswith("image 2\nsays ") and "true" not in unlabelled


def test_a_notebook_shows_the_figure_without_pyplot(rollout):
    model, images, trajectory = rollout
    with Image.open(io.BytesIO(draw_glimpses(images, trajectory, model.retina)._repr_png_())) as picture:
        assert min(picture.size) > 300


def test_the_legend_says_what_the_marks_mean(rollout):
    model, images, trajectory = rollout
    words = legend(draw_glimpses(images, trajectory, model.retina, reconstructions=np.zeros([2, 3, 20, 24, 3])))
    for part in ("what the retina saw", "look 1", "look 3, the last", "sharpest patch, 4 px", "widest patch, 8 px", "Below: "):
        assert part in words
    assert "patch" not in legend(draw_glimpses(images, trajectory))
    alone = RAM(3, patch_size=4, num_glimpses=1, units=8, num_scales=1)
    assert "the one look the patch, 4 px" in legend(draw_glimpses(images, alone(images), alone.retina))


def test_the_dots_stand_where_the_model_looked_and_every_look_has_its_number(rollout):
    model, images, _ = rollout
    trajectory = model(images[:1], sample=True, seed=(0, 0))
    panel = draw_glimpses(images[0], trajectory, model.retina).axes[0]
    dots = np.array([line.get_xydata()[0, ::-1] for line in panel.lines if line.get_marker() == "o"])
    expected = (trajectory.locations[0].numpy() + 1) / 2 * [20, 24] - 0.5
    np.testing.assert_allclose(dots, expected, atol=1e-5)
    assert sorted(look_indices(text.get_text() for text in panel.texts)) == [1, 2, 3]


def look_indices(texts):
    """The numbers that texts such as "1, 3-5" stand for."""
    for part in ", ".join(texts).split(", "):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


CENTRES = {
    "one place": np.full([16, 2], 14.0),
    "two places, in turn": np.tile([[5.0, 6.0], [20.0, 21.0]], [8, 1]),
    "a heap": np.random.default_rng(0).normal(14, 1.5, [16, 2]),
    "a heap in a corner": np.clip(np.random.default_rng(1).normal(1, 2, [16, 2]), 0, 28),
    "everywhere": np.random.default_rng(2).uniform(0, 28, [16, 2]),
    "one look": np.array([[28.0, 0.0]]),
}


@pytest.mark.parametrize("case", CENTRES)
def test_numbers_do_not_cover_each_other(case):
    font = 1.6
    found = numbered(CENTRES[case], font, (28, 28))
    assert sorted(look_indices(text for text, *_ in found)) == list(range(1, len(CENTRES[case]) + 1))
    boxes = []
    for text, anchor, place, _ in found:
        assert np.linalg.norm(anchor - CENTRES[case], axis=1).min() < font
        half = np.array([font / 2, 0.6 * font * len(text) / 2])  # of what is drawn, a little less than what is kept free
        assert (place - half >= 0).all() and (place + half <= 28).all()
        for other, reach in boxes:
            assert (np.abs(place - other) >= half + reach - 1e-6).any(), f"{text} covers another number"
        boxes.append((place, half))


def luminance(colours):
    """WCAG's relative luminance of RGB 0-1 `[..., 3]`."""
    colours = np.asarray(colours)
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("looks", [1, 2, 6, 16])
def test_colours_are_bright_enough_for_black(looks):
    for look in range(looks):
        assert (luminance(colour(look, looks)) + 0.05) / 0.05 > 4.5  # WCAG AA for text; on white the dark outline does it


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_numbers_frames_and_lines_can_be_told_from_black_grey_and_white(level):
    model = RAM(3, patch_size=6, num_scales=2, num_glimpses=4, units=8, seed=0)
    image = np.full([28, 28, 1], level, "float32")
    places = np.array([[[-0.6, -0.6], [-0.6, 0.6], [0.6, 0.6], [0.6, -0.6]]], "float32")
    figure = draw_glimpses(image, model({"images": image[None], "actions": places}), model.retina)
    pixels = figure_to_array(figure) / 255
    panel = figure.axes[0]
    shapes = [*panel.texts, *panel.patches]
    assert len(shapes) == 4 + 2 * 4
    for shape in shapes:
        box = shape.get_window_extent().padded(1)
        rows, columns = np.clip(len(pixels) - np.array([box.y1, box.y0]), 0, None), np.array([box.x0, box.x1])
        seen = luminance(pixels[int(rows[0]) : int(rows[1]) + 1, int(columns[0]) : int(columns[1]) + 1])
        contrast = (np.maximum(seen, luminance(np.full(3, level))) + 0.05) / (np.minimum(seen, luminance(np.full(3, level))) + 0.05)
        assert (contrast > 3).sum() > 20  # WCAG AA for graphics


@pytest.mark.parametrize("draw", ["figure", "film"])
def test_no_name_breaks_a_picture(rollout, draw, tmp_path):
    _, images, trajectory = rollout
    retina, told = Retina(4, 2), {"labels": [0, 1], "names": NAMES[:2]}
    if draw == "film":
        save_glimpses_gif(tmp_path / "film.gif", images, trajectory, retina, NAMES, **told)
        return
    figure = draw_glimpses(images, trajectory, retina, NAMES, **told)
    assert figure_to_array(figure).std() > 10
    titles = [axes.get_title().replace("\n", " ") for axes in figure.axes]
    assert titles[0].startswith("$_$ says ") and titles[0].endswith("true $_$") and titles[4].endswith(f"true {NAMES[1]}")
    odd = draw_glimpses(images, trajectory, retina, NAMES, labels=[2, 2], names=NAMES[1:])
    assert figure_to_array(odd).std() > 10
    assert odd.axes[0].get_title().replace("\n", " ").endswith("true class 2")  # its glyphs are missing, so that its number stands for it
    assert odd.axes[4].get_title().startswith("caf? \u25a1\u25a1 &amp;<b>")


def test_long_names_stay_whole(rollout):
    model, images, trajectory = rollout
    names = ["a very long name of a class that nobody would shorten", "Siberian_husky_of_the_far_and_cold_north_of_the_world", "x" * 60]
    figure = draw_glimpses(images, trajectory, model.retina, names, labels=[1, 2], names=["dir/" + "long_" * 12, "b"])
    titles = ["".join(axes.get_title().split()) for axes in figure.axes]
    assert names[1] in titles[0] and names[2] in titles[4] and "dir/" + "long_" * 12 in titles[0]
    figure.canvas.draw()
    for axes in figure.axes:
        box = axes.title.get_window_extent()
        assert box.x0 >= 0 and box.x1 <= figure.bbox.width and box.y1 <= figure.bbox.height + 2


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7])
def test_any_number_of_channels_is_shown_and_told(channels, tmp_path):
    model = RAM(3, patch_size=4, num_glimpses=2, units=8, seed=0, num_scales=1)
    images = np.random.default_rng(0).random([2, 12, 12, channels]).astype("float32")
    trajectory = model(images)
    figure = draw_glimpses(images, trajectory, model.retina)
    save_glimpses_gif(tmp_path / "film.gif", images, trajectory, model.retina)
    shown = displayed(images)
    assert shown.shape[-1] == (1 if channels == 1 else 3)
    if channels == 2:
        np.testing.assert_array_equal(shown, images[..., [0, 1, 1]])
    else:
        np.testing.assert_array_equal(shown, images[..., :3])
    assert ("hannels" in legend(figure)) == (channels not in (1, 3)) and channel_note(channels) in legend(figure)


def test_black_at_the_rim_is_told():
    middle, corner = np.zeros([1, 2], "float32"), np.ones([1, 2], "float32")
    assert rim_note(Retina(8, 2), (28, 28), middle) == ""
    assert rim_note(Retina(8, 2), (28, 28), corner) == "Black at the rim of a view lies outside the image."
    assert rim_note(Retina(8, 3), (28, 40), middle).startswith("The widest patch (32 px) is larger than the image (40 x 28 px): black")
    model = RAM(3, patch_size=8, num_scales=3, num_glimpses=1, units=8)
    image = np.zeros([1, 28, 28, 1], "uint8")
    assert "The widest patch (32 px) is larger" in legend(draw_glimpses(image, model(image), model.retina))


def test_the_retinas_view_is_sharp_in_the_middle_and_coarse_outside():
    image = np.arange(64, dtype=np.float32).reshape(8, 8, 1) / 64
    view = foveate(image, np.zeros(2, np.float32), Retina(patch_size=4, num_scales=2))
    np.testing.assert_allclose(view[2:6, 2:6], image[2:6, 2:6])
    np.testing.assert_allclose(view[:2, :2], np.full([2, 2, 1], image[:2, :2].mean()))


def test_the_film_shows_every_image_a_frame_a_look(rollout, tmp_path):
    model, images, trajectory = rollout
    save_glimpses_gif(tmp_path / "both.gif", images, trajectory, model.retina, milliseconds=300)
    save_glimpses_gif(tmp_path / "one.gif", images[0], model(images[:1]), model.retina)
    with Image.open(tmp_path / "both.gif") as film, Image.open(tmp_path / "one.gif") as single:
        frames = [np.asarray(frame.convert("L"), np.float32) for frame in ImageSequence.Iterator(film)]
        times = [frame.info["duration"] for frame in ImageSequence.Iterator(film)]
        assert film.size[0] > 1.8 * single.size[0]
        assert single.n_frames == 3
    assert len(frames) == 3 and times == [300, 300, 900]
    half = frames[0].shape[1] // 2
    for side in (slice(half), slice(half, None)):
        assert not np.array_equal(frames[0][:, side], frames[2][:, side])  # each comes to light


def test_a_film_of_many_photos_is_small_and_says_what_it_leaves_out(tmp_path):
    model = RAM(3, patch_size=8, num_scales=2, num_glimpses=2, units=8, seed=0)
    waves = np.sin(np.arange(96)[:, None] / 9 + np.arange(96)[None] / 7)[..., None] * [0.5, 0.3, 0.4] + 0.5
    images = (waves[None] * np.linspace(0.2, 1, 14)[:, None, None, None]).astype("float32")
    save_glimpses_gif(tmp_path / "many.gif", images, model(images), model.retina)
    save_glimpses_gif(tmp_path / "most.gif", images[:12], model(images[:12]), model.retina)
    assert (tmp_path / "many.gif").stat().st_size < 500_000
    with Image.open(tmp_path / "many.gif") as many, Image.open(tmp_path / "most.gif") as most:
        assert many.size[0] == most.size[0]
        pictures = [np.asarray(film.convert("L")) for film in (many, most)]
    assert (pictures[0] != pictures[1][: len(pictures[0])]).any(axis=1)[-60:].any()  # "The first 12 of 14 images."


def test_as_many_images_as_rollouts_labels_and_names(rollout):
    model, images, trajectory = rollout
    with pytest.raises(UserError, match=r"Received: \(1, 20, 24, 3\) and 2"):
        draw_glimpses(images[0], trajectory, model.retina)
    with pytest.raises(UserError, match="expects"):
        draw_glimpses(tf.zeros([20, 24]), trajectory)
    with pytest.raises(UserError, match="0 to 1"):
        draw_glimpses(255 * images, trajectory, model.retina)
    with pytest.raises(UserError, match="as many labels as images. Received: 1 and 2"):
        draw_glimpses(images, trajectory, model.retina, labels=[0])
    with pytest.raises(UserError, match="as many names as images. Received: 3 and 2"):
        save_glimpses_gif("nowhere.gif", images, trajectory, model.retina, names=["a", "b", "c"])
