"""The Saccader's cell: which cell of a feature map to look at next."""

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tf_glimpse.ops.grids import masked, visit


@keras.saving.register_keras_serializable("tf_glimpse")
class SaccaderCell(keras.layers.Layer):
    """`(inputs, visited) -> ((cells, policy), visited)`: scores every cell of a map, chooses one, and remembers where it has been.

    With features F and its one weight vector a: the softmax over cells of F.a / sqrt(D) averages F into one vector; the softmax of that
    over channels weighs the channels of F, and their sum is each cell's logit. Visited cells have 1e5 taken off both times. Nothing
    else carries over from look to look. Everything is float32, also under mixed precision, for 1e5 is more than float16 holds.

    Call arguments:
        inputs: `(features [B, N, D], given [B] int32, has_given [B] bool)`: the map, and cells that somebody else chose, for which rows.
        visited: `[B, N]` float32, 1 where it has looked; zeros at first.
        draw_seed: None for the policy's mode; int32 `[2]` to draw from it, or `[B, 2]` with a seed a row.

    Output:
        `((cells [B] int32, policy [B, N] float32 logits), visited)`.

    Example:
        >>> features, nobody = tf.ones([2, 9, 4]), (tf.zeros([2], tf.int32), tf.zeros([2], tf.bool))
        >>> (cells, policy), visited = SaccaderCell()((features, *nobody), tf.zeros([2, 9]))
        >>> (cells, policy), visited = SaccaderCell()((features, *nobody), visited)
        >>> cells.numpy().tolist(), float(tf.reduce_sum(visited))
        ([1, 1], 4.0)

    Reference: Elsayed, Kornblith, Le 2019, Saccader, https://arxiv.org/abs/1908.07644, section 2.2, figure 2.
    """

    def __init__(self, **kwargs: Any) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(autocast=False, **kwargs)

    def build(self, inputs_shape, visited_shape=None):
        features_shape = inputs_shape[0]
        self.attention = self.add_weight(name="attention", shape=(features_shape[-1], 1))

    def call(self, inputs, visited, draw_seed=None):
        features, given, has_given = inputs
        policy = self.policy(tf.cast(features, tf.float32), visited)
        cells = tf.where(has_given, tf.cast(given, tf.int32), self.choose(policy, draw_seed))
        return (cells, policy), visit(visited, cells)

    def policy(self, features: tf.Tensor, visited: tf.Tensor) -> tf.Tensor:
        """The logits `[B, N]` of where to look, from features `[B, N, D]` float32."""
        channels = tf.nn.softmax(self.channel_logits(features, visited))
        return masked(tf.linalg.matvec(features, channels), visited)

    def channel_logits(self, features: tf.Tensor, visited: tf.Tensor) -> tf.Tensor:
        """How much each channel matters, `[B, D]` before the softmax: the features' mean by the attention over cells."""
        cells = tf.nn.softmax(self.cell_logits(features, visited))
        return tf.linalg.matmul(cells[:, None, :], features)[:, 0]  # a transposed product would be miscounted by TensorFlow's counter

    def cell_logits(self, features: tf.Tensor, visited: tf.Tensor) -> tf.Tensor:
        """How much each cell matters, `[B, N]` before the softmax."""
        scale = features.shape[-1] ** -0.5
        return masked(tf.linalg.matvec(features, self.attention[:, 0]) * scale, visited)

    def choose(self, policy: tf.Tensor, draw_seed: tf.Tensor | None) -> tf.Tensor:
        """Cells `[B]` int32: the policy's mode, or a draw where there is a seed. The one random line."""
        if draw_seed is None:
            return tf.argmax(policy, axis=-1, output_type=tf.int32)
        if len(draw_seed.shape) == 1:
            return tfp.distributions.Categorical(logits=policy).sample(seed=draw_seed)
        return tf.map_fn(lambda row: self.choose(*row), (policy, draw_seed), fn_output_signature=tf.int32)

    @staticmethod
    def score(cells: tf.Tensor, policy: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Log-probabilities and entropies `[B, T]` of cells `[B, T]` under the logits `[B, T, N]` they were chosen from."""
        distribution = tfp.distributions.Categorical(logits=policy)
        return distribution.log_prob(cells), distribution.entropy()
