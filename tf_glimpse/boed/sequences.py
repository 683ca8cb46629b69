"""Where should one have looked? Greedy glimpse sequences for a batch of images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tf_glimpse.boed.expected_entropy import entropy
from tf_glimpse.types import UserError

if TYPE_CHECKING:
    from tf_glimpse.boed.expected_entropy import ExpectedEntropy


class Sequences(NamedTuple):
    """Near-optimal glimpses of B images.

    Attributes:
        cells: int32 `[B, T]`, the candidates looked at, numbers of the grid's cells in row-major order.
        maps: float32 `[B, T, h * w]`, the expected posterior entropy in nats of each candidate before each look.
        entropies: float32 `[B, T]`, the posterior's entropy in nats after each look at the true image.
    """

    cells: Any
    maps: Any
    entropies: Any


def first_map(completer: Callable, expected: ExpectedEntropy, image_shape: Sequence[int], samples: int, seed: int = 0) -> np.ndarray:
    """The expected entropy `[h * w]` of every first glimpse: nothing is known, so that it is the same for all images.

    Args:
        completer: as `tf_glimpse.boed.completions` describes it.
        expected: an `ExpectedEntropy`.
        image_shape: (H, W, C).
        samples: N.
        seed: int.
    """
    check_samples(samples)
    nothing = np.zeros([1, *image_shape], np.float32)
    mask = nothing[..., :1]
    return expected(nothing, mask, completer(nothing, mask, np.array([-1]), samples, np.array([[seed, 0, 0]])))[0]


def near_optimal_sequences(
    images: np.ndarray,
    origins: np.ndarray,
    completer: Callable,
    expected: ExpectedEntropy,
    first: np.ndarray,
    num_glimpses: int,
    samples: int,
    seed: int = 0,
) -> Sequences:
    """Looks T times at each image, each time where the expected posterior entropy is lowest given the glimpses so far.

    Args:
        images: uint8 `[B, H, W, C]`.
        origins: int64 `[B]`, their numbers in the completer's bank, -1 for images from elsewhere; also make each image's seed.
        completer: as `tf_glimpse.boed.completions` describes it.
        expected: an `ExpectedEntropy`.
        first: `[h * w]`, as `first_map` makes it.
        num_glimpses: T.
        samples: N, completions an image and look.
        seed: int.

    Returns:
        `Sequences`. Equal images with equal origins get equal sequences, whatever else is in the batch.

    Raises:
        UserError: fewer than one sample or look.

    Reference: Harvey et al. 2019, Algorithm 1.
    """
    check_samples(samples)
    if num_glimpses < 1:
        raise UserError(f"sequences expect num_glimpses of at least 1. Received: {num_glimpses}")
    pixels = np.asarray(images, np.float32) / 255
    masks = np.zeros([*pixels.shape[:3], 1], np.float32)
    looks = []
    for step in range(num_glimpses):
        epe = np.tile(first, (len(pixels), 1)) if step == 0 else _maps(pixels, masks, origins, completer, expected, samples, seed, step)
        cells = epe.argmin(axis=1).astype(np.int32)
        masks = np.maximum(masks, expected.candidates.numpy()[cells])
        looks.append((cells, epe.astype(np.float32), entropy(expected.believe(pixels, masks)).numpy()))
    return Sequences(*(np.stack(field, axis=1) for field in zip(*looks, strict=True)))


def check_samples(samples):
    """Refuses an estimate from no samples.

    Raises:
        UserError: says what was expected and what came.
    """
    if samples < 1:
        raise UserError(f"the expected entropy expects at least one completion an image. Received: samples={samples}")


def _maps(pixels, masks, origins, completer, expected, samples, seed, step):
    seeds = np.array([[seed, step, origin + 1] for origin in origins])
    return expected(pixels, masks, completer(pixels * masks, masks, origins, samples, seeds))
