"""TFDS builders of digits on canvases: `translated_mnist`, `cluttered_mnist` and `digits_canvas`. Importing this module registers them.

The training split holds bare 28x28 digits, which the pipeline places afresh every epoch. Validation and test splits hold finished
canvases: image number i of a split is drawn by `np.random.default_rng([seed, split, i])`, with clutter from the same split. Canvases too
large to be kept are stored as bare digits everywhere, and drawn so whenever they are fetched.
"""

import dataclasses
import functools

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from tf_glimpse.datasets.canvas import Canvas, compose
from tf_glimpse.datasets.prepare import prepared_builder
from tf_glimpse.datasets.sources import ImageSource, array_source
from tf_glimpse.datasets.splits import split_positions
from tf_glimpse.datasets.stored import read_split

_DIGIT_SIZE = 28
_SPLIT_IDS = {"validation": 1, "test": 2}
_SEED = 0
_COMPOSED_AT_ONCE = 1000
_STORED_SIZE = 256  # pixels a side of the largest canvas that is stored finished
_RAM_CITATION = """@inproceedings{mnih2014recurrent,
  title={Recurrent Models of Visual Attention},
  author={Mnih, Volodymyr and Heess, Nicolas and Graves, Alex and Kavukcuoglu, Koray},
  booktitle={Advances in Neural Information Processing Systems},
  year={2014}
}"""


class _CanvasBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]  # TFDS is not read
    """Digits and canvases of them. Subclasses give `digits()` and the `canvas`."""

    VERSION = tfds.core.Version("1.0.0")
    made_from: tuple[str, ...] = ()  # sets that must be prepared first

    @property
    def canvas(self):
        """The `Canvas` of this set, or of the chosen configuration."""
        return self.builder_config.canvas

    def digits(self):
        """Dict of "train", "validation" and "test" -> (images uint8 `[N, 28, 28, 1]`, labels int64 `[N]`)."""
        raise NotImplementedError

    @property
    def stores_canvases(self):
        """Whether validation and test splits hold finished canvases, not bare digits."""
        return self.canvas.size <= _STORED_SIZE

    @functools.cached_property
    def _read_digits(self):
        return self.digits()

    def composed(self, split, digits):
        """The `ImageSource` of a split's canvases, made of its bare digits as they are asked for."""
        return composed_source(digits, _SPLIT_IDS[split], self.canvas)

    def recompose(self, split, stored, pieces):
        """The split's canvases `[N, size, size, 1]` uint8, in the order of `stored`, with another number of pieces of clutter.

        TFDS keeps the images in an order of its own, so each stored one is looked up by its pixels.
        """
        images, labels = self._read_digits[split]
        canvases = compose_split(images, labels, _SPLIT_IDS[split], self.canvas)
        number_of = {canvas.tobytes(): number for number, canvas in enumerate(canvases)}
        order = [number_of[canvas.tobytes()] for canvas in stored]
        return compose_split(images, labels, _SPLIT_IDS[split], dataclasses.replace(self.canvas, pieces=pieces))[order]

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description=type(self).__doc__,
            features=tfds.features.FeaturesDict(
                {"image": tfds.features.Image(shape=(None, None, 1)), "label": tfds.features.ClassLabel(num_classes=10)}
            ),
            supervised_keys=("image", "label"),
            citation=_RAM_CITATION,
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split, *digits) for split, digits in self.digits().items()}

    def _generate_examples(self, split, images, labels):
        if split != "train" and self.stores_canvases:
            images = compose_split(images, labels, _SPLIT_IDS[split], self.canvas)
        for index, (image, label) in enumerate(zip(images, labels, strict=True)):
            yield index, {"image": image, "label": label}


@dataclasses.dataclass(kw_only=True)
class _CanvasConfig(tfds.core.BuilderConfig):
    canvas: Canvas


def _configs(pieces_by_size):
    return [_CanvasConfig(name=str(size), canvas=Canvas(size, pieces)) for size, pieces in pieces_by_size.items()]


class _MNISTCanvasBuilder(_CanvasBuilder, skip_registration=True):  # type: ignore[call-arg]  # TFDS is not read
    """MNIST's 60,000 training digits split into 54,000 and 6,000 as `load("mnist")` splits them, and its 10,000 test digits."""

    made_from = ("mnist",)

    def digits(self):
        mnist = prepared_builder(self.made_from[0], data_dir=self.data_dir_root)
        (images, labels), test = (read_split(mnist, split) for split in ("train", "test"))
        train, validation = split_positions(labels, fraction=0.1, seed=_SEED)
        return {"train": (images[train], labels[train]), "validation": (images[validation], labels[validation]), "test": test}


class TranslatedMNIST(_MNISTCanvasBuilder):
    """MNIST digits at random places of an empty canvas (60x60 in the paper)."""

    BUILDER_CONFIGS = _configs({60: 0, 100: 0})


class ClutteredMNIST(_MNISTCanvasBuilder):
    """MNIST digits at random places, with random 8x8 pieces of other digits added: 4 on 60x60, 8 on 100x100, 32 on 1024x1024 pixels."""

    BUILDER_CONFIGS = _configs({60: 4, 100: 8, 1024: 32})


class ClutteredFashionMNIST(_MNISTCanvasBuilder):
    """Fashion-MNIST's clothes at random places, with 4 random 8x8 pieces of other clothes added, on 60x60 pixels; split as MNIST's are."""

    made_from = ("fashion_mnist",)
    BUILDER_CONFIGS = _configs({60: 4})


class DigitsCanvas(_CanvasBuilder):
    """scikit-learn's 1,797 handwritten digits, enlarged from 8x8 to 28x28 pixels, on a 60x60 canvas with 4 pieces of clutter.

    No download. 1,197 digits for training, 200 for validation, 400 for testing, each with the classes' shares kept.
    """

    canvas = Canvas(60, pieces=4)

    def digits(self):
        from sklearn.datasets import load_digits

        bundled = load_digits()
        images, labels = np.stack([_enlarge(image) for image in bundled.images]), bundled.target.astype(np.int64)
        rest, test = split_positions(labels, fraction=400 / 1797, seed=_SEED)
        train, validation = split_positions(labels[rest], fraction=200 / 1397, seed=_SEED)
        positions = {"train": rest[train], "validation": rest[validation], "test": test}
        return {split: (images[chosen], labels[chosen]) for split, chosen in positions.items()}


def compose_split(images, labels, split_id, canvas):
    """Finished canvases uint8 `[N, size, size, 1]`; image i depends on the split's digits, its number and `split_id` alone."""
    source = composed_source(array_source(images, labels), split_id, canvas)
    starts = range(0, len(images), _COMPOSED_AT_ONCE)
    with tf.device("CPU:0"):
        batches = [source.fetch(np.arange(start, min(start + _COMPOSED_AT_ONCE, len(images)))).numpy() for start in starts]
    return np.concatenate(batches)


def composed_source(digits, split_id, canvas):
    """The `ImageSource` of canvases of the digits of an `ImageSource`; image i depends on the digits, its number and `split_id` alone."""
    seeds = ([_SEED, split_id, index] for index in range(len(digits)))
    draws = np.stack([np.random.default_rng(seed).random(canvas.draws_per_image, np.float32) for seed in seeds])

    def fetch(indices):
        indices = tf.cast(indices, tf.int64)
        return compose(digits.fetch(indices), indices, tf.gather(draws, indices), digits, canvas)

    return ImageSource(digits.labels, (canvas.size, canvas.size, 1), fetch)


def _enlarge(image):
    """8x8 levels 0 to 16 -> uint8 `[28, 28, 1]`."""
    from PIL import Image

    levels = Image.fromarray((image * (255 / 16)).round().astype(np.uint8))
    return np.asarray(levels.resize((_DIGIT_SIZE, _DIGIT_SIZE), Image.Resampling.BILINEAR))[..., None]
