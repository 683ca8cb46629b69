"""A task that two well-placed looks solve and random ones do not: the centre says which corner holds the class."""

import numpy as np

CORNERS = np.array([[0, 0], [0, 12], [12, 0], [12, 12]])


def make_images(count, seed):
    """16x16 images; each corner shows one of two patterns, and the middle which corner counts."""
    random = np.random.default_rng(seed)
    images = np.zeros([count, 16, 16, 1], np.uint8)
    labels = np.zeros(count, np.int64)
    for index in range(count):
        kinds, chosen = random.integers(0, 2, 4), random.integers(0, 4)
        for kind, (row, column) in zip(kinds, CORNERS, strict=True):
            images[index, row : row + 4, column + 2 * kind : column + 2 * kind + 2] = 255
        row, column = 6 + 2 * (chosen // 2), 6 + 2 * (chosen % 2)
        images[index, row : row + 2, column : column + 2] = 255
        labels[index] = kinds[chosen]
    return images, labels
