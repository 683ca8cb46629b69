"""How uncertain would one be about the class after one more glimpse at each candidate place?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tf_glimpse.ops.coordinates import cell_centres
from tf_glimpse.ops.masks import glimpse_masks, observe
from tf_glimpse.types import Array, UserError

if TYPE_CHECKING:
    from tf_glimpse.boed.completions import Completions


class ExpectedEntropy:
    """The N-sample estimate of the expected posterior entropy at every candidate place, in full batches of the posterior network.

    Args:
        posterior: a function from observations `[R, H, W, C + 1]` to logits `[R, K]`, such as a `GlimpsePosterior`.
        grid: (h, w), the candidates are the centres of its cells.
        image_size: (H, W) in pixels.
        patch_size: pixels of a glimpse's side.
        classes: None for the posterior's own K classes; or the number of one class to tell from the rest, whose
            probabilities are then summed.
        batch_size: rows that the network sees at once.

    Call arguments:
        images: `[B, H, W, C]` float 0-1, of which the known pixels are used.
        masks: `[B, H, W, 1]` float32, 1 where a pixel is known.
        completions: `Completions` of these images.

    Output:
        `[B, h * w]` float32 expected entropies in nats.

    Raises:
        UserError: a grid without cells or finer than the image, or no completions.

    Reference: Harvey et al. 2019, equation 2 and Algorithm 1, lines 4 to 8.
    """

    def __init__(
        self,
        posterior: Callable,
        grid: Sequence[int],
        image_size: Sequence[int],
        patch_size: int,
        classes: int | None = None,
        batch_size: int = 512,
    ) -> None:
        check_grid(grid, image_size)
        self.grid = tuple(grid)
        self.batch_size = batch_size
        self.passes = 0
        self._posterior = posterior
        self._classes = classes
        self.candidates = glimpse_masks(cell_centres(grid), image_size, patch_size)
        self._entropies = tf.function(self._row_entropies, reduce_retracing=True)
        self._probabilities = tf.function(self._believed, reduce_retracing=True)

    def __call__(self, images: Array, masks: Array, completions: Completions) -> np.ndarray:
        if not len(completions.weights):
            raise UserError("the expected entropy expects at least one completion an image. Received: none")
        count, cells = len(completions.weights), self.candidates.shape[0]
        parts = [tf.constant(images, tf.float32), tf.constant(masks), tf.constant(completions.images), tf.constant(completions.owners)]
        starts = range(0, count * cells, self.batch_size)
        rows = [np.arange(start, min(start + self.batch_size, count * cells), dtype=np.int32) for start in starts]
        self.passes += count * cells
        entropies = np.concatenate([self._entropies(*parts, tf.constant(batch)).numpy() for batch in rows]).reshape(count, cells)
        expected = np.zeros([len(images), cells], np.float64)
        np.add.at(expected, completions.owners, entropies * np.asarray(completions.weights)[:, None])
        return expected.astype(np.float32)

    def believe(self, images: Array, masks: Array) -> np.ndarray:
        """Probabilities `[B, K]` (or `[B, 2]`: the rest, the class) of images `[B, H, W, C]` seen through masks `[B, H, W, 1]`."""
        return self._probabilities(tf.constant(images), tf.constant(masks)).numpy()

    def _row_entropies(self, images, masks, completed, owners, rows):
        """Entropies `[R]`; row r is completion r // (h * w), seen at candidate r % (h * w) too."""
        sample, cell = rows // self.candidates.shape[0], rows % self.candidates.shape[0]
        owner = tf.gather(owners, sample)
        known, looked = tf.gather(masks, owner), tf.gather(self.candidates, cell)
        pixels = tf.where(known > 0, tf.gather(images, owner), tf.cast(tf.gather(completed, sample), tf.float32) * (1 / 255))
        return entropy(self._believed(pixels, tf.maximum(known, looked)))

    def _believed(self, images, masks):
        probabilities = tf.nn.softmax(self._posterior(observe(images, masks)))
        return probabilities if self._classes is None else against_rest(probabilities, self._classes)


def entropy(probabilities):
    """Shannon entropy `[...]` in nats of probabilities `[..., K]`.

    Example:
        >>> round(float(entropy(tf.constant([0.5, 0.5, 0.0]))), 4)
        0.6931
    """
    return -tf.reduce_sum(tf.math.xlogy(probabilities, probabilities), axis=-1)


def against_rest(probabilities, number):
    """Probabilities `[..., 2]` that it is not, and that it is, class `number`, from those of all classes `[..., K]`."""
    chosen = probabilities[..., number]
    return tf.stack([tf.maximum(1 - chosen, 0), chosen], axis=-1)


def check_grid(grid, image_size):
    """Refuses a grid without cells, or with more of them along a side than there are pixels.

    Raises:
        UserError: says what was expected and what came.
    """
    if len(grid) != 2 or min(grid) < 1:
        raise UserError(f"candidates expect a grid (h, w) of at least one cell. Received: grid={tuple(grid)}")
    if any(cells > pixels for cells, pixels in zip(grid, image_size, strict=True)):
        raise UserError(f"the grid of candidates {tuple(grid)} is finer than the image, {tuple(image_size)} pixels; pass a coarser one")
