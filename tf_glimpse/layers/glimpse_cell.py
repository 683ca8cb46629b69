"""One look: choose a place, see it, encode it, remember it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from tf_glimpse.layers.cell_parts import check_parts, check_policy
from tf_glimpse.ops.coordinates import clip
from tf_glimpse.types import Glimpse, UserError

if TYPE_CHECKING:
    from tf_glimpse.layers.retina import Retina

FIRST_LOCATIONS = ("centre", "learned", "random")


@keras.saving.register_keras_serializable("tf_glimpse")
class GlimpseCell(keras.layers.Layer):
    """The recurrent attention cell, `(inputs, states) -> (Glimpse, states)`; `unroll` loops over it.

    Args:
        retina: a `Retina`.
        encoder: a layer `(patches, locations) -> [B, G]`.
        core: any Keras RNN cell.
        location: a location head, such as `GaussianLocation`; it sees the state through a stop-gradient.
        first_location: "centre" (0, 0); "learned", chosen by the location head from the zero state; "random", uniform in
            training that draws its places and else the centre, so that inference never draws.
        baseline: whether to learn a baseline of the return from the (stopped) state; zeros otherwise.

    Call arguments:
        inputs: `(views, given, has_given)`: `retina.prepare(images)`, actions `[B, 2]` somebody else gave, for which rows `[B]` bool.
        states: `(hidden, core_states)` as `get_initial_state` makes them.
        draw_seed: None for the policy's mode; int32 `[2]` to draw from it, or `[B, 2]` with a seed a row.

    Output:
        a `Glimpse` and the next states.

    Raises:
        UserError: an unknown `first_location`.

    Reference: Mnih et al. 2014, section 3.1, figure 1.
    """

    def __init__(
        self,
        retina: Retina,
        encoder: keras.layers.Layer,
        core: keras.layers.Layer,
        location: keras.layers.Layer,
        first_location: str = "random",
        baseline: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        if first_location not in FIRST_LOCATIONS:
            raise UserError(f"first_location expects one of {', '.join(FIRST_LOCATIONS)}. Received: {first_location!r}")
        check_parts(encoder, core, location)
        self.retina = retina
        self.encoder = encoder
        self.core = core
        self.location = location
        self.first_location = first_location
        self.baseline = keras.layers.Dense(1, dtype="float32", name="baseline") if baseline else None

    def build(self, views_shape):
        """Builds every part from the images' shape `[B, H, W, C]`, by one look at nothing; parts need no `build` of their own."""
        patches = self.retina.compute_output_shape((1, *views_shape[1:]), (1, 2))
        glimpse = self.encoder(tf.zeros(patches, self.compute_dtype), tf.zeros([1, 2]))
        hidden, _ = self.core(glimpse, self.core.get_initial_state(batch_size=1))
        check_policy(self.location, self.location(hidden))
        self._expect(hidden)
        self.retina.built = self.built = True

    @property
    def output_size(self) -> int:
        """Size of the core's output, the hidden state that classifier, location head and baseline read."""
        size = getattr(self.core, "output_size", None) or self.core.state_size
        return size[0] if isinstance(size, (list, tuple)) else size

    @property
    def layers(self) -> list[keras.layers.Layer]:
        """The parts, so that `model.summary(expand_nested=True)` lists them."""
        return [layer for layer in (self.retina, self.encoder, self.core, self.location, self.baseline) if layer is not None]

    def call(self, inputs, states, draw_seed=None, training=False):
        views, given, has_given = inputs
        hidden, core_states = states
        policy, chosen = self.choose(tf.stop_gradient(hidden), draw_seed)
        action = tf.stop_gradient(tf.where(has_given[:, None], tf.cast(given, tf.float32), chosen))
        location = clip(action)
        glimpse = self.encoder(self.retina.look(views, location), location)
        expected = self._expect(tf.stop_gradient(hidden))
        hidden, core_states = self.core(glimpse, core_states, training=training)
        return Glimpse(action, location, policy, expected, hidden), (hidden, core_states)

    def consider(self, views: Any, locations: tf.Tensor, states: Any) -> tf.Tensor:
        """The core's output `[B, N, U]` after one look at each of N places `[B, N, 2]`, from core states, a nest of `[B, N, ...]`."""
        patches, places = self.retina.look(views, locations), tf.reshape(locations, [-1, 2])
        glimpse = self.encoder(tf.reshape(patches, [-1, *patches.shape[2:]]), places)
        states = tf.nest.map_structure(lambda state: tf.reshape(state, [-1, *state.shape[2:]]), states)
        after, _ = self.core(glimpse, states)
        return tf.reshape(after, [-1, locations.shape[1], self.output_size])

    @property
    def first_chosen(self) -> int:
        """The number of the first look whose place the policy chooses: 0, or 1 where the first place is not its."""
        return 0 if self.first_location == "learned" else 1

    def choose(self, hidden: tf.Tensor, draw_seed: tf.Tensor | None) -> tuple[tf.Tensor, tf.Tensor]:
        """The policy's parameters `[B, A]` and an action `[B, 2]`: its mode, or a draw where there is a seed. The one random line."""
        policy = self.location.parameters(hidden)
        if draw_seed is None:
            return policy, self.location.to_action(self.location.distribution(policy).mode())
        if len(draw_seed.shape) == 1:
            return policy, self.location.to_action(self.location.distribution(policy).sample(seed=draw_seed))
        return policy, tf.map_fn(lambda row: self.choose_row(*row), (policy, draw_seed), fn_output_signature=tf.float32)

    def choose_row(self, policy: tf.Tensor, draw_seed: tf.Tensor) -> tf.Tensor:
        """One row's draw with a seed of its own, so that it does not depend on its batch mates."""
        return self.location.to_action(self.location.distribution(policy).sample(seed=draw_seed))

    def score(self, actions: tf.Tensor, policy: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Log-probabilities and entropies `[B, T]` of raw actions `[B, T, 2]` under the policies `[B, T, A]` they were chosen from."""
        distribution = self.location.distribution(policy)
        chosen = tf.cast(tf.range(tf.shape(actions)[1]) >= self.first_chosen, tf.float32)
        return distribution.log_prob(self.location.to_draw(actions)) * chosen, distribution.entropy() * chosen

    def get_initial_state(self, batch_size: int | tf.Tensor, start: tf.Tensor | None = None) -> tuple[tf.Tensor, Any]:
        """The states before the first look at `batch_size` images: zeros, or the output `start` `[B, U]` wherever the core's states have
        its size."""
        hidden, states = tf.zeros([batch_size, self.output_size], self.compute_dtype), self.core.get_initial_state(batch_size=batch_size)
        if start is None:
            return hidden, states
        start = tf.cast(start, self.compute_dtype)
        return start, tf.nest.map_structure(lambda state: start if state.shape[-1] == self.output_size else state, states)

    def _expect(self, hidden):
        if self.baseline is None:
            return tf.zeros([tf.shape(hidden)[0]], tf.float32)
        return self.baseline(tf.cast(hidden, tf.float32))[:, 0]

    def get_config(self):
        parts = {name: serialize_part(getattr(self, name)) for name in ("retina", "encoder", "core", "location")}
        return {**super().get_config(), **parts, "first_location": self.first_location, "baseline": self.baseline is not None}

    @classmethod
    def from_config(cls, config):
        parts = {name: keras.saving.deserialize_keras_object(config[name]) for name in ("retina", "encoder", "core", "location")}
        return cls(**{**config, **parts})


def serialize_part(layer):
    """A part's config without its build shapes: the cell builds its parts by looking, which asks no `build` of them."""
    config = keras.saving.serialize_keras_object(layer)
    config.pop("build_config", None)
    return config
