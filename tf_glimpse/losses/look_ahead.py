"""Learning where to look by trying several places from the same state."""

import tensorflow as tf


def look_ahead(log_probs: tf.Tensor, rewards: tf.Tensor) -> tf.Tensor:
    """REINFORCE over places tried side by side, whose mean reward is the baseline: -sum_t mean_n log pi(l_tn) * advantage_tn.

    The places of a look are tried from one and the same state, so their rewards differ by the place alone; that leaves far less noise
    than the return of a whole rollout does. Each look's advantages are brought to unit size over the batch, or the first looks, where
    most is won, would drown the later ones.

    Args:
        log_probs: `[B, T, N]`, of N places drawn from the policy at each look.
        rewards: `[B, T, N]`, what the look at each earned; no gradient flows through them.

    Returns:
        `[B]`.

    Reference: Williams 1992 for the estimator; the mean of the other draws as baseline: Kool et al. 2019, Buy 4 REINFORCE Samples, Get a
    Baseline for Free!; trying actions from the same state: Schulman et al. 2015, Trust Region Policy Optimization, section 5.2 (vine).
    """
    rewards = tf.stop_gradient(rewards)
    advantages = rewards - tf.reduce_mean(rewards, axis=2, keepdims=True)
    size = tf.sqrt(tf.reduce_mean(tf.square(advantages), axis=[0, 2], keepdims=True) + 1e-8)
    return -tf.reduce_sum(tf.reduce_mean(log_probs * advantages / size, axis=2), axis=1)


def best_in_hindsight(places: tf.Tensor, gains: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Of all places tried during a rollout, the one whose look was worth most; a policy may learn to have gone there at once.

    Where nothing that was tried helped, as in a network that knows nothing yet, the gain is about 0: as a weight of what is learned from
    the place it leaves such images out.

    Args:
        places: `[B, M, 2]`.
        gains: `[B, M]`, by how much the look at each raised the right class's probability; no gradient flows through them.

    Returns:
        `(place [B, 2], gain [B])`, no gain below 0.

    Reference: Andrychowicz et al. 2017, Hindsight Experience Replay, whose goals too are taken from what a rollout came upon; the most
    informative place as a target: Harvey et al. 2019.
    """
    best = tf.argmax(gains, axis=1)
    place, gain = (tf.stop_gradient(tf.gather(values, best, batch_dims=1)) for values in (places, gains))
    return place, tf.nn.relu(gain)
