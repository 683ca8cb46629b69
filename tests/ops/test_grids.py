"""Cells of a map: where they see, which was visited, which are best."""

import numpy as np
import pytest
import tensorflow as tf

from tf_glimpse.ops.grids import Fields, every, field_cells, field_centres, gather_cells, masked, ordered_cells, top_cells, visit
from tf_glimpse.types import UserError

RANDOM = np.random.default_rng(0)
FIELDS = [
    Fields(grid=(19, 19), image_size=(224, 224), side=77, pitch=(8, 8)),
    Fields(grid=(4, 6), image_size=(40, 57), side=9, pitch=(9, 9.6)),
    Fields(grid=(1, 3), image_size=(17, 33), side=17, pitch=(8, 8)),
]
COMPILE = pytest.mark.parametrize("jit_compile", [False, True])


def pixel_centres(fields):
    """Each field's centre in pixels from the upper left corner, row by row."""
    (rows, columns), (tall, wide) = fields.grid, fields.pitch
    return np.array([[row * tall + fields.side / 2, column * wide + fields.side / 2] for row in range(rows) for column in range(columns)])


@COMPILE
@pytest.mark.parametrize(("step", "margin"), [(1, 1), (2, 0), (2, 1), (3, 2)])
@pytest.mark.parametrize("size", [(7, 10), (8, 9)])
def test_thinned_maps_and_their_gradient_are_a_slices(size, step, margin, jit_compile):
    maps = tf.constant(RANDOM.normal(size=(2, *size, 3)), tf.float32)
    taken = [slice(margin, side - margin, step) for side in size]

    def found(thin):
        @tf.function(jit_compile=jit_compile, autograph=False)
        def both(maps):
            with tf.GradientTape() as tape:
                tape.watch(maps)
                thinned = thin(maps)
                loss = tf.reduce_sum(thinned**3)
            return thinned, tape.gradient(loss, maps)

        return both(maps)

    for mine, wanted in zip(found(lambda maps: every(maps, step, margin)), found(lambda maps: maps[:, *taken]), strict=True):
        np.testing.assert_allclose(mine, wanted)


@pytest.mark.parametrize("fields", FIELDS)
def test_centres(fields):
    np.testing.assert_allclose(field_centres(fields), 2 * pixel_centres(fields) / fields.image_size - 1, atol=1e-6)


@COMPILE
@pytest.mark.parametrize("fields", FIELDS)
def test_the_nearest_cell(fields, jit_compile):
    locations = RANDOM.uniform(-1.2, 1.2, [50, 3, 2]).astype("float32")
    pixels = (np.clip(locations, -1, 1) + 1) / 2 * fields.image_size
    distances = np.abs(pixels[:, :, None] - pixel_centres(fields)) / fields.pitch
    find = tf.function(lambda places: field_cells(places, fields), jit_compile=jit_compile)
    np.testing.assert_array_equal(find(locations), np.argmin((distances**2).sum(-1), axis=-1))
    cells = np.arange(np.prod(fields.grid))
    np.testing.assert_array_equal(find(tf.tile(field_centres(fields)[None], [50, 1, 1]))[0], cells)


def test_masks_stay_float32():
    visited = visit(tf.zeros([2, 3]), tf.constant([0, 2]))
    np.testing.assert_array_equal(visited, [[1, 0, 0], [0, 0, 1]])
    np.testing.assert_array_equal(visit(visited, tf.constant([0, 1])), [[1, 0, 0], [0, 1, 1]])
    for dtype in ("float16", "bfloat16", "float32"):
        logits = masked(tf.ones([2, 3], dtype), visited)
        np.testing.assert_array_equal(logits, [[1 - 1e5, 1, 1], [1, 1, 1 - 1e5]])
        assert logits.dtype == tf.float32


def test_gathering_cells():
    maps, cells = RANDOM.random([2, 5, 3]), np.array([[4, 0], [1, 1]])
    np.testing.assert_array_equal(gather_cells(maps, cells), maps[[[0], [1]], cells])
    np.testing.assert_array_equal(gather_cells(maps, cells[:, 0]), maps[[0, 1], cells[:, 0]])


@COMPILE
def test_the_best_cells_are_sorted_stably(jit_compile):
    values = RANDOM.integers(0, 4, [6, 20]).astype("float32")
    best = tf.function(lambda given: top_cells(given, 9), jit_compile=jit_compile)(values)
    np.testing.assert_array_equal(best, np.argsort(-values, axis=1, kind="stable")[:, :9])
    with pytest.raises(UserError, match="at most the 20 cells"):
        top_cells(values, 21)


@COMPILE
def test_ordered_logits(jit_compile):
    logits = RANDOM.normal(size=[3, 4, 5, 6]).astype("float32")
    found = tf.function(lambda given: ordered_cells(given, 7), jit_compile=jit_compile)(logits)
    for row, cells in zip(logits, found, strict=True):
        chosen = row[..., row.mean(axis=(0, 1)).argmax()].ravel()
        np.testing.assert_array_equal(cells, np.argsort(-chosen)[:7])
