import numpy as np
import pytest
import tensorflow as tf
from tiny_model import IMAGES, LABELS, make_model

from tf_glimpse.datasets import array_source
from tf_glimpse.models import AdaptiveModel
from tf_glimpse.search import calibrate_threshold, look_costs, sweep_thresholds
from tf_glimpse.search.thresholds import ThresholdSweep
from tf_glimpse.types import UserError

GAINS = np.array([[0.5, 0.1], [0.0, 0.4], [0.3, 0.3], [0.2, 0.0]], np.float32)
RIGHT = np.array([[0, 1, 1], [1, 1, 0], [0, 0, 1], [0, 1, 1]], bool)


def test_a_threshold_cuts_trajectories_short():
    sweep = ThresholdSweep(GAINS, RIGHT)
    point = sweep.at(0.25)
    assert (point.accuracy, point.mean_glimpses, point.stops) == (0.75, (2 + 1 + 3 + 1) / 4, (2, 1, 1))
    np.testing.assert_allclose(sweep.fixed_accuracies, [0.25, 0.75, 0.75])
    points = sweep.points()
    assert (points[0].mean_glimpses, points[-1].mean_glimpses) == (1, 3)
    looks = [point.mean_glimpses for point in points]
    assert looks == sorted(looks)


def test_calibration_compares_what_was_expected_with_what_came():
    random = np.random.default_rng(0)
    chances = random.uniform(0, 0.5, [20000, 1]).astype(np.float32)
    right = np.concatenate([np.zeros([20000, 1], bool), random.random([20000, 1]) < chances], axis=1)
    table = ThresholdSweep(chances, right).calibration(bins=5)
    assert np.all(np.abs(table[:, 0] - table[:, 1]) < 4 * table[:, 2])
    assert np.all(np.abs(ThresholdSweep(chances + 0.1, right).calibration(bins=5)[:, :2] @ [1, -1]) > 0.05)


@pytest.fixture(scope="module")
def model():
    model = AdaptiveModel(make_model(), stopping_units=8)
    model.stopping.linear.kernel.assign(tf.random.stateless_normal([8, 3], (1, 2)) * 3)
    return model


@pytest.fixture(scope="module")
def source():
    return array_source((IMAGES * 255).astype("uint8"), LABELS)


def test_the_chosen_threshold_keeps_its_budget_when_it_is_used(model, source):
    sweep = sweep_thresholds(model, source)
    for budget in (1.0, 1.7, 2.5, 3.0):
        point = calibrate_threshold(model, source, mean_glimpses=budget)
        prediction = model.predict_adaptive(source.fetch(range(12)).numpy(), point.threshold)
        assert prediction.num_glimpses.mean() == pytest.approx(point.mean_glimpses)
        assert point.mean_glimpses <= budget
        assert np.mean(np.argmax(prediction.logits, axis=1) == LABELS) == pytest.approx(point.accuracy)
        assert point.accuracy == max(other.accuracy for other in sweep.points() if other.mean_glimpses <= budget)


def test_a_budget_of_operations(model, source):
    costs = look_costs(model)
    point = calibrate_threshold(model, source, mean_flops=costs.adaptive(2))
    assert point == calibrate_threshold(model, source, mean_glimpses=2)


@pytest.mark.parametrize(
    ("budget", "words"),
    [({}, "one budget"), ({"mean_glimpses": 2, "mean_flops": 9}, "one budget"), ({"mean_glimpses": 0.5}, "1 look"),
     ({"mean_flops": 10}, "FLOPs, one look")],
)  # fmt: skip
def test_an_impossible_budget_is_told(model, source, budget, words):
    with pytest.raises(UserError, match=words):
        calibrate_threshold(model, source, **budget)
