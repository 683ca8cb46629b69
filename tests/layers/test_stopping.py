import numpy as np
import tensorflow as tf

from tf_glimpse.layers.stopping import StoppingHead
from tf_glimpse.losses.stopping import accuracy_gains, stopping_error
from tf_glimpse.tasks import Classification


def test_the_head_changes_nothing_in_what_it_reads():
    head, logits = StoppingHead(units=5), tf.ones([2, 6])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        gains = head(logits)
    assert tape.gradient(gains, logits) is None


def test_which_class_it_is_does_not_matter():
    head, logits = StoppingHead(units=5, top=3), tf.random.stateless_normal([4, 6], (1, 2))
    np.testing.assert_allclose(head(logits), head(tf.gather(logits, [3, 1, 5, 0, 2, 4], axis=1)), atol=1e-6)


def test_gains_are_what_the_next_answer_changes():
    answers = np.array([[0, 1, 1, 2], [2, 2, 2, 2], [1, 0, 1, 0]])
    gains = accuracy_gains(Classification(3).correct(tf.one_hot(answers, 3), np.array([1, 2, 0])))
    np.testing.assert_array_equal(gains, [[1, 0, -1], [0, 0, 0], [1, -1, 1]])


def test_the_error_is_least_at_the_true_shares():
    gains = tf.constant([[1, 0, 0, 0, 0, 0, 0, -1, 0, 1]])
    shares = np.log([0.1, 0.7, 0.2])
    errors = [
        float(stopping_error(tf.tile(tf.constant(logits, tf.float32)[None, None], [1, 10, 1]), gains)[0])
        for logits in (shares, np.log([0.2, 0.7, 0.1]), np.log([0.05, 0.8, 0.15]))
    ]
    assert errors[0] == min(errors)
    assert np.isclose(errors[0], -np.sum(np.exp(shares) * shares), rtol=1e-5)
