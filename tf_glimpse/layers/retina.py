"""The retina: what the model sees of an image at one place."""

import keras
import tensorflow as tf

from tf_glimpse.ops.coordinates import patch_corners
from tf_glimpse.ops.patches import box_means, extract_patches, gather_grid, image_pyramid, to_float
from tf_glimpse.types import UserError


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

    Call arguments:
        images: `[B, H, W, C]`, uint8 0-255 or float 0-1.
        locations: `[B, 2]` float32 (y, x) in [-1, 1].

    Output shape:
        `[B, patch_size, patch_size, num_scales * C]` in the layer's compute dtype; channels ordered by scale, the sharpest first.

    Raises:
        UserError: `patch_size` or `num_scales` below 1.

    Example:
        >>> retina = Retina(patch_size=4, num_scales=2)
        >>> retina(tf.ones([1, 16, 16, 3]), tf.zeros([1, 2])).shape
        TensorShape([1, 4, 4, 6])

    Reference: Mnih et al. 2014, Recurrent Models of Visual Attention, section 3.1 (the glimpse sensor).
    """

    def __init__(self, patch_size, num_scales=1, aligned=False, **kwargs):
        super().__init__(autocast=False, **kwargs)
        if patch_size < 1 or num_scales < 1:
            raise UserError(f"Retina wants patch_size and num_scales of at least 1. Received: {patch_size=}, {num_scales=}")
        self.patch_size = patch_size
        self.num_scales = num_scales
        self.aligned = aligned

    def build(self, *input_shape):
        self.built = True

    def call(self, images, locations):
        return self.look(self.prepare(images), locations)

    def prepare(self, images, num_looks=1):
        """What `look` reads: the image for every scale; box means, where `num_looks` looks would read more than those cost; a pyramid."""
        if self.aligned:
            return tuple(image_pyramid(images, self.num_scales))
        if not self._pools(images.shape, num_looks):
            return (images,) * self.num_scales
        images = to_float(images)
        return tuple(box_means(images, 2**scale) for scale in range(self.num_scales))

    def look(self, views, locations):
        """The patches at the locations `[B, 2]`, or at N of them an image `[B, N, 2]`, from what `prepare` returned."""
        size = self.patch_size
        if self.aligned:
            image_size = tf.shape(views[0])[1:3]
            patches = [self._look_aligned(level, locations, image_size, scale) for scale, level in enumerate(views)]
        elif views[-1].shape[1:3] == views[0].shape[1:3]:
            patches = [extract_patches(view, locations, size, 2**scale) for scale, view in enumerate(views)]
        else:
            image_size = tf.shape(views[0])[1:3]
            patches = [self._look_pooled(view, locations, image_size, 2**scale) for scale, view in enumerate(views)]
        return tf.cast(tf.concat(patches, axis=-1), self.compute_dtype)

    def window(self, scale):
        """`(side, step)` of a scale, counted from 0: pixels of the image that its patch covers, and what its corner is a multiple of."""
        return self.patch_size * 2**scale, 2**scale if self.aligned else 1

    def _look_aligned(self, level, locations, image_size, scale):
        corners = patch_corners(locations, image_size, *self.window(scale))
        return to_float(gather_grid(level, corners // 2**scale, self.patch_size))

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
        return {**super().get_config(), "patch_size": self.patch_size, "num_scales": self.num_scales, "aligned": self.aligned}
