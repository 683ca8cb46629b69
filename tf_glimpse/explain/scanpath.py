"""Places over an image: which looks coincide, where their numbers stand so that each can be read, and their colours."""

import numpy as np

from tf_glimpse.explain.captions import look_numbers

_ANGLES = np.linspace(0, 2 * np.pi, 16, endpoint=False) - np.pi / 4  # the first candidate is up and to the right
_DIRECTIONS = np.stack([np.sin(_ANGLES), np.cos(_ANGLES)], axis=-1)


def numbered(centres, font, size):
    """The looks' numbers, at places where none covers another.

    Args:
        centres: `[T, 2]` (row, column) of the looks, in pixels.
        font: height of a number in pixels.
        size: (H, W) of the image.

    Returns:
        a list of `(text, anchor, place, look)`: looks that coincide share one text, such as "3-6"; `anchor` `[2]` is where they looked,
        `place` `[2]` the middle of the text, `look` the last of them.

    Example:
        >>> [text for text, *_ in numbered(np.array([[5.0, 5.0], [9.0, 9.0], [9.0, 9.1]]), font=2.0, size=(20, 20))]
        ['1', '2-3']
    """
    groups = coinciding(centres, 0.4 * font)
    texts = [look_numbers(looks) for looks in groups]
    anchors = np.array([centres[looks].mean(axis=0) for looks in groups])
    return [(*row, looks[-1]) for *row, looks in zip(texts, anchors, _places(texts, anchors, font, size), groups, strict=True)]


def coinciding(centres, distance):
    """Lists of indices of looks that lie within a distance of the first of their list, in order."""
    groups = []
    for look, centre in enumerate(centres):
        near = [looks for looks in groups if np.linalg.norm(centres[looks[0]] - centre) < distance]
        near[0].append(look) if near else groups.append([look])
    return groups


def colour(look, looks):
    """The colour of a look as RGB: from the first, magenta, to the last, yellow; all of them bright enough to be read on black."""
    import matplotlib

    return matplotlib.colormaps["spring"](look / max(looks - 1, 1))[:3]


def _places(texts, anchors, font, size):
    """For each text the free place nearest to its anchor; where all is taken, the one that covers least."""
    taken = [_box(anchor, (0.5 * font, 0.5 * font)) for anchor in anchors]  # the dots
    places = []
    for text, anchor in zip(texts, anchors, strict=True):
        extent = np.array([1.1 * font, (0.65 * len(text) + 0.2) * font])
        candidates = [anchor + _DIRECTIONS * (reach * font + [0, extent[1] / 2 - 0.4 * font]) for reach in np.arange(1.0, 6.1, 0.5)]
        candidates = np.clip(np.concatenate(candidates), extent / 2, np.maximum(size - extent / 2, extent / 2))
        covered = [sum(_overlap(_box(candidate, extent), box) for box in taken) for candidate in candidates]
        places.append(candidates[np.argmin(np.round(covered, 6))])
        taken.append(_box(places[-1], extent))
    return places


def _box(centre, extent):
    return centre - np.asarray(extent) / 2, centre + np.asarray(extent) / 2


def _overlap(one, other):
    """The area that two boxes share."""
    return np.prod(np.maximum(np.minimum(one[1], other[1]) - np.maximum(one[0], other[0]), 0))
