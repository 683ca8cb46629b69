"""Which images of a training split are kept to validate on: fixed by a seed, the classes' shares kept, copies together if wanted."""

import hashlib
import os

import numpy as np


def split_positions(labels, fraction, seed):
    """Positions of a training and a validation part with the classes' shares kept: fixed by `seed`, both in ascending order.

    Args:
        labels: int `[N]`.
        fraction: share of the validation part, 0 to below 1; `round(fraction * N)` images.
        seed: int.

    Returns:
        Two int64 arrays.

    Example:
        >>> train, validation = split_positions([0] * 50 + [1] * 50, fraction=0.1, seed=0)
        >>> len(train), len(validation), int((validation < 50).sum())
        (90, 10, 5)
    """
    labels = np.asarray(labels)
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    count = round(fraction * len(labels))
    held_out = by_class[((np.arange(count) + 0.5) * len(labels) / max(count, 1)).astype(np.int64)]
    return np.setdiff1d(np.arange(len(labels)), held_out), np.sort(held_out)


def split_files(files, labels, fraction, seed, copies=None):
    """Parts as `split_positions` does, but by each file's own name: a new file changes the part of one other at most.

    Each class gives `round(fraction * N)` of its N files, but never all of them: those with the lowest SHA-256 of "SEED/CLASS/name". Where
    that leaves a class without any, classes with the largest remainders give one more, until `round(fraction * all)` files are held out.

    Args:
        files: N "CLASS/name".
        labels: int `[N]`.
        fraction: share of the validation part, 0 to below 1.
        seed: int.
        copies: int `[N]`, equal for files that are copies of each other and must stay in one part, which then count as one file of the
            class of their first; or None.

    Returns:
        Two int64 arrays of positions, training and validation.

    Example:
        >>> files = ["cat/1.jpg", "cat/2.jpg", "dog/1.jpg", "dog/2.jpg"]
        >>> train, validation = split_files(files, [0, 0, 1, 1], fraction=0.5, seed=0)
        >>> len(train), len(validation)
        (2, 2)
        >>> split_files(files, [0, 0, 1, 1], fraction=0.25, seed=0)[1]  # of one class only
        array([3])
        >>> [part.tolist() for part in split_files(files, [0, 0, 1, 1], fraction=0.5, seed=0, copies=[7, 7, 8, 9])]
        [[0, 1, 2], [3]]
    """
    labels = np.asarray(labels)
    ranked = np.array(sorted(range(len(files)), key=[_hash(seed, file) for file in files].__getitem__), np.int64)
    copies = np.arange(len(files)) if copies is None else np.asarray(copies)
    _, firsts = np.unique(copies[ranked], return_index=True)
    firsts = ranked[np.sort(firsts)]
    classes = [firsts[labels[firsts] == label] for label in np.unique(labels[firsts])]
    names = [_hash(seed, files[members[0]].partition("/")[0]) for members in classes]
    counts = _held_out_counts([len(members) for members in classes], fraction, names)
    chosen = np.concatenate([members[:count] for members, count in zip(classes, counts, strict=True)])
    held_out = np.isin(copies, copies[chosen])
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def _held_out_counts(sizes, fraction, names):
    """How many of each class are held out; `names` decide between equal remainders."""
    sizes = np.asarray(sizes)
    counts = np.array([min(round(fraction * size), size - 1) for size in sizes], np.int64)
    if counts.all():
        return counts
    while counts.sum() < round(fraction * sizes.sum()) and (counts < sizes - 1).any():
        remainders = np.where(counts < sizes - 1, fraction * sizes - counts, -np.inf).round(9)
        counts[min(range(len(sizes)), key=lambda index: (-remainders[index], names[index]))] += 1
    return counts


def _hash(seed, name):
    return hashlib.sha256(os.fsencode(f"{seed}/{name}")).digest()
