"""The policy of a model that stops moving."""

import dataclasses

import tensorflow as tf

from tf_glimpse.models.attention_model import AttentionModel
from tf_glimpse.models.rollouts import compiled
from tf_glimpse.types import Array, UserError


@dataclasses.dataclass(frozen=True, eq=False)
class Frozen:
    """The model's own places up to look k, and then again and again the k-th: how much the later moves are worth.

    The places are those of the model's deterministic rollout.

    Args:
        model: a built `AttentionModel`.
        look: k, from 1 to the model's number of looks, which leaves its own places as they are. A `RAM` that begins at the centre stays
            there with 1, as the policy "centre"; 2 is then the first place that it chooses.

    Call arguments:
        images, indices, seed: as in `tf_glimpse.policies`; only the images matter.

    Returns:
        float32 `[B, T, 2]`.

    Raises:
        UserError: another k.

    Example:
        >>> from tf_glimpse.models.ram import RAM
        >>> model = RAM(10, num_glimpses=4)
        >>> model.build((None, 28, 28, 1))
        >>> places = Frozen(model, look=2)(tf.ones([3, 28, 28, 1]), [0, 1, 2], seed=[0, 0])
        >>> places.shape, bool(tf.reduce_all(places[:, 1:2] == places[:, 1:]))
        (TensorShape([3, 4, 2]), True)
    """

    model: AttentionModel
    look: int = 1

    def __post_init__(self):
        most = self.model.num_glimpses
        if not isinstance(self.look, int) or not 1 <= self.look <= most:
            raise UserError(f"frozen expects the look after which places stay, from 1 to {most} for this model. Received: {self.look!r}")

    def __call__(self, images: Array, indices: Array, seed: Array) -> tf.Tensor:
        """The places of a batch."""
        with tf.init_scope():  # the weights are checked before a graph is made
            rollout = compiled(self.model)
        own = rollout(images).locations
        looks = tf.minimum(tf.range(self.model.num_glimpses), self.look - 1)
        return tf.cast(tf.gather(own, looks, axis=1), tf.float32)
