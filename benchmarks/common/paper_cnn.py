"""The two-layer CNN of the paper's tables."""

import keras


def paper_cnn(image_shape, num_classes):
    """8 filters of 10x10 at stride 5, 256 units (Mnih et al. 2014, tables 1 and 2: "Convolutional, 2 layers")."""
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input(image_shape),
            layers.Rescaling(1 / 255),
            layers.Conv2D(8, 10, strides=5, activation="relu"),
            layers.Flatten(),
            layers.Dense(256, activation="relu"),
            layers.Dense(num_classes),
        ]
    )
