"""The retina: what the model sees of an image at one place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tf_glimpse.ops.coordinates import patch_corners
from tf_glimpse.ops.patches import black_of, box_means, checked_range, extract_patches, gather_grid, image_pyramid, to_float
from tf_glimpse.types import UNIT, whole_number


@keras.saving.register_keras_serializable("tf_glimpse")
class Retina(keras.layers.Layer):
    """Square patches of growing size around one place, all brought to the smallest one's resolution.

    Scale s covers `patch_size * 2**s` pixels a side; its pixels are means over `2**s` x `2**s` pixels of the image, and what lies outside
    is zero. Only the patches' own pixels are read, so the cost does not grow with the image; where several looks at a small
    image would read it many times over, its box means are made once instead (`prepare`), which gives the same numbers.

    A patch of a coarse scale reads as many pixels as it covers. Where many scales cover a large image, `aligned` is what you want: every
    patch's corner is rounded to its own coarse pixels, and all patches are read off one image pyramid, made once an image.

    Args:
        patch_size: side of the smallest patch in pixels, at least 1.
        num_scales: how many patches, each covering twice the side of the one before, at least 1.
        aligned: whether the corner of scale s is rounded to `2**s` pixels.
        input_range: (black, white) of float images; patches are 0 to 1 whatever it is. uint8 always means 0-255.

    Call arguments:
        images: `[B, H, W, C]`, uint8 0-255 or float within `input_range`.
        locations: `[B, 2]` float32 (y, x) in [-1, 1].

    Output shape:
        `[B, patch_size, patch_size, num_scales * C]` in the layer's compute dtype; channels ordered by scale, the sharpest first.

    Raises:
        UserError: `patch_size` or `num_scales` below 1, an `input_range` that is none.

    Example:
        >>> retina = Retina(patch_size=4, num_scales=2)
        >>> retina(tf.ones([1, 16, 16, 3]), tf.zeros([1, 2])).shape
        TensorShape([1, 4, 4, 6])

    Reference: Mnih et al. 2014, Recurrent Models of Visual Attention, section 3.1 (the glimpse sensor).
    """

    def __init__(
        self, patch_size: int, num_scales: int = 1, aligned: bool = False, input_range: Sequence[float] = UNIT, **kwargs: Any
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.patch_size = whole_number("patch_size", patch_size)
        self.num_scales = whole_number("num_scales", num_scales)
        self.aligned = aligned
        self.input_range = checked_range(input_range)

    def build(self, *input_shape):
        self.built = True

    def call(self, images, locations):
        return self.look(self.prepare(images), locations)

    def prepare(self, images: tf.Tensor, num_looks: int = 1) -> tuple[tf.Tensor, ...]:
        """What `look` reads: the image for every scale; box means, where `num_looks` looks would read more than those cost; a pyramid."""
        if self.aligned:
            return tuple(image_pyramid(images, self.num_scales, self.input_range))
        if not self._pools(images.shape, num_looks):
            return (images,) * self.num_scales
        images = to_float(images, self.input_range)
        return tuple(box_means(images, 2**scale) for scale in range(self.num_scales))

    def look(self, views: Sequence[tf.Tensor], locations: tf.Tensor) -> tf.Tensor:
        """The patches at the locations `[B, 2]`, or at N of them an image `[B, N, 2]`, from what `prepare` returned."""
        size = self.patch_size
        if self.aligned:
            image_size = tf.shape(views[0])[1:3]
            patches = [self._look_aligned(level, locations, image_size, scale) for scale, level in enumerate(views)]
        elif not self._pooled(views):
            patches = [extract_patches(view, locations, size, 2**scale, input_range=self.input_range) for scale, view in enumerate(views)]
        else:
            image_size = tf.shape(views[0])[1:3]
            patches = [self._look_pooled(view, locations, image_size, 2**scale) for scale, view in enumerate(views)]
        return tf.cast(tf.concat(patches, axis=-1), self.compute_dtype)

    def without(self, views: Sequence[tf.Tensor], scale: int) -> tuple[tf.Tensor, ...]:
        """What `prepare` returned, with one scale black."""
        as_came = scale == 0 if self.aligned else not self._pooled(views)  # not yet brought to 0-1
        black = tf.zeros_like(views[scale]) + black_of(views[scale], self.input_range if as_came else UNIT)
        return (*views[:scale], black, *views[scale + 1 :])

    def _pooled(self, views):
        return not views[-1].shape[1:3] == views[0].shape[1:3]  # noqa: SIM201, unknown sizes are equal

    def in_unit(self) -> Retina:
        """The same retina for float images 0-1."""
        return type(self).from_config({**self.get_config(), "input_range": UNIT})

    def window(self, scale: int) -> tuple[int, int]:
        """`(side, step)` of a scale, counted from 0: pixels of the image that its patch covers, and what its corner is a multiple of."""
        return self.patch_size * 2**scale, 2**scale if self.aligned else 1

    def _look_aligned(self, level, locations, image_size, scale):
        corners = patch_corners(locations, image_size, *self.window(scale))
        levels = self.input_range if scale == 0 else UNIT  # the pyramid's coarser levels are 0 to 1
        return to_float(gather_grid(level, corners // 2**scale, self.patch_size, outside=black_of(level, levels)), levels)

    def _look_pooled(self, means, locations, image_size, scale):
        corners = patch_corners(locations, image_size, self.patch_size * scale)
        return gather_grid(means, corners + (scale - 1), self.patch_size, stride=scale)

    def _pools(self, image_shape, num_looks):
        """Whether reading every pixel of the coarse patches costs more than pooling the image once; unknown sizes are not pooled."""
        _, height, width, _ = image_shape
        if height is None or width is None:
            return False
        coarse = num_looks * sum((self.patch_size * 2**scale) ** 2 for scale in range(1, self.num_scales))
        return coarse > 2 * (self.num_scales - 1) * height * width

    def compute_output_shape(self, images_shape, locations_shape):
        return (images_shape[0], self.patch_size, self.patch_size, self.num_scales * images_shape[-1])

    def get_config(self):
        own = {name: getattr(self, name) for name in ("patch_size", "num_scales", "aligned", "input_range")}
        return {**super().get_config(), **own}
