"""The one train_step and test_step of the package."""

import warnings

import keras
import tensorflow as tf

from tf_glimpse import losses
from tf_glimpse.models import signals
from tf_glimpse.models.checked import CheckedModel, replicas
from tf_glimpse.models.classify import classification
from tf_glimpse.models.compiling import check_hybrid
from tf_glimpse.models.inside import refuse_sequential, seed_of_step, teach_inside, trained_by_another
from tf_glimpse.models.loading import from_preset
from tf_glimpse.models.mean_weights import MeanAdamW
from tf_glimpse.models.rollouts import compiled
from tf_glimpse.models.saving import save_preset
from tf_glimpse.models.tries import losses_of_tries
from tf_glimpse.types import UserError

TERMS = (
    "cross_entropy",
    "anytime",
    "reinforce",
    "baseline",
    "supervision",
    "look_ahead",
    "hindsight",
    "guidance",
    "entropy",
    "reward",
    "policy_entropy",
    "policy_gradient_variance",
)


class AttentionModel(CheckedModel):
    """A Keras model whose call returns a `Trajectory`, trained by the hybrid loss; subclasses say how it looks: `rollout`, or `call`.

    The call takes images, or `{"images", "actions" [B, T, 2], "has_actions" [B] bool}`, and the keywords `training`, `sample` (draw from
    the policy instead of taking its mode; as `training` if None) and `seed` (int32 `[2]`, or `[B, 2]` with one seed a row). Losses and
    metrics given to `compile` see `trajectory.logits[:, -1]`. Outside training nothing is drawn unless `sample` asks for it.

    Args:
        seed: int, the seed of every draw in training, together with the optimiser's step; None draws one from Keras' global seed.
    """

    line_terms = ("reward",)  # the terms that an epoch's line shows beside loss and metrics
    compiled_inside = False  # whether another model's training compiled it, so that a file need not tell how
    warned_inside = False

    def __init__(self, seed=None, **kwargs):
        super().__init__(autocast=False, **kwargs)
        if seed is not None and not (hasattr(seed, "__index__") and 0 <= seed < 2**31):
            raise UserError(f"seed wants a whole number from 0 to 2**31 - 1, or None. Received: {seed}")
        self.seed = int(keras.random.randint((), 0, 2**31 - 1)) if seed is None else seed
        self.term_trackers = {name: keras.metrics.Mean(name=name) for name in TERMS}

    @property
    def policy_part(self):
        """The layer that chooses the places."""
        return getattr(self.cell, "location", self.cell)

    def call(self, inputs, training=False, sample=None, seed=None):
        inside = trained_by_another(self, training, seed)
        seed = seed_of_step(self) if inside else seed
        trajectory = self.rollout(inputs, training, sample, seed)
        if inside:
            teach_inside(self, inputs, trajectory)
        return trajectory

    def rollout(self, inputs, training, sample, seed):
        """The `Trajectory` of inputs; the arguments are those of a call."""
        raise NotImplementedError(f"{type(self).__name__} needs rollout(inputs, training, sample, seed), which returns a Trajectory.")

    def compute_output_spec(self, *args, **kwargs):
        """As Keras'; a `Sequential` is told what it can hold instead."""
        refuse_sequential(self)
        return super().compute_output_spec(*args, **kwargs)

    @classmethod
    def from_preset(cls, name, num_classes=None, class_names=None):
        """A model with the trained weights that ship with the package, or that you kept yourself.

        Args:
            name: a preset's name, such as "ram_digits" (`tf_glimpse.presets()` lists them), a folder that `save_to_preset` made, or the
                path of a `.keras` file.
            num_classes: of a new, untrained classifier, in place of the preset's; everything else keeps its weights.
            class_names: as many names, for the new classifier; numbers if None.

        Raises:
            UserError: no such preset, and the message lists those there are; a model of another class than this one; names without a number
                of classes.
        """
        model = from_preset(name)
        if not isinstance(model, cls):
            raise UserError(f"{name} holds a {type(model).__name__}, which is no {cls.__name__}; tf_glimpse.load_model opens any file.")
        if num_classes is None:
            if class_names is not None:
                raise UserError("class_names are for a new classifier; give num_classes too.")
            return model
        if not hasattr(model, "with_classes"):
            raise UserError(f"a {type(model).__name__} takes no new classifier; give one to the model inside it.")
        return model.with_classes(num_classes, class_names)

    def save_to_preset(self, folder, recipe=None, description=None, results=None, licence=None):
        """Keeps the model in a folder that `from_preset(folder)` and `tf-glimpse … --preset folder` read.

        The folder holds `model.keras` (without the optimiser), `preset.json` (what follows), and `README.md`, a card to fill in.

        Args:
            folder: a new or empty one.
            recipe: what it was trained by, a recipe of `tf_glimpse.training` or a dict such as the "recipe" in a run's `recipe.json`: it
                names the data that `tf-glimpse evaluate` then takes; None if there was none.
            description: the task, in a few words; the recipe's if None.
            results: a dict of figures, such as `{"error_percent": 2.75}`.
            licence: of the weights.

        Raises:
            UserError: a folder that holds something, a model that was not built.

        Example:
            >>> import tempfile
            >>> from tf_glimpse.models.ram import RAM
            >>> model, folder = RAM(num_classes=10, patch_size=8, num_glimpses=3), tempfile.mkdtemp()
            >>> model.build((None, 28, 28, 1))
            >>> model.save_to_preset(folder, description="handwritten digits")
            >>> RAM.from_preset(folder).num_glimpses
            3
        """
        save_preset(self, folder, recipe, description, results, licence)

    def compile(
        self,
        optimizer=None,
        loss=None,
        metrics=("accuracy",),
        *,
        rollouts=None,
        sample=None,
        reward=None,
        discount=None,
        reinforce_weight=None,
        baseline_weight=None,
        supervision_weight=None,
        anytime_weight=None,
        entropy_weight=None,
        look_ahead_weight=None,
        candidates=None,
        candidate_share=None,
        hindsight_weight=None,
        guidance_weight=None,
        jit_compile=False,
        **kwargs,
    ):
        """As `keras.Model.compile`, with the weights of the hybrid loss.

        With none of them given, the model learns by what learns best: from the deterministic rollout, with an answer after every look,
        and a policy taught by places tried beside it (`models.signals.TRIES`; REINFORCE for films and for cores such as an LSTM). With
        any of them given, the others stand as in Mnih et al. 2014: one sampled rollout, REINFORCE with a baseline, one answer at the end.
        A weight is a number, or a `keras.optimizers.schedules` schedule of the optimiser's step, to anneal that term.

        Args:
            optimizer: a Keras optimiser or its name; None takes `models.mean_weights.MeanAdamW`, at a rate of 2e-3 with a running mean of
                the weights, which learns fast and steadily.
            loss: a Keras loss on logits `[B, K]`; sparse categorical cross-entropy if None.
            metrics: Keras metrics on `(labels, logits [B, K])`.
            rollouts: sampled trajectories an image in each training step, at least 1.
            sample: whether training draws its places from the policy. False trains on the deterministic rollout, the one that is asked
                later; REINFORCE then has nothing to learn from, so that the policy needs `look_ahead_weight` or given actions.
            reward: a function `(trajectory, labels) -> [B, T]`, what each look earned; or what `tf_glimpse.losses.get_reward` takes:
                "final_correct", "final_probability", "entropy_shaped", or ("entropy_shaped", {"weight": 0.5}).
            discount: of later rewards, in [0, 1].
            reinforce_weight: weight of REINFORCE on the places drawn (0.1). It, look-ahead and given actions train the location network
                alone, not the states that the network reads.
            baseline_weight: weight of the baseline's squared error (1).
            supervision_weight: weight of the likelihood of given actions, on the rows that have them (1).
            entropy_weight: weight of a bonus on the policy's entropy, which keeps a categorical policy from settling too early.
            anytime_weight: weight of the mean cross-entropy after every look but the last.
            look_ahead_weight: weight of REINFORCE over places tried from the same state (`losses.look_ahead`), each rewarded by the right
                class's probability after that one look; it needs `anytime_weight` above zero, or early answers mean nothing.
            candidates: how many places it tries at each look, at least 2 (4).
            candidate_share: share of the batch's rows on which it tries them, in (0, 1] (1); fewer are faster.
            hindsight_weight: weight of the likelihood, under the policy after each look, of the place that turned out best
                (`losses.best_in_hindsight`) among the candidates and as many drawn anywhere. As much as the look there raised the right
                class's probability does the image count. It trains the states that the policy reads too,
                and needs `anytime_weight` above zero as well.
            guidance_weight: weight of the likelihood of a known place, where the object is, under the policy after each look of the model's
                own; it needs batches with "places" `[B, 2]`. It trains the states that the policy reads too.
            jit_compile: whether XLA compiles the training step: up to twice as fast on a CPU, but the first one takes from ten seconds to
                a minute, so that it pays from some hundred steps on. Evaluation and `predict` are not compiled.
            **kwargs: as for `keras.Model.compile`.

        Raises:
            UserError: a loss on probabilities, fewer than one rollout or two candidates, or a share outside of (0, 1].

        Warns:
            UserWarning: the policy cannot learn: it chooses no look, or nothing that teaches it has a weight.
        """
        self.compiled_inside = False
        own = {
            "rollouts": rollouts,
            "sample": sample,
            "reward": reward,
            "discount": discount,
            "reinforce_weight": reinforce_weight,
            "baseline_weight": baseline_weight,
            "supervision_weight": supervision_weight,
            "anytime_weight": anytime_weight,
            "entropy_weight": entropy_weight,
            "look_ahead_weight": look_ahead_weight,
            "candidates": candidates,
            "candidate_share": candidate_share,
            "hindsight_weight": hindsight_weight,
            "guidance_weight": guidance_weight,
        }
        own = {name: value for name, value in own.items() if value is not None}
        self.by_default = not own
        self.hybrid = {**signals.REINFORCE, **own} if own else dict(self.default_signal())
        self.hybrid["reward"] = losses.get_reward(self.hybrid["reward"])
        check_hybrid(self.hybrid)
        super().compile(MeanAdamW() if optimizer is None else optimizer, loss, metrics, jit_compile=jit_compile, **kwargs)

    def default_signal(self):
        """The loss weights of a `compile` that is given none; here REINFORCE, as a model need not be able to try places."""
        return signals.DRAWS

    def classify(self, images, batch_size=128, white_level=None):
        """What each image shows, by one deterministic rollout: names, probabilities, and where the model looked.

        (`predict` returns a `Trajectory` of everything that a rollout computes, for losses and metrics.)

        Args:
            images: an array `[N, H, W, C]`, uint8 0-255 or float 0-1, or one image `[H, W, C]`; a file's path (str or `pathlib.Path`), or a
                list of them, read as training reads files: turned upright, resized until they just cover the size that the model was
                built for, the centre cropped; or a dict with "images" and "actions", as for a call.
            batch_size: images at once; no more files than that are in memory. An answer does not depend on it.
            white_level: what is white in files of more than 8 bits, if the training was told so, as for `datasets.decode_image`.

        Returns:
            a `Classification`: `names`, `labels`, `probabilities` and `places`.

        Raises:
            UserError: no images, images that no model can take, a file that cannot be read (named), files for a model that was not built,
                scores that are NaN.

        Example:
            >>> import numpy as np
            >>> from tf_glimpse.models.ram import RAM
            >>> answer = RAM(num_classes=2, patch_size=8, num_glimpses=3, class_names=["cat", "dog"]).classify(np.zeros([4, 28, 28, 1]))
            >>> len(answer.names), answer.names[0] in ("cat", "dog"), answer.probabilities.shape, answer.places.shape
            (4, True, (4, 2), (4, 3, 2))
        """
        return classification(self, images, batch_size, self._answer, white_level)

    def _answer(self, inputs):
        """`(probabilities [B, K], places [B, T, 2])` of one batch, arrays."""
        trajectory = compiled(self)(inputs)
        return tf.nn.softmax(trajectory.logits[:, -1]).numpy(), trajectory.locations.numpy()

    def get_compile_config(self):
        config = None if self.compiled_inside else super().get_compile_config()
        return {**config, **keras.saving.serialize_keras_object(self.hybrid)} if config else config

    def train_step(self, data):
        inputs, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        self._settle(inputs)
        inputs, labels, weights = self._repeat((inputs, labels, weights))
        with tf.GradientTape() as tape:
            trajectory = self(inputs, training=True, sample=self.hybrid["sample"], seed=self._step_seed())
            terms, loss = self.loss_terms(inputs, labels, trajectory, weights)
            scaled = self.optimizer.scale_loss(loss)
        variables = self.trainable_variables
        if not variables:
            warnings.warn("The model does not have any trainable weights: nothing is learned.", stacklevel=2)
        sources = [variable.value for variable in variables]  # the tape makes no zeros for a Keras variable: its dtype is a string
        gradients, policy_gradient = tape.gradient(scaled, [sources, trajectory.policy], unconnected_gradients="zero")
        rows = tf.cast(tf.shape(policy_gradient)[0], tf.float32) / self.optimizer.scale_loss(1.0)  # before the step may change the scale
        if variables:
            self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        self._tell_broken_weights()
        terms["policy_gradient_variance"] = losses.policy_gradient_variance(policy_gradient * rows)
        return self._report(inputs, labels, trajectory, weights, loss, terms)

    def test_step(self, data):
        inputs, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        trajectory = self(inputs, training=False)
        loss = self.compute_loss(x=inputs, y=labels, y_pred=trajectory, sample_weight=weights, training=False)
        return self._report(inputs, labels, trajectory, weights, loss, self.test_terms(inputs, trajectory))

    def test_terms(self, inputs, trajectory):
        """What evaluation reports besides loss and metrics: scalars by name, each with its tracker in `term_trackers`; here none."""
        return {}

    def loss_terms(self, inputs, labels, trajectory, weights=None):
        """The named terms of the hybrid loss and their weighted sum, two scalars' worth of a step.

        Args:
            inputs: what the model was called with; rows whose actions were given earn no REINFORCE.
            labels: as for the compiled loss.
            trajectory: the `Trajectory` of that call.
            weights: `[B]` sample weights or None.

        Returns:
            `(terms, loss)`: a dict of scalars by name, and the loss to minimise.
        """
        hybrid, numbers = self.hybrid, losses.class_numbers(labels)
        rewards = self.rewards(trajectory, labels)
        returns = losses.returns_to_go(rewards, hybrid["discount"])
        given = tf.cast(has_actions(inputs, tf.shape(rewards)[0]), tf.float32)
        rows = {"baseline": (1 - given) * losses.baseline_error(trajectory.baselines, returns)}
        if hybrid["sample"]:
            rows["reinforce"] = (1 - given) * losses.reinforce(trajectory.log_probs, returns - trajectory.baselines)
        if hybrid["entropy_weight"]:
            rows["entropy"] = (given - 1) * tf.reduce_sum(trajectory.entropies, axis=1)
        if hybrid["anytime_weight"]:
            rows["anytime"] = losses.anytime_cross_entropy(trajectory.logits, numbers)
        if isinstance(inputs, dict):
            rows["supervision"] = given * losses.location_likelihood(trajectory.log_probs)
        terms = {name: _weighted_mean(row, weights) for name, row in rows.items()}
        if hybrid["guidance_weight"]:
            terms["guidance"] = self._guidance(inputs, trajectory, weights)
        if hybrid["look_ahead_weight"] or hybrid["hindsight_weight"]:
            terms |= self._tries(inputs, numbers, trajectory, weights)
        loss = self.compute_loss(x=inputs, y=labels, y_pred=trajectory, sample_weight=weights, training=True)
        loss_of_terms = sum(self._weight(name) * term for name, term in terms.items()) / replicas()
        terms["cross_entropy"] = loss * replicas()
        loss += loss_of_terms
        terms["reward"] = tf.reduce_mean(returns[:, 0])
        terms["policy_entropy"] = tf.reduce_mean(trajectory.entropies)
        return terms, loss

    def rewards(self, trajectory, labels):
        """What each look earned `[B, T]`, by the reward given to `compile`.

        Raises:
            UserError: a reward of another shape.
        """
        rewards = tf.cast(self.hybrid["reward"](trajectory, labels), tf.float32)
        looks = trajectory.logits.shape[1]
        if rewards.shape.rank != 2 or rewards.shape[1] not in (None, looks):
            wanted = f"a function (trajectory, labels) -> [B, T], what each of the {looks} looks earned"
            raise UserError(f"reward expects {wanted}. Received: shape {tuple(rewards.shape)}")
        return rewards

    def _guidance(self, inputs, trajectory, weights):
        """Minus the log-likelihood of the known place under the policy after each look, summed."""
        if not isinstance(inputs, dict) or inputs.get("places") is None:
            raise UserError("guidance_weight wants batches with places: train_batches(data, ..., places=True)")
        return _weighted_mean(losses.location_likelihood(self.place_log_probs(trajectory, inputs["places"])), weights)

    def _tries(self, inputs, numbers, trajectory, weights):
        """`losses_of_tries`, each a mean over the rows that tried."""
        images = tf.convert_to_tensor(inputs["images"] if isinstance(inputs, dict) else inputs)
        found = losses_of_tries(self, images, numbers, trajectory, _other(self._step_seed()))
        return {name: _weighted_mean(rows, None if weights is None else weights[: tf.shape(rows)[0]]) for name, rows in found.items()}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return super().compute_loss(x=x, y=y, y_pred=y_pred.logits[:, -1], sample_weight=sample_weight, training=training)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, y, y_pred.logits[:, -1], sample_weight=sample_weight)

    def _report(self, inputs, labels, trajectory, weights, loss, terms):
        rows = tf.shape(trajectory.logits)[0]
        self._loss_tracker.update_state(loss * replicas(), sample_weight=rows)
        for name, value in terms.items():
            self.term_trackers[name].update_state(value, sample_weight=rows)
        results = self.compute_metrics(inputs, labels, trajectory, weights)
        unused = set(self.term_trackers) - set(terms)
        return {name: value for name, value in results.items() if name not in unused}

    def _settle(self, inputs):
        """Takes the default loss weights of films where a film comes: no places are tried on its frames."""
        images = inputs["images"] if isinstance(inputs, dict) else inputs
        if self.by_default and len(images.shape) == 5:
            self.hybrid = dict(signals.DRAWS)

    def _repeat(self, batch):
        """Every row `rollouts` times: images, actions, labels and weights alike."""
        count = self.hybrid["rollouts"]
        if count == 1:
            return batch
        return tuple(tf.nest.map_structure(lambda tensor: tensor if tensor is None else tf.repeat(tensor, count, axis=0), batch))

    def _weight(self, name):
        weight = self.hybrid[f"{name}_weight"]
        return weight(self.optimizer.iterations) if callable(weight) else weight

    def _step_seed(self):
        """`[2]` int32, of this step and this replica, so that a resumed run draws what an unbroken one does."""
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        step = tf.cast(self.optimizer.iterations, tf.int32) * int(replicas()) + tf.cast(replica, tf.int32)
        return tf.stack([tf.constant(self.seed, tf.int32), step])

    def get_config(self):
        return {"name": self.name, "dtype": keras.saving.serialize_keras_object(self.dtype_policy), "seed": self.seed}


def check_inner(model):
    """Refuses what is no `AttentionModel`, in a model that adds to one."""
    if not isinstance(model, AttentionModel):
        raise UserError(f"model expects an AttentionModel, such as a trained RAM. Received: {model!r}")


def has_actions(inputs, batch):
    """Which of the `batch` rows `[B]` come with somebody else's actions."""
    if not isinstance(inputs, dict) or inputs.get("actions") is None:
        return tf.zeros([batch], tf.bool)
    given = inputs.get("has_actions")
    return tf.ones([batch], tf.bool) if given is None else tf.cast(given, tf.bool)


def _other(seed):
    """A seed for draws beside the rollout's own."""
    return tf.random.experimental.stateless_fold_in(seed, -1)


def _weighted_mean(rows, weights):
    return tf.reduce_mean(rows if weights is None else rows * tf.cast(tf.reshape(weights, [-1]), rows.dtype))
