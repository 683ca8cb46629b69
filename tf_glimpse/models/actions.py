"""Somebody else's actions for a Saccader, made from the images: policies to compare its own with.

Each is a function of images `[B, H, W, C]` that returns places `[B, T, 2]` float32, centres of the model's cells; the model looks there
when it is called with `{"images": images, "actions": places}`.
"""

import tensorflow as tf

from tf_glimpse.ops.edges import edge_magnitude, window_mean, window_variance
from tf_glimpse.ops.grids import field_centres, ordered_cells, top_cells
from tf_glimpse.ops.patches import to_float
from tf_glimpse.types import UserError

STATISTICS = {"mean": window_mean, "variance": window_variance}


def ordered_logits_actions(model, num_glimpses):
    """The cells where the logit of the class that the whole image is likeliest of is highest, the highest first.

    Args:
        model: a built `Saccader`.
        num_glimpses: T.

    Example:
        >>> from tf_glimpse.models.saccader import Saccader
        >>> model = Saccader(5, {"receptive_field": 17, "width": 0.125}, num_glimpses=3, mixed_channels=32)
        >>> model.build((None, 48, 48, 3))
        >>> images = tf.random.uniform([2, 48, 48, 3], seed=1)
        >>> model({"images": images, "actions": ordered_logits_actions(model, 3)(images)}).logits.shape
        TensorShape([2, 3, 5])

    Reference: Elsayed, Kornblith, Le 2019, section 4.1 (policies).
    """

    def actions(images):
        return _centres(model, images, ordered_cells(model.bagnet.represent(images).logits, num_glimpses))

    return actions


def sobel_actions(model, num_glimpses, statistic="mean"):
    """The cells whose fields have most edges: the highest mean or variance of the grey image's Sobel gradient.

    Args:
        model: a built `Saccader`.
        num_glimpses: T.
        statistic: "mean" or "variance".

    Raises:
        UserError: another statistic.

    Reference: Elsayed, Kornblith, Le 2019, section 4.1 (policies).
    """
    if statistic not in STATISTICS:
        raise UserError(f"statistic wants one of {', '.join(STATISTICS)}. Received: {statistic!r}")

    def actions(images):
        fields = model.bagnet.fields(images.shape[1:3])
        spans = zip(fields.image_size, fields.grid, strict=True)
        theirs = tuple(-(-(pixels - fields.side + 1) // cells) for pixels, cells in spans)  # the authors' stride
        values = STATISTICS[statistic](edge_magnitude(images), fields.side, theirs if model.even_spacing else fields.pitch)
        return _centres(model, images, top_cells(values, num_glimpses))

    return actions


def random_cell_actions(model, num_glimpses, seed):
    """Different cells, every sequence of them as likely as any other.

    Places uniform on the whole image (`tf_glimpse.datasets.random_actions`) go to the cells along its border too often: what lies further
    out than their centres is nearest to them.

    Args:
        model: a built `Saccader`.
        num_glimpses: T.
        seed: int32 `[2]`; the same image gets the same cells, whatever its batch.
    """

    def actions(images):
        height, width = model.fields(images.shape[1:3]).grid
        draws = tf.map_fn(lambda row: tf.random.stateless_uniform([height * width], row), _image_seeds(images, seed), tf.float32)
        return _centres(model, images, top_cells(draws, num_glimpses))

    return actions


def _image_seeds(images, seed):
    """A seed `[B, 2]` an image, made from its pixels."""
    images = tf.convert_to_tensor(images)
    pixels = tf.reshape(tf.cast(tf.round(to_float(images) * 255), tf.int64), [tf.shape(images)[0], -1])
    weights = tf.random.stateless_uniform([tf.shape(pixels)[1]], seed, None, None, tf.int64)
    sums = tf.reduce_sum(pixels * weights, axis=1)  # of products modulo 2**64
    return tf.stack([sums, tf.fill(tf.shape(sums), tf.cast(seed[0], tf.int64))], axis=1)


def centre_cell_actions(model, num_glimpses):
    """The cell in the image's middle at every look.

    Args:
        model: a built `Saccader`.
        num_glimpses: T.
    """
    return lambda images: tf.zeros([tf.shape(images)[0], num_glimpses, 2])


POLICIES = {
    "ordered_logits": lambda model, num_glimpses, seed: ordered_logits_actions(model, num_glimpses),
    "sobel_mean": lambda model, num_glimpses, seed: sobel_actions(model, num_glimpses),
    "sobel_variance": lambda model, num_glimpses, seed: sobel_actions(model, num_glimpses, "variance"),
    "random": random_cell_actions,
    "centre": lambda model, num_glimpses, seed: centre_cell_actions(model, num_glimpses),
}


def policy_actions(model, policy, seed=(0, 0)):
    """Any of these by its name: "ordered_logits", "sobel_mean", "sobel_variance", "random" or "centre"; as many looks as the model's.

    Args:
        model: a built `Saccader`.
        policy: the name.
        seed: int32 `[2]`, of the random one.

    Raises:
        UserError: another name, or a model without a BagNet.
    """
    if policy not in POLICIES or not hasattr(model, "bagnet"):
        wanted = f"a Saccader and one of {', '.join(POLICIES)}"
        raise UserError(f"policy wants {wanted}. Received: {type(model).__name__} and {policy!r}")
    return POLICIES[policy](model, model.num_glimpses, seed)


def _centres(model, images, cells):
    return tf.gather(field_centres(model.fields(images.shape[1:3])), cells)
