"""Where a model looks on average: the places of the policy `constant`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tf_glimpse.datasets import train_batches
from tf_glimpse.models.rollouts import compiled
from tf_glimpse.types import UserError

if TYPE_CHECKING:
    from tf_glimpse.datasets.sources import ImageData
    from tf_glimpse.models.attention_model import AttentionModel

_IMAGES, _BATCH = 2000, 50


def mean_places(model: AttentionModel, data: ImageData) -> np.ndarray:
    """The mean of the places at which a model's own policy looks at training images, look by look.

    They are the places of the policy `constant`: a model that does no better with its own places has learned a scan, not where to look in
    an image.

    Args:
        model: a built `AttentionModel`.
        data: `ImageData`. The images are the first 2,000 of a shuffled pass through `data.train`, in whole batches of 50 (all of them, if
            they are fewer than 50), not augmented, as `train_batches(data, batch_size=50, seed=0)` makes them. A set on canvases holds bare
            digits there, which are placed on training canvases drawn by that seed.

    Returns:
        float32 `[T, 2]`, (y, x) in [-1, 1].

    Raises:
        UserError: no training images, or some of another size than the model sees.

    Example:
        >>> from tf_glimpse.datasets import load
        >>> from tf_glimpse.models.ram import RAM
        >>> data = load("digits_canvas")
        >>> model = RAM(10, num_glimpses=4)
        >>> model.build((None, *data.image_shape))
        >>> mean_places(model, data).shape
        (4, 2)
    """
    if data is None or data.train is None or (data.canvas is None and data.train.image_shape != data.image_shape):
        received = "no data" if data is None else "no training images" if data.train is None else f"{data.train.image_shape}"
        wanted = "training images of the size that the model sees: get_policy('constant', model, data), data loaded without a train_size"
        raise UserError(f"constant expects {wanted}. Received: {received}")
    rollout, places = compiled(model), []
    batches = train_batches(data, _BATCH, seed=0, epochs=1)
    for images, _ in batches.take(-(-_IMAGES // _BATCH)):
        places.append(rollout(images).locations.numpy())
    return np.concatenate(places).mean(axis=0, dtype=np.float64).astype(np.float32)
