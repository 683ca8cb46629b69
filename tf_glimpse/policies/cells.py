"""Policies that choose among a Saccader's cells: the ones that its own is compared with in its paper.

Each returns the centres of cells, which differ from look to look.
"""

import dataclasses

import tensorflow as tf

from tf_glimpse.models.saccader import Saccader
from tf_glimpse.ops.edges import edge_magnitude, window_mean, window_variance
from tf_glimpse.ops.grids import field_centres, ordered_cells, top_cells
from tf_glimpse.ops.patches import to_float
from tf_glimpse.types import Array, UserError

STATISTICS = {"mean": window_mean, "variance": window_variance}


@dataclasses.dataclass(frozen=True, eq=False)
class OrderedLogits:
    """The cells where the logit of the class that the whole image is likeliest of is highest, the highest first.

    Args:
        model: a built `Saccader`.
        num_glimpses: T.

    Call arguments:
        images, indices, seed: as in `tf_glimpse.policies`; only the images matter.

    Returns:
        float32 `[B, T, 2]`.

    Example:
        >>> model = Saccader(5, {"receptive_field": 17, "width": 0.125}, num_glimpses=3, mixed_channels=32)
        >>> model.build((None, 48, 48, 3))
        >>> images = tf.random.uniform([2, 48, 48, 3], seed=1)
        >>> places = OrderedLogits(model, 3)(images, [0, 1], seed=[0, 0])
        >>> model({"images": images, "actions": places}).logits.shape
        TensorShape([2, 3, 5])

    Reference: Elsayed, Kornblith, Le 2019, section 4.1 (policies).
    """

    model: Saccader
    num_glimpses: int

    def __call__(self, images: Array, indices: Array, seed: Array) -> tf.Tensor:
        """The places of a batch."""
        return _centres(self.model, images, ordered_cells(self.model.bagnet.represent(images).logits, self.num_glimpses))


@dataclasses.dataclass(frozen=True, eq=False)
class Sobel:
    """The cells whose fields have most edges: the highest mean or variance of the grey image's Sobel gradient.

    Args:
        model: a built `Saccader`.
        num_glimpses: T.
        statistic: "mean" or "variance".

    Call arguments:
        images, indices, seed: as in `tf_glimpse.policies`; only the images matter.

    Returns:
        float32 `[B, T, 2]`.

    Raises:
        UserError: another statistic.

    Reference: Elsayed, Kornblith, Le 2019, section 4.1 (policies).
    """

    model: Saccader
    num_glimpses: int
    statistic: str = "mean"

    def __post_init__(self):
        if self.statistic not in STATISTICS:
            raise UserError(f"statistic expects one of {', '.join(STATISTICS)}. Received: {self.statistic!r}")

    def __call__(self, images: Array, indices: Array, seed: Array) -> tf.Tensor:
        """The places of a batch."""
        fields = self.model.bagnet.fields(images.shape[1:3])
        spans = zip(fields.image_size, fields.grid, strict=True)
        theirs = tuple(-(-(pixels - fields.side + 1) // cells) for pixels, cells in spans)  # the authors' stride
        pitch = theirs if self.model.even_spacing else fields.pitch
        values = STATISTICS[self.statistic](edge_magnitude(images), fields.side, pitch)
        return _centres(self.model, images, top_cells(values, self.num_glimpses))


@dataclasses.dataclass(frozen=True, eq=False)
class RandomCells:
    """Different cells, every sequence of them as likely as any other.

    Places uniform on the whole image (`tf_glimpse.policies.Random`) go to the cells along its border too often: what lies further out than
    their centres is nearest to them.

    Args:
        model: a built `Saccader`.
        num_glimpses: T.

    Call arguments:
        images, indices, seed: as in `tf_glimpse.policies`; images of the same pixels get the same cells, wherever they stand.

    Returns:
        float32 `[B, T, 2]`.
    """

    model: Saccader
    num_glimpses: int

    def __call__(self, images: Array, indices: Array, seed: Array) -> tf.Tensor:
        """The places of a batch."""
        height, width = self.model.fields(images.shape[1:3]).grid
        draws = tf.map_fn(lambda row: tf.random.stateless_uniform([height * width], row), _image_seeds(images, seed), tf.float32)
        return _centres(self.model, images, top_cells(draws, self.num_glimpses))


def _image_seeds(images, seed):
    """A seed `[B, 2]` an image, made from its pixels."""
    images = tf.convert_to_tensor(images)
    pixels = tf.reshape(tf.cast(tf.round(to_float(images) * 255), tf.int64), [tf.shape(images)[0], -1])
    weights = tf.random.stateless_uniform([tf.shape(pixels)[1]], seed, None, None, tf.int64)
    sums = tf.reduce_sum(pixels * weights, axis=1)  # of products modulo 2**64
    return tf.stack([sums, tf.fill(tf.shape(sums), tf.cast(seed[0], tf.int64))], axis=1)


def _centres(model, images, cells):
    return tf.gather(field_centres(model.fields(images.shape[1:3])), cells)
