"""RandAugment with draws from a stateless seed, on the image operations of tf-models-official.

Its own class there draws from TensorFlow's global generator, so that a resumed run would see other images than an unbroken one.
"""

import tensorflow as tf

from tf_glimpse.types import UserError

_GREY = [128] * 3  # what an operation brings in from outside the image


def rand_augment(images, layers, magnitude, seed):
    """Puts each image through so many operations drawn at random, all of one magnitude.

    Args:
        images: `[B, H, W, 3]` uint8.
        layers: operations an image.
        magnitude: 0 to 10, how strong they are.
        seed: int32 or int64 `[2]`.

    Returns:
        `[B, H, W, 3]` uint8.

    Raises:
        UserError: grey images.

    Reference: Cubuk et al. 2020, RandAugment, https://arxiv.org/abs/1909.13719, section 3.
    """
    if images.shape[-1] != 3:
        raise UserError(f"RandAugment expects RGB images. Received: {images.shape[-1]} channel(s); load them with `channels=3`")
    operations, count = _operations(magnitude / 10, images.shape[1]), tf.shape(images)[0]
    draws = tf.random.stateless_uniform([count, layers], seed, maxval=2 * len(operations), dtype=tf.int32)

    def distort(pair):
        image, chosen = pair
        for layer in range(layers):
            branches = [lambda act=act, image=image, sign=sign: act(image, sign) for act in operations for sign in (-1.0, 1.0)]
            image = tf.ensure_shape(tf.switch_case(chosen[layer], branches), images.shape[1:])
        return image

    return tf.map_fn(distort, (images, draws), fn_output_signature=tf.uint8)


def _operations(level, side):
    """Functions (image, sign -1 or 1) -> image, as strong as `level` 0 to 1 says, in tf-models-official's ranges; without cutout."""
    from official.vision.ops import augment

    shift = 100 / 224 * side * level
    enhanced = (augment.color, augment.contrast, augment.brightness, augment.sharpness)
    return [
        lambda image, sign: image,
        lambda image, sign: augment.autocontrast(image),
        lambda image, sign: augment.equalize(image),
        lambda image, sign: augment.invert(image),
        lambda image, sign: augment.wrapped_rotate(image, sign * 30.0 * level, _GREY),
        lambda image, sign: augment.posterize(image, 8 - round(4 * level)),
        lambda image, sign: augment.solarize(image, int(255 * (1 - level))),
        lambda image, sign: augment.solarize_add(image, int(110 * level)),
        *(lambda image, sign, act=act: act(image, 1.0 + sign * 0.9 * level) for act in enhanced),
        lambda image, sign: augment.shear_x(image, sign * 0.3 * level, _GREY),
        lambda image, sign: augment.shear_y(image, sign * 0.3 * level, _GREY),
        lambda image, sign: augment.translate_x(image, sign * shift, _GREY),
        lambda image, sign: augment.translate_y(image, sign * shift, _GREY),
    ]
