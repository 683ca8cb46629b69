"""The page, its pictures, the callback: on real digits, opened by a browser where there is one."""

import dataclasses
import html.parser
import json
import pathlib
import re
import shutil
import subprocess

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow.core.util import event_pb2

from tf_glimpse import RAM
from tf_glimpse.datasets import load
from tf_glimpse.explain import ExplanationLogs, entropies, explain_images, place_counts
from tf_glimpse.explain.faithfulness import scale_attribution
from tf_glimpse.explain.page_words import entropy_rose
from tf_glimpse.models.hidden_state_vae import HiddenStateVAE
from tf_glimpse.training.explained import explain_finished
from tf_glimpse.training.finished import open_finished
from tf_glimpse.types import UserError

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


NAMED = ["digit 0", "digit 1", "digit 2"]


@pytest.fixture(scope="module")
def found():
    source = load("digits_canvas").validation
    model = RAM.from_preset("ram_digits")
    vae = HiddenStateVAE(model.image_shape, units=16, latent_size=4)
    vae.build((None, 6, 256))
    images = source.fetch(np.arange(3)).numpy()
    return explain_images(model, images, labels=source.labels[:3], names=NAMED, vae=vae, samples=2, title="<digits>")


class Reader(html.parser.HTMLParser):
    """What a page refers to, its text, and whether every tag that opens closes."""

    def __init__(self, text):
        super().__init__()
        self.links, self.words, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.links += [value for name, value in attributes if name in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.links += [value for name, value in attributes if name in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, words):
        self.words.append(words)


def test_an_explanation_holds_what_its_names_say(found):
    assert found.views.shape == (3, 6, 3, 8, 8, 1)
    np.testing.assert_allclose(found.entropies, entropies(np.log(found.shares)), atol=1e-4)
    np.testing.assert_allclose(found.gains.sum(axis=1), np.log(10) - found.entropies[:, -1])
    assert found.reconstructions.shape == (3, 6, 60, 60, 1)
    assert found.samples.shape == (2, 3, 6, 60, 60, 1)
    assert found.faithfulness.change == 0


def test_the_page_is_whole_and_says_what_was_found(found):
    text = found.html()
    page = Reader(text)
    assert not page.open
    assert page.links and all(link.startswith("data:image/png;base64,") for link in page.links)
    assert "http" not in re.sub(r"base64,[\w+/=]+", "", text)
    # an image; all scales in one, each alone, the reconstruction and two samples a look; a map a look
    assert len(page.links) == 3 * (1 + 6 * (1 + 3 + 1 + 2)) + 6
    words = " ".join(" ".join(page.words).split()).replace(" :", ":")
    assert words.count("<digits>") == 2  # the title and the line below the heading: escaped in the source, whole when read
    for index in range(3):
        assert f"entropy {found.entropies[index, 3]:.3f} nats gain {found.gains[index, 2]:+.3f} nats worth" in words
        answer, true = (found.class_names[number] for number in (found.answers[index], found.labels[index]))
        assert f"digit {index}: says {answer} ({100 * found.shares[index, -1].max():.0f} %), true {true}" in words
    assert "2.30 (ln K)" in words
    assert re.search(
        r"Hiding everything it did not look at \(\d+ % of the pixels\) changed no answer; hiding what it looked at changed", words
    )
    most, *_ = found.scales_by_worth
    assert f"when that scale is black at every look: {8 * 2**most} px ({found.scale_worth.mean(axis=0)[most]:+.1f} nats), " in words
    order = re.findall(r"(\d+) px", words[words.index("seen by the retina") :])[:3]
    assert order == [str(8 * 2**scale) for scale in found.scales_by_worth]


def test_a_rise_in_entropy_is_told_where_there_is_one(found):
    assert entropy_rose(np.array([0.5, -0.2, -0.005, 0.1, -0.3])) == entropy_rose(np.array([0.5, -0.1, 0.0, 0.1, -0.1]))
    falling, rising = np.array([2.3, 1.0, 0.5, 0.4, 0.3, 0.2, 0.1]), np.array([2.3, 1.0, 1.4, 0.4, 0.3, 0.2, 0.1])
    told = [dataclasses.replace(found, entropies=np.array([falling, rows, falling])).html() for rows in (falling, rising)]
    assert "Entropy rose" not in told[0]
    assert told[1].count("Entropy rose at look 2: what it saw there fits other classes") == 1


@pytest.mark.parametrize("scale", [0, 1])
def test_a_scales_worth_is_the_fall_when_the_encoder_cannot_read_it(scale):
    model = RAM(3, patch_size=4, num_scales=2, num_glimpses=3, units=8, encoder="dense", seed=0)
    images = np.random.default_rng(0).random([2, 20, 24, 3]).astype("float32")
    trajectory = model(images)
    worth = scale_attribution(model, images, trajectory)
    (kernel,) = (weight for weight in model.cell.encoder.weights if weight.shape[0] == 4 * 4 * 2 * 3)
    rows = kernel.numpy().reshape([4, 4, 2, 3, -1])
    rows[:, :, scale] = 0
    kernel.assign(rows.reshape(kernel.shape))
    blind = tf.nn.log_softmax(model({"images": images, "actions": trajectory.actions}).logits[:, -1]).numpy()
    before = tf.nn.log_softmax(trajectory.logits[:, -1]).numpy()
    answers = before.argmax(axis=-1)[:, None]
    odds = [np.take_along_axis(logs - np.log1p(-np.exp(logs)), answers, axis=1)[:, 0] for logs in (before, blind)]
    np.testing.assert_allclose(worth[:, scale], odds[0] - odds[1], atol=1e-4)
    assert np.abs(worth).min() > 1e-3


def test_one_image_needs_no_batch_no_labels_and_no_autoencoder():
    model = RAM(3, patch_size=4, num_glimpses=2, units=8, class_names=["a&b", "<i>", "c"], seed=0, num_scales=1)
    image = np.random.default_rng(0).random([16, 20, 3]).astype("float32")
    alone = explain_images(model, image)
    text = alone.html()
    assert alone.reconstructions is None
    assert "a&amp;b" in text and "&lt;i&gt;" in text and "<i>" not in text
    assert "All images" not in text and "reconstruction" not in text
    given = np.zeros([1, 2, 2], "float32")
    np.testing.assert_array_equal(explain_images(model, image, actions=given).trajectory.locations, given)


@pytest.mark.parametrize(("channels", "told"), [(2, "Two channels: "), (4, "4 channels: "), (3, None)])
def test_the_page_says_how_channels_are_shown_and_what_lies_outside(channels, told):
    model = RAM(3, patch_size=4, num_scales=3, num_glimpses=1, units=8, seed=0)
    page = Reader(explain_images(model, np.random.default_rng(0).random([12, 14, channels]).astype("float32")).html())
    words = " ".join(page.words)
    assert ("channels" in words) == (told is not None) and (told or "") in words
    assert "The widest patch (16 px) is larger than the image (14 x 12 px): black at its rim lies outside the image." in words
    assert len(page.links) == 1 + 1 + 3


def test_png_and_gif_beside_the_page(found, tmp_path):
    found.save_png(tmp_path / "new" / "page.png")
    found.save_gif(tmp_path / "page.gif", index=1)
    found.save_gif(tmp_path / "all.gif")
    with Image.open(tmp_path / "new" / "page.png") as picture:
        assert picture.size[0] > 600 and picture.size[1] > 600
    with Image.open(tmp_path / "page.gif") as film, Image.open(tmp_path / "all.gif") as films:
        assert film.n_frames == films.n_frames == 6
        assert films.size[0] > 1.8 * film.size[0]
    with pytest.raises(UserError, match="path of a file"):
        found.save_html(tmp_path)


def photographed(page, shot):
    """What a browser shows of a page, as pixels."""
    window = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1300,1000"]
    done = subprocess.run([CHROMIUM, *window, f"--screenshot={shot}", page.as_uri()], capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr[-500:]
    with Image.open(shot) as picture:
        return np.asarray(picture.convert("RGB"))


needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium to open the page with (Debian: apt-get install chromium)")


@needs_browser
def test_a_browser_shows_the_page(found, tmp_path):
    pixels = photographed(found.save_html(tmp_path / "page.html"), tmp_path / "page.png")
    assert pixels.shape == (1000, 1300, 3)
    assert (pixels == [255, 255, 255]).all(axis=-1).mean() > 0.3  # the sections' paper
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 100  # maps and pictures on it


WIDTHS = (420, 760, 1000, 1600)
MEASURE = """
<script>
function measured(frame) {
  const page = frame.contentDocument, root = page.documentElement, all = [...page.body.querySelectorAll("*:not(svg, svg *)")];
  const box = element => element.getBoundingClientRect(), style = element => frame.contentWindow.getComputedStyle(element);
  return {
    outside: all.filter(element => box(element).right > root.clientWidth + 1).length,
    clipped: [root, ...all].filter(element => element.clientWidth && element.scrollWidth > element.clientWidth + 1).length,
    scrolling: all.filter(element => ["auto", "scroll", "hidden"].includes(style(element).overflowX)).length,
    names: [...page.querySelectorAll(".bar b")].map(name => name.innerText),
    starts: [...page.querySelectorAll(".bar i")].map(bar => Math.round(box(bar).left - box(bar.closest(".looks > div")).left)),
    whole: [...page.querySelectorAll(".bar span")].every(share => share.getClientRects().length == 1),
  };
}
onload = () => { document.body.innerText = JSON.stringify([...document.querySelectorAll("iframe")].map(measured)) };
</script>"""


@needs_browser
def test_the_page_fits_every_width_and_cuts_nothing(found, tmp_path):
    """Six looks at digits, and sixteen of a model whose classes have long names, with a long file's name."""
    names = ["a very long class name with many words", "$_$", "Siberian_husky_from_the_far_and_cold_north", "x" * 60, "<b>", "fern"]
    model = RAM(6, patch_size=4, num_scales=3, num_glimpses=16, units=8, class_names=names, seed=0)
    long = explain_images(
        model, np.random.default_rng(0).random([2, 20, 28, 3]).astype("float32"), names=["a_long_file_name_" * 9, "caf\udce9.png"]
    )
    frame = '<iframe width="{}" height="900" srcdoc="{}"></iframe>'
    pages = [html.escape(page.html()) for page in (found, long)]
    harness = tmp_path / "harness.html"
    harness.write_text(MEASURE + "".join(frame.format(width, page) for page in pages for width in WIDTHS), encoding="utf-8")
    window = ["--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    done = subprocess.run([CHROMIUM, *window, harness.as_uri()], capture_output=True, timeout=120, text=True)
    rows = json.loads(html.unescape(re.search(r"<body>(.*)</body>", done.stdout, re.S)[1]))
    assert len(rows) == 2 * len(WIDTHS)
    for row, width, page in zip(rows, 2 * WIDTHS, [found] * len(WIDTHS) + [long] * len(WIDTHS), strict=True):
        assert (row["outside"], row["clipped"], row["scrolling"]) == (0, 0, 0), f"at {width} px"
        assert max(row["starts"]) - min(row["starts"]) <= 1, "bars start together"
        assert row["whole"] and {name.replace("\n", "") for name in row["names"]} == set(page.class_names)


@needs_browser
@pytest.mark.parametrize("preset", ["ram_mnist_paper", pytest.param("ram_cluttered_60_joint", marks=pytest.mark.slow)])
def test_the_pages_of_presets(preset, manual_dir, tmp_path):
    page = tmp_path / f"{preset}.html"
    explain_finished(open_finished(preset=preset), page, count=3, manual_dir=manual_dir)
    assert "reconstruction" in page.read_text()
    assert len(np.unique(photographed(page, tmp_path / f"{preset}.png").reshape(-1, 3), axis=0)) > 100


def test_places_are_counted_by_look():
    locations = np.array([[[-1, -1], [0.9, 0.9]], [[-0.9, -0.8], [1.4, 1.0]], [[0, 0], [-0.1, 0.9]]])
    counts = place_counts(locations, cells=3)
    np.testing.assert_array_equal(counts[0], [[2, 0, 0], [0, 1, 0], [0, 0, 0]])
    np.testing.assert_array_equal(counts[1], [[0, 0, 0], [0, 0, 1], [0, 0, 2]])


def test_mistakes_are_told(found):
    model, image = RAM(3, patch_size=4, num_glimpses=2, units=8, num_scales=1), np.zeros([16, 16, 1], "uint8")
    with pytest.raises(UserError, match="as many labels as images"):
        explain_images(model, image, labels=[0, 1])
    with pytest.raises(UserError, match=r"makes images of \(16, 20, 1\); expected one for \(16, 16, 1\)"):
        explain_images(model, image, vae=HiddenStateVAE((16, 20, 1)))
    vae = HiddenStateVAE((16, 16, 1), units=4)
    vae.build((None, 2, 5))
    with pytest.raises(UserError, match="states of 5 units; this model has 8"):
        explain_images(model, image, vae=vae)
    with pytest.raises(UserError, match="rank 4"):
        explain_images(model, image[..., 0])


def events(folder):
    """Every value logged, by its tag."""
    found = {}
    for file in sorted(pathlib.Path(folder).glob("*explanations")):
        for record in tf.data.TFRecordDataset(str(file)):
            for value in event_pb2.Event.FromString(record.numpy()).summary.value:
                found.setdefault(value.tag, []).append(tf.make_ndarray(value.tensor))
    return found


def test_the_callback_logs_the_same_while_it_trains(tmp_path):
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, [12, 14, 14, 1]).astype("uint8"), np.arange(12) % 3
    model = RAM(3, patch_size=4, num_glimpses=2, units=8, seed=0, num_scales=1)
    vae = HiddenStateVAE((14, 14, 1), units=4)
    vae.build((None, 2, 8))
    model.compile()
    model.fit(
        images, labels, batch_size=6, epochs=3, verbose=0, callbacks=[ExplanationLogs(tmp_path, images, labels, vae, count=2, every=2)]
    )
    logged = events(tmp_path)
    curves = {f"{name}/look_{look}" for name in ("information_gain", "nll_drop", "calibration_error", "accuracy") for look in (1, 2)}
    assert set(logged) == curves | {"places", "glimpses"}
    assert all(len(values) == 2 for values in logged.values())  # epochs 0 and 2
    width, height, *maps = logged["places"][0]
    assert (int(width), int(height), len(maps)) == (24, 24, 2)
    from tf_glimpse.explain import gain_curves

    last = gain_curves(model.predict(images, verbose=0).logits, labels)
    np.testing.assert_allclose(logged["information_gain/look_1"][1], last.gain[0], atol=1e-5)
    np.testing.assert_allclose(logged["nll_drop/look_2"][1], last.nll_drop[1], atol=1e-5)
