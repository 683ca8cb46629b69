"""How a Saccader is trained after its BagNet: where the BagNet's logits are high first, then by REINFORCE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tf_glimpse import losses
from tf_glimpse.models.attention_model import AttentionModel
from tf_glimpse.ops.grids import field_cells, ordered_cells
from tf_glimpse.types import Trajectory

if TYPE_CHECKING:
    import tensorflow as tf

# By REINFORCE on the answer, its baseline the batch's mean return.
SACCADES = {"reinforce": {"baseline": "batch_mean"}, "supervision": {}}


class SaccaderStages(AttentionModel):
    """The stages of a model with a `bagnet` that knows its `fields`; a subclass says what the call does."""

    _trainable_before = None  # which layers of the BagNet learned before it was frozen, by their ids; None while it is not

    def compile(self, optimizer="adam", *args, **kwargs):
        """As `AttentionModel.compile`, for the stage that comes next; the BagNet alone, stage 1, is `model.bagnet.compile`.

        With `losses.Targets` among the terms, the location stage: the policy learns by likelihood where to look. Cross-entropy on the
        answer is part of the loss here too: it teaches nothing while the BagNet is frozen.

        Without: everything learns, by cross-entropy on the answer and by the terms, by default REINFORCE on the answer with the batch's
        mean return as its baseline. Looks are summed, so a weight of 1 / num_glimpses is the authors' weight of 1 on a mean over looks.
        Their L2 terms on the weights are left to the optimiser's `weight_decay`.

        Args:
            optimizer: a Keras optimiser or its name.
            *args, **kwargs: as for `AttentionModel.compile`.

        Raises:
            UserError: a term that these models cannot learn by, such as `LookAhead`; as `AttentionModel.compile`.

        Example:
            >>> from tf_glimpse.models.saccader import Saccader
            >>> model = Saccader(5, bagnet={"receptive_field": 17, "width": 0.125}, num_glimpses=3, mixed_channels=32)
            >>> model.compile(terms=[losses.Targets(num_targets=4)])
            >>> model.bagnet.trainable
            False
        """
        super().compile(optimizer, *args, **kwargs)

    def default_terms(self) -> Any:
        return SACCADES

    def _set_terms(self, terms, sample=None):
        super()._set_terms(terms, sample)
        self._freeze_bagnet(self.targets is not None and self.targets.stop_gradient)

    @property
    def targets(self) -> Any:
        """The term of the location stage; None in any other."""
        return next((term for term in self.terms if isinstance(term, losses.Targets)), None)

    def _freeze_bagnet(self, frozen):
        """Freezes the BagNet, or lets the layers learn again that did before; what the user froze stays frozen."""
        layers = list(self.bagnet._flatten_layers())
        if frozen and self._trainable_before is None:
            self._trainable_before = {id(layer): layer.trainable for layer in layers}
            self.bagnet.trainable = False
        elif not frozen and self._trainable_before is not None:
            for layer in layers:
                layer.trainable = self._trainable_before.get(id(layer), True)
            self._trainable_before = None

    def _learning(self):
        """As without this stage, where it froze the BagNet; layers made since then would learn."""
        before = self._trainable_before
        frozen = {} if before is None else {id(layer): True for layer in self.bagnet._flatten_layers()} | before
        return [frozen.get(id(layer), layer.trainable) for layer in self._flatten_layers()]

    @property
    def line_terms(self) -> tuple[str, ...]:  # type: ignore[override]  # a plain value in the base
        """What the stage learns by: where to look, or the reward."""
        return losses.Targets.reports if self.targets else super().line_terms

    def target_cells(self, inputs: Any, trajectory: Trajectory, followed: Any, training: bool) -> Any:
        """The cells `[B, T]` to be looked at: where the trajectory went if it followed them, else by the BagNet's logits."""
        images = inputs["images"] if isinstance(inputs, dict) else inputs
        if followed:
            return field_cells(trajectory.actions, self.fields(images.shape[1:3]))
        return ordered_cells(self.bagnet.represent(images, training).logits, trajectory.policy.shape[1])

    def test_terms(self, inputs: Any, trajectory: Trajectory) -> dict[str, tf.Tensor]:
        if self.targets is None:
            return {}
        return losses.place_monitors(trajectory.policy, self.target_cells(inputs, trajectory, followed=False, training=False))
