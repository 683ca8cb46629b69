"""Learning to look at cells that a model ranks first."""

from typing import Any

import keras
import tensorflow as tf

from tf_glimpse.losses.places import cell_log_probs, hit_rate, unmasked_place_loss
from tf_glimpse.losses.supervision import location_likelihood
from tf_glimpse.losses.term import Term, Weight
from tf_glimpse.types import whole_number


@keras.saving.register_keras_serializable("tf_glimpse")
class Targets(Term):
    """A Saccader's location stage: minus the log-likelihood of the cells where the logit of the BagNet's answer for the whole image is
    highest, in that order. The looks of training are as many as the targets.

    Reported besides: `location_loss`, the cross-entropy of the targets in nats a look, and `hit_rate`, how often the policy's mode is one
    of them; validation takes both along the model's own looks, whose targets are as many, and leaves out those that these have masked.

    Args:
        weight: as for `Term`.
        num_targets: how many looks a training image has.
        teacher_forcing: whether these looks go to the targets, so that each target is learned given those before it. False lets them go
            where the policy draws them, as the authors' code does: a target that was drawn before is masked, adds 1e5 to the loss and
            teaches nothing of use. True is the clean choice: no term is masked, and the loss can be read.
        stop_gradient: whether the policy's gradient ends at the BagNet's features, and the BagNet is frozen, its batch norms' moving
            statistics too. False trains it as well, by this term and by cross-entropy on the answer.

    Raises:
        UserError: no targets; a model without cells.

    Reference: Elsayed, Kornblith, Le 2019, Saccader, section 3 (location pretraining).
    """

    name = "targets"
    needs = ("target_cells",)
    reports = ("location_loss", "hit_rate")
    draws = teaches = True

    def __init__(self, weight: Weight = 1.0, num_targets: int = 12, teacher_forcing: bool = True, stop_gradient: bool = True) -> None:
        super().__init__(weight)
        self.num_targets = whole_number("num_targets", num_targets)
        self.teacher_forcing, self.stop_gradient = bool(teacher_forcing), bool(stop_gradient)

    def __call__(self, step: Any) -> tf.Tensor:
        return location_likelihood(cell_log_probs(step.trajectory.policy, self._cells(step)))

    def monitors(self, step: Any) -> dict[str, tf.Tensor]:
        return place_monitors(step.trajectory.policy, self._cells(step))

    def _cells(self, step):
        return step.model.target_cells(step.inputs, step.trajectory, followed=self.teacher_forcing, training=True)

    def get_config(self):
        own = {"num_targets": self.num_targets, "teacher_forcing": self.teacher_forcing, "stop_gradient": self.stop_gradient}
        return {**super().get_config(), **own}


def place_monitors(policy: tf.Tensor, cells: tf.Tensor) -> dict[str, tf.Tensor]:
    """What is reported of a policy's logits `[B, T, N]` beside the cells `[B, T]` it should look at: scalars by name."""
    rows = {"location_loss": unmasked_place_loss(policy, cells), "hit_rate": hit_rate(policy, cells)}
    return {name: tf.reduce_mean(row) for name, row in rows.items()}
