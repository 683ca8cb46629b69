"""How a Saccader is trained after its BagNet: where the BagNet's logits are high first, then by REINFORCE."""

import keras
import tensorflow as tf

from tf_glimpse import losses
from tf_glimpse.losses.places import hit_rate, place_log_probs, unmasked_place_loss
from tf_glimpse.models.attention_model import AttentionModel, has_actions
from tf_glimpse.ops.grids import field_cells, ordered_cells
from tf_glimpse.types import UserError

STAGES = ("location", "reinforce")
MONITORS = ("location_loss", "hit_rate")


class SaccaderStages(AttentionModel):
    """The stages of a model with a `bagnet` that knows its `fields`; a subclass says what the call does."""

    def __init__(self, seed=None, **kwargs):
        super().__init__(seed=seed, **kwargs)
        self.term_trackers.update({name: keras.metrics.Mean(name=name) for name in MONITORS})
        self._set_stage("reinforce", 12, True, False)
        self._thawed = None  # which layers of the BagNet learn, by their ids, while it is frozen

    def compile(
        self,
        optimizer="adam",
        loss=None,
        metrics=("accuracy",),
        *,
        stage="reinforce",
        num_targets=12,
        teacher_forcing=True,
        stop_gradient=None,
        **kwargs,
    ):
        """As `AttentionModel.compile`, for the stage that comes next; the BagNet alone, stage 1, is `model.bagnet.compile`.

        "location": the policy learns by likelihood (`supervision_weight`) to look at the `num_targets` cells where the logit of the
        BagNet's answer for the whole image is highest, in that order. The BagNet is frozen, its batch norms' moving statistics too.
        Reported besides: `location_loss`, the cross-entropy of the targets in nats a look, and `hit_rate`, how often the policy's mode is
        one of them; validation takes both along the model's own `num_glimpses` looks, whose targets are as many, and leaves out those that
        these have masked. Cross-entropy on the answer is part of the loss here too: it teaches nothing while the BagNet is frozen.

        "reinforce": everything learns, by cross-entropy on the answer and REINFORCE on it; its baseline is the batch's mean return, so that
        REINFORCE learns nothing from a batch of one row and one rollout.
        Looks are summed, so `reinforce_weight=1 / num_glimpses` is the authors' weight of 1 on a mean over looks. Their L2 terms on the
        weights are left to the optimiser's `weight_decay`.

        Args:
            optimizer, loss, metrics: as for `AttentionModel.compile`.
            stage: "location" or "reinforce".
            num_targets: how many looks a training image has in the location stage, of whose losses only `supervision_weight` counts.
            teacher_forcing: whether these looks go to the targets, so that each target is learned given those before it. False lets them
                go where the policy draws them, as the authors' code does: a target that was drawn before is masked, adds 1e5 to the loss
                and teaches nothing of use. True is the clean choice: no term is masked, and the loss can be read.
            stop_gradient: whether the policy's gradient ends at the BagNet's features; None for the location stage only. False in the
                location stage trains the BagNet as well, by the location loss and by cross-entropy on the answer.
            **kwargs: as for `AttentionModel.compile`.

        Raises:
            UserError: another stage; no targets; look-ahead, hindsight or guidance, which these models
                have not; as `AttentionModel.compile`.
        """
        for name in ("look_ahead_weight", "hindsight_weight", "guidance_weight"):
            if kwargs.get(name):
                raise UserError(f"{type(self).__name__} does not learn by {name}. Received: {kwargs[name]}")
        if stage not in STAGES:
            raise UserError(f"stage wants one of {', '.join(STAGES)}; stage 1 is model.bagnet.compile and fit. Received: {stage!r}")
        if num_targets < 1:
            raise UserError(f"num_targets wants at least one look. Received: {num_targets}")
        self._set_stage(stage, num_targets, teacher_forcing, stage == "location" if stop_gradient is None else stop_gradient)
        self._freeze_bagnet(stage == "location" and self.stop_gradient)
        super().compile(optimizer, loss, metrics, **{"baseline_weight": 0.0, **kwargs})

    def _freeze_bagnet(self, frozen):
        """Freezes the BagNet, or lets the layers learn again that did before; what the user froze stays frozen."""
        layers = list(self.bagnet._flatten_layers())
        if frozen and self._thawed is None:
            self._thawed = {id(layer): layer.trainable for layer in layers}
            self.bagnet.trainable = False
        elif not frozen and self._thawed is not None:
            for layer in layers:
                layer.trainable = self._thawed.get(id(layer), True)
            self._thawed = None

    def _learning(self):
        """As without this stage, where it froze the BagNet; layers made since then would learn."""
        frozen = {} if self._thawed is None else {id(layer): True for layer in self.bagnet._flatten_layers()} | self._thawed
        return [frozen.get(id(layer), layer.trainable) for layer in self._flatten_layers()]

    def _set_stage(self, stage, num_targets, teacher_forcing, stop_gradient):
        self.stage = stage
        self.num_targets = num_targets
        self.teacher_forcing = teacher_forcing
        self.stop_gradient = stop_gradient

    def get_compile_config(self):
        config, names = super().get_compile_config(), ("stage", "num_targets", "teacher_forcing", "stop_gradient")
        return {**config, **{name: getattr(self, name) for name in names}} if config else config

    @property
    def line_terms(self):
        """What the stage learns by: where to look, or the reward."""
        return MONITORS if self.stage == "location" else super().line_terms

    def loss_terms(self, inputs, labels, trajectory, weights=None):
        if self.stage == "reinforce":
            baselines = self._batch_mean(inputs, labels, trajectory, weights)
            return super().loss_terms(inputs, labels, trajectory._replace(baselines=baselines), weights)
        targets = self._targets(inputs, trajectory, self.teacher_forcing, training=True)
        taught = trajectory._replace(log_probs=place_log_probs(trajectory.policy, targets))
        terms, loss = super().loss_terms({"actions": trajectory.actions}, labels, taught, weights)
        return {**terms, **_monitors(trajectory, targets)}, loss

    def _batch_mean(self, inputs, labels, trajectory, weights):
        """The mean return of the rows that follow the policy, as a baseline `[B, T]`."""
        returns = losses.returns_to_go(self.rewards(trajectory, labels), self.hybrid["discount"])
        rows = 1.0 - tf.cast(has_actions(inputs, tf.shape(returns)[0]), tf.float32)
        rows = rows if weights is None else rows * tf.cast(tf.reshape(weights, [-1]), tf.float32)
        mean = tf.math.divide_no_nan(tf.reduce_sum(rows * tf.reduce_mean(returns, axis=1)), tf.reduce_sum(rows))
        return tf.fill(tf.shape(returns), mean)

    def _targets(self, inputs, trajectory, followed, training):
        """The cells `[B, T]` to be looked at: where the trajectory went if it followed them, else by the BagNet's logits."""
        images = inputs["images"] if isinstance(inputs, dict) else inputs
        if followed:
            return field_cells(trajectory.actions, self.fields(images.shape[1:3]))
        return ordered_cells(self.bagnet.represent(images, training).logits, trajectory.policy.shape[1])

    def test_terms(self, inputs, trajectory):
        if self.stage == "reinforce":
            return {}
        return _monitors(trajectory, self._targets(inputs, trajectory, followed=False, training=False))


def _monitors(trajectory, targets):
    rows = {"location_loss": unmasked_place_loss(trajectory.policy, targets), "hit_rate": hit_rate(trajectory.policy, targets)}
    return {name: tf.reduce_mean(row) for name, row in rows.items()}
