"""Pictures of a Saccader's looks: what is lit, what the maps hold, and the figure."""

import numpy as np
import pytest

from tf_glimpse import Saccader
from tf_glimpse.explain import figure_to_array
from tf_glimpse.explain.saccader import attention_maps, covered, draw_saccades
from tf_glimpse.types import UserError

BAGNET = {"blocks": (1,), "filters": (8,), "strides": (4,), "stem_filters": 8, "receptive_field": 5}
IMAGES = np.random.default_rng(0).integers(1, 256, [2, 17, 21, 3]).astype(np.uint8)


@pytest.fixture(scope="module")
def model():
    model = Saccader(3, BAGNET, num_glimpses=2, mixed_channels=8, class_names=["ant", "bee", "cat"], seed=1)
    model.build((None, 17, 21, 3))
    return model


def test_what_was_seen_is_lit(model):
    trajectory = model(IMAGES)
    lit = covered(IMAGES, trajectory, model)
    bright = np.isclose(lit, IMAGES / 255).all(axis=-1)
    np.testing.assert_allclose(lit[~bright], 0.25 * IMAGES[~bright] / 255, atol=1e-6)
    corners = np.round((trajectory.locations.numpy() + 1) / 2 * (17, 21) - 2.5).astype(int)
    expected = np.zeros([2, 17, 21], bool)
    for row in range(2):
        for top, left in corners[row]:
            expected[row, top : top + 5, left : left + 5] = True
    np.testing.assert_array_equal(bright, expected)


def test_maps_hold_each_cells_probability_where_it_sees(model):
    trajectory = model(IMAGES)
    maps = attention_maps(trajectory, model, (17, 21))
    assert maps.shape == (2, 2, 17, 21)
    np.testing.assert_allclose(maps.sum(axis=(2, 3)), 25.0, rtol=1e-4, err_msg="each of 25 pixels of a field gets the cell's share")
    policy = np.exp(trajectory.policy[0, 0] - np.max(trajectory.policy[0, 0]))
    assert maps[0, 0, 0, 0] == pytest.approx(policy[0] / policy.sum(), rel=1e-4), "the corner is seen by the first cell alone"
    assert maps[:, 1].max() < 1.0


def test_the_figure_has_a_panel_for_scanpath_coverage_and_each_look(model):
    figure = draw_saccades(IMAGES, model(IMAGES), model, labels=[0, 1])
    assert len(figure.axes) == 2 * 4
    assert np.ptp(figure_to_array(figure)) > 200
    assert figure.axes[1].get_title().startswith("seen: ")
    assert any(name in figure.axes[0].get_title() for name in model.class_names)
    with pytest.raises(UserError, match="as many rollouts"):
        draw_saccades(IMAGES[:1], model(IMAGES), model)
