"""The one convention for places, against arithmetic by hand and the slow way."""

import numpy as np
import pytest
import tensorflow as tf

from tf_glimpse.ops.coordinates import cell_centres, clip, patch_corners, to_cells

LOCATIONS = np.random.default_rng(0).uniform(-1.2, 1.2, [200, 2]).astype("float32")
COMPILE = pytest.mark.parametrize("jit_compile", [False, True])


def compiled(function, jit_compile):
    return tf.function(function, jit_compile=jit_compile)


def test_corners_of_known_places():
    places = tf.constant([[0.0, 0.0], [-1.0, -1.0], [1.0, 1.0], [-1.0, 1.0], [0.0, 0.5]])
    assert patch_corners(places, (20, 40), 4).numpy().tolist() == [[8, 18], [-2, -2], [18, 38], [-2, 38], [8, 28]]


@COMPILE
@pytest.mark.parametrize("side", [1, 7, 8])
def test_a_patch_is_centred_within_half_a_pixel(side, jit_compile):
    size = np.array([28, 61])
    corners = compiled(lambda places: patch_corners(places, tuple(size), side), jit_compile)(LOCATIONS).numpy()
    centres = (LOCATIONS.astype("float64") + 1) / 2 * size
    assert np.all(np.abs(corners + side / 2 - centres) <= 0.5 + 1e-4)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_clip_keeps_to_the_image_in_float32(dtype):
    clipped = clip(tf.cast([[-3.0, 0.25], [1.0, 1.5]], dtype))
    assert clipped.dtype == tf.float32
    assert clipped.numpy().tolist() == [[-1.0, 0.25], [1.0, 1.0]]


@COMPILE
@pytest.mark.parametrize("grid", [(1, 1), (3, 3), (4, 7)])
def test_cells_are_those_whose_centre_is_nearest(grid, jit_compile):
    cells = compiled(lambda places: to_cells(places, grid), jit_compile)(LOCATIONS).numpy()
    centres = cell_centres(grid).numpy()
    inside = np.clip(LOCATIONS, -1, 1)
    distances = np.abs(inside[:, None] - centres) * grid  # each cell is a box of side 2 / cells
    assert np.all(distances[np.arange(len(cells)), cells] <= 1 + 1e-5)


@pytest.mark.parametrize("grid", [(1, 1), (3, 3), (4, 7)])
def test_every_cell_holds_its_own_centre(grid):
    centres = cell_centres(grid)
    assert centres.shape == (grid[0] * grid[1], 2)
    assert to_cells(centres, grid).numpy().tolist() == list(range(grid[0] * grid[1]))


def test_the_lower_right_corner_is_in_the_last_cell():
    assert int(to_cells(tf.constant([1.0, 1.0]), (3, 4))) == 11
