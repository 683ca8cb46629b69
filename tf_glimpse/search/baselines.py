"""Low-power CNNs to compare with: MobileNetV2 and ShuffleNetV2 in which every channel scales, the last layer's too.

Keras' own MobileNetV2 keeps its 1,280 last channels at any width, and there is no ShuffleNetV2 in Keras.
"""

import keras

from tf_glimpse.types import UserError

# (expansion, channels, blocks, stride) of each stage: Sandler et al. 2018, table 2.
MOBILENET_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
# (channels, blocks) of each stage: Ma et al. 2018, table 5, width 1.0x.
SHUFFLENET_STAGES = ((116, 4), (232, 8), (464, 4))


def mobilenet_v2(image_shape, num_classes, width=1.0, shrink=1):
    """MobileNetV2 on images pooled to a fraction of their side.

    Args:
        image_shape: (H, W, C).
        num_classes: K.
        width: factor of all channels.
        shrink: whole number that divides H and W; pixels are means over `shrink` x `shrink`.

    Returns:
        a Keras model from images `[B, H, W, C]` float 0-1 to logits `[B, K]`.

    Raises:
        UserError: `shrink` does not divide the sides, or a width not above zero.

    Example:
        >>> mobilenet_v2((60, 60, 1), 10, width=0.1, shrink=3).output_shape  # at width 1 it has the published 3.5 million parameters
        (None, 10)

    Reference: Sandler et al. 2018, MobileNetV2, https://arxiv.org/abs/1801.04381.
    """
    inputs = keras.layers.Input(image_shape)
    maps = _conv(_shrunk(inputs, shrink), _scaled(32, width), 3, 2, relu6=True)
    for expansion, channels, blocks, stride in MOBILENET_STAGES:
        for block in range(blocks):
            maps = _inverted_residual(maps, expansion, _scaled(channels, width), stride if block == 0 else 1)
    maps = _conv(maps, _scaled(1280, width), 1, relu6=True)
    return _classified(inputs, maps, num_classes, "mobilenet_v2")


def shufflenet_v2(image_shape, num_classes, width=1.0, shrink=1):
    """ShuffleNetV2 1.0x with all channels times `width`, on images pooled to a fraction of their side.

    Args and Returns:
        as for `mobilenet_v2`.

    Example:
        >>> shufflenet_v2((60, 60, 1), 10, width=0.1, shrink=3).output_shape  # at width 1 it has the published 2,278,604 parameters
        (None, 10)

    Reference: Ma et al. 2018, ShuffleNet V2, https://arxiv.org/abs/1807.11164, table 5.
    """
    inputs = keras.layers.Input(image_shape)
    maps = _conv(_shrunk(inputs, shrink), _scaled(24, width), 3, 2)
    maps = keras.layers.MaxPooling2D(3, 2, "same", "channels_last")(maps)
    for channels, blocks in SHUFFLENET_STAGES:
        maps = _shuffle_down(maps, _scaled(channels, width) // 2)
        for _ in range(blocks - 1):
            maps = _shuffle_unit(maps)
    maps = _conv(maps, _scaled(1024, width), 1)
    return _classified(inputs, maps, num_classes, "shufflenet_v2")


def _scaled(channels, width):
    """An even number of channels, at least two: ShuffleNet splits them in halves."""
    if width <= 0:
        raise UserError(f"a CNN expects a width above zero. Received: {width=}")
    return max(2, round(channels * width / 2) * 2)


def _shrunk(images, shrink):
    """Pixels 0-1, each the mean of `shrink` x `shrink`."""
    if any(side % shrink for side in images.shape[1:3]):
        raise UserError(f"shrink expects a divisor of the image's sides. Received: {shrink=}, images of {images.shape[1:3]} px")
    return keras.layers.AveragePooling2D(shrink, data_format="channels_last")(images) if shrink > 1 else images


def _conv(maps, channels, kernel_size, strides=1, relu=True, relu6=False):
    maps = keras.layers.Conv2D(channels, kernel_size, strides, "same", "channels_last", use_bias=False)(maps)
    maps = keras.layers.BatchNormalization(momentum=0.9)(maps)
    return keras.layers.ReLU(6.0 if relu6 else None)(maps) if relu or relu6 else maps


def _depthwise(maps, strides=1, relu6=False):
    maps = keras.layers.DepthwiseConv2D(3, strides, "same", data_format="channels_last", use_bias=False)(maps)
    maps = keras.layers.BatchNormalization(momentum=0.9)(maps)
    return keras.layers.ReLU(6.0)(maps) if relu6 else maps


def _inverted_residual(maps, expansion, channels, strides):
    inner = _conv(maps, maps.shape[-1] * expansion, 1, relu6=True) if expansion > 1 else maps
    inner = _conv(_depthwise(inner, strides, relu6=True), channels, 1, relu=False)
    return keras.layers.Add()([maps, inner]) if strides == 1 and maps.shape[-1] == channels else inner


def _shuffle_down(maps, channels):
    left = _conv(_depthwise(maps, 2), channels, 1)
    right = _conv(_depthwise(_conv(maps, channels, 1), 2), channels, 1)
    return _shuffled(left, right)


def _shuffle_unit(maps):
    half = maps.shape[-1] // 2
    left, right = maps[..., :half], maps[..., half:]
    return _shuffled(left, _conv(_depthwise(_conv(right, half, 1)), half, 1))


def _shuffled(left, right):
    """Channels of both in turn."""
    stacked = keras.ops.stack([left, right], axis=-1)
    return keras.layers.Reshape((*left.shape[1:3], 2 * left.shape[-1]))(stacked)


def _classified(inputs, maps, num_classes, name):
    logits = keras.layers.Dense(num_classes)(keras.layers.GlobalAveragePooling2D("channels_last")(maps))
    return keras.Model(inputs, logits, name=name)
