"""The words beside pictures: what a model says and what is true, names that can be read, looks by number."""

import itertools

import numpy as np


def readable(text):
    """Any name as one line of text that can be drawn and written: bytes of another encoding, as Linux keeps them, become question marks.

    Example:
        >>> readable("caf\\udce9\\n.png")
        'caf? .png'
    """
    return " ".join(str(text).encode("utf-8", "replace").decode("utf-8").split())


def says(probabilities, class_names=None, label=None):
    """What a model says of an image, and what is true where that is known.

    Args:
        probabilities: `[K]`.
        class_names: K names; numbers if None.
        label: the true class number, or None.

    Returns:
        `(text, right)`: the text, and whether it is right; None if unknown.

    Example:
        >>> says(np.array([0.08, 0.92]), ["cat", "dog"], label=0)
        ('says dog (92 %), true cat', False)
    """
    answer = int(np.argmax(probabilities))
    text = f"says {likeliest(probabilities, class_names)}"
    if label is None:
        return text, None
    return f"{text}, true {class_name(class_names, label)}", answer == int(label)


def likeliest(probabilities, class_names=None):
    """The most probable class and its probability, such as "dog (92 %)"."""
    answer = int(np.argmax(probabilities))
    return f"{class_name(class_names, answer)} ({100 * probabilities[answer]:.0f} %)"


def class_name(class_names, number):
    """The name of a class, readable; its number where there are no names."""
    return str(int(number)) if class_names is None else readable(class_names[int(number)])


def look_numbers(looks):
    """The numbers of looks, counted from 1, of their indices in order; neighbours as a range.

    Example:
        >>> look_numbers([0, 2, 3, 4])
        '1, 3-5'
    """
    runs = [[look for _, look in run] for _, run in itertools.groupby(enumerate(looks), lambda pair: pair[1] - pair[0])]
    return ", ".join(str(run[0] + 1) if len(run) == 1 else f"{run[0] + 1}-{run[-1] + 1}" for run in runs)


def image_names(names, count):
    """One readable name an image: those given, or "image 1", "image 2", …"""
    return [f"image {number + 1}" for number in range(count)] if names is None else [readable(name) for name in names]
