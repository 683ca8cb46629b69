"""The terms that `AttentionModel.compile(terms=[...])` knows by name, each a free function's weight in the loss."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tf_glimpse.losses.look_ahead import best_in_hindsight, look_ahead
from tf_glimpse.losses.policy_gradient import baseline_error, reinforce
from tf_glimpse.losses.rewards import get_reward, returns_to_go
from tf_glimpse.losses.supervision import location_likelihood
from tf_glimpse.losses.targets import Targets
from tf_glimpse.losses.term import Term, Weight, is_number
from tf_glimpse.types import UserError, whole_number

BASELINES = ("learned", "batch_mean", None)


@keras.saving.register_keras_serializable("tf_glimpse")
class Reinforce(Term):
    """REINFORCE on the places drawn from the policy; rows whose places somebody else gave teach nothing. It trains the location network
    alone, not the states that the network reads.

    Args:
        weight: as for `Term`.
        reward: what each look earned: "final_correct", "final_probability", "entropy_shaped", a pair of a name and its options, such as
            `("entropy_shaped", {"weight": 0.5})`, or a function `(trajectory, labels) -> [B, T]`.
        discount: of later rewards, in [0, 1].
        baseline: what is taken off the return: "learned", the model's baseline, which a `Baseline` term teaches; "batch_mean", the mean
            return of the batch, so that a batch of one row teaches nothing; None.

    Raises:
        UserError: an unknown reward or baseline, a discount out of range, a reward of another shape than `[B, T]`.

    Reference: Williams 1992; Mnih et al. 2014, equation 4.
    """

    name = "reinforce"
    reports = ("reward",)
    draws = teaches = True

    def __init__(
        self, weight: Weight = 0.1, reward: Any = "final_correct", discount: float = 1.0, baseline: str | None = "learned"
    ) -> None:
        super().__init__(weight)
        if not is_number(discount, 0, 1) or baseline not in BASELINES:
            expected = "a discount from 0 to 1, and as baseline 'learned', 'batch_mean' or None"
            raise UserError(f"Reinforce expects {expected}. Received: {discount=}, {baseline=}")
        self.reward, self.discount, self.baseline = get_reward(reward), discount, baseline

    def check(self, model: keras.Model, terms: Sequence[Term]) -> None:
        super().check(model, terms)
        if self.baseline == "learned" and not any(isinstance(term, Baseline) for term in terms):
            raise UserError("Reinforce with a learned baseline expects Baseline() beside it; or pass baseline='batch_mean', or None.")

    def __call__(self, step: Any) -> tf.Tensor:
        returns = advantages = self.returns(step)
        if self.baseline is not None:
            advantages = returns - (step.trajectory.baselines if self.baseline == "learned" else _batch_mean(step, returns))
        return (1 - step.given) * reinforce(step.trajectory.log_probs, advantages)

    def returns(self, step: Any) -> tf.Tensor:
        """The discounted sum of what each look and those after it earned `[B, T]`."""
        return step.once(self, lambda: self._returns(step))

    def _returns(self, step):
        rewards, looks = tf.cast(self.reward(step.trajectory, step.labels), tf.float32), step.trajectory.logits.shape[1]
        if rewards.shape.rank != 2 or rewards.shape[1] not in (None, looks):
            expected = f"a function (trajectory, labels) -> [B, T], what each of the {looks} looks earned"
            raise UserError(f"reward expects {expected}. Received: shape {tuple(rewards.shape)}")
        return returns_to_go(rewards, self.discount)

    def monitors(self, step: Any) -> dict[str, tf.Tensor]:
        return {"reward": tf.reduce_mean(self.returns(step)[:, 0])}

    def get_config(self):
        reward = keras.saving.serialize_keras_object(self.reward)
        return {**super().get_config(), "reward": reward, "discount": self.discount, "baseline": self.baseline}

    @classmethod
    def from_config(cls, config):
        return super().from_config({**config, "reward": keras.saving.deserialize_keras_object(config["reward"])})


@keras.saving.register_keras_serializable("tf_glimpse")
class Baseline(Term):
    """The squared error of the model's baseline against the return of the `Reinforce` beside it.

    Raises:
        UserError: no `Reinforce` beside it, a model without a baseline.

    Reference: Mnih et al. 2014, section 3.2 (variance reduction).
    """

    name = "baseline"

    def check(self, model: keras.Model, terms: Sequence[Term]) -> None:
        super().check(model, terms)
        if not any(isinstance(term, Reinforce) for term in terms):
            raise UserError("Baseline expects Reinforce() beside it, whose return it learns to foretell.")
        if not getattr(model, "has_baseline", False):
            raise UserError(f"this {type(model).__name__} has no baseline to teach; leave Baseline out, and pass Reinforce(baseline=None).")

    def __call__(self, step: Any) -> tf.Tensor:
        returns = step.term(Reinforce).returns(step)
        return (1 - step.given) * baseline_error(step.trajectory.baselines, returns)


@keras.saving.register_keras_serializable("tf_glimpse")
class Supervision(Term):
    """Minus the log-likelihood of the places that somebody else gave, on the rows that have them. It trains the location network alone."""

    name = "supervision"

    def __call__(self, step: Any) -> tf.Tensor | None:
        if not isinstance(step.inputs, dict) or step.inputs.get("actions") is None:
            return None
        return step.given * location_likelihood(step.trajectory.log_probs)


@keras.saving.register_keras_serializable("tf_glimpse")
class Anytime(Term):
    """What the answers after every look but the last cost, so that the model may be asked early."""

    name = "anytime"

    def __init__(self, weight: Weight = 0.5) -> None:
        super().__init__(weight)

    def __call__(self, step: Any) -> tf.Tensor:
        return step.task.early_errors(step.trajectory, step.labels)


@keras.saving.register_keras_serializable("tf_glimpse")
class Entropy(Term):
    """A bonus on the policy's entropy, which keeps a categorical policy from settling too early."""

    name = "entropy"

    def __init__(self, weight: Weight = 0.01) -> None:
        super().__init__(weight)

    def __call__(self, step: Any) -> tf.Tensor:
        return (step.given - 1) * tf.reduce_sum(step.trajectory.entropies, axis=1)


class Trying(Term):
    """A term that learns from places tried beside the model's own looks, each by one look from the same state.

    Args:
        weight: as for `Term`.
        candidates: how many places of the policy's are tried at each look, at least 2.
        share: of the batch's rows, the first, on which they are tried, in (0, 1]; fewer are faster.
    """

    needs: tuple[str, ...] = ("try_places",)
    teaches = True
    anywhere = False  # whether as many places drawn uniformly over the image are tried too

    def __init__(self, weight: Weight = 0.1, candidates: int = 4, share: float = 1.0) -> None:
        super().__init__(weight)
        self.candidates, self.share = whole_number("candidates", candidates, 2), share
        if not is_number(share, 0, 1) or not share:
            raise UserError(f"{type(self).__name__} expects a share in (0, 1]. Received: {share=}")

    def get_config(self):
        return {**super().get_config(), "candidates": self.candidates, "share": self.share}


@keras.saving.register_keras_serializable("tf_glimpse")
class LookAhead(Trying):
    """REINFORCE over places tried from the same state, each rewarded by the right answer's probability after that one look.

    It expects `Anytime` beside it, or early answers mean nothing. It trains the location network alone.
    """

    name = "look_ahead"

    def __call__(self, step: Any) -> tf.Tensor:
        tried = step.tries(self.candidates, self.share)
        return look_ahead(tried.log_probs, tried.right[..., : self.candidates])


@keras.saving.register_keras_serializable("tf_glimpse")
class Hindsight(Trying):
    """Minus the log-likelihood, under the policy after each look, of the place that turned out best, times what was gained there.

    It is the best of the places that the policy tried and of as many drawn anywhere. The model's own looks are not among them: a policy
    that learns from them what it does anyhow stops searching. It trains the states that the policy reads too, and expects `Anytime`
    beside it.
    """

    name = "hindsight"
    needs = ("try_places", "score_place")
    anywhere = True

    def __call__(self, step: Any) -> tf.Tensor:
        tried = step.tries(self.candidates, self.share)
        place, gain = best_in_hindsight(_flat(tried.places), _flat(tried.right - tried.before[:, :, None]))
        return gain * location_likelihood(step.model.score_place(tried.trajectory, place))


@keras.saving.register_keras_serializable("tf_glimpse")
class Guidance(Term):
    """Minus the log-likelihood of a known place, where the object is, under the policy after each look of the model's own.

    It needs batches with "places" `[B, 2]`, and trains the states that the policy reads too.
    """

    name = "guidance"
    needs = ("score_place",)
    teaches = True

    def __init__(self, weight: Weight = 0.1) -> None:
        super().__init__(weight)

    def __call__(self, step: Any) -> tf.Tensor:
        if not isinstance(step.inputs, dict) or step.inputs.get("places") is None:
            raise UserError("Guidance expects batches with places: train_batches(data, ..., places=True)")
        return location_likelihood(step.model.score_place(step.trajectory, step.inputs["places"]))


TERMS = {term.name: term for term in (Reinforce, Baseline, Supervision, Anytime, Entropy, LookAhead, Hindsight, Guidance, Targets)}
"""The terms that have a name."""

PAPER: dict[str, dict] = {"reinforce": {}, "baseline": {}, "supervision": {}}
"""Mnih et al. 2014: REINFORCE with a learned baseline, one answer at the end."""

TRIES: dict[str, dict] = {"anytime": {}, "look_ahead": {"share": 0.125}, "hindsight": {"share": 0.125}, "supervision": {}}
"""What learns best: an answer after every look, and places tried beside the rollout on an eighth of the rows."""

DRAWS: dict[str, dict] = {"reinforce": {"reward": "final_probability"}, "baseline": {}, "anytime": {}, "supervision": {}}
"""The same where no places can be tried."""


def draws(has_baseline: bool = True) -> dict:
    """`DRAWS`, without a learned baseline where the model has none."""
    if has_baseline:
        return DRAWS
    return {"reinforce": {**DRAWS["reinforce"], "baseline": "batch_mean"}, "anytime": {}, "supervision": {}}


def get_terms(given: Any) -> list[Term]:
    """A list of terms: as they were given, by name, by pairs of a name and its options, or all from a dict of options by name.

    Raises:
        UserError: an unknown name, options that a term does not take, two terms of one name.

    Example:
        >>> [(term.name, term.weight) for term in get_terms({"anytime": {"weight": 0.3}, "supervision": {}})]
        [('anytime', 0.3), ('supervision', 1.0)]
    """
    if isinstance(given, Term | str) or not hasattr(given, "__iter__"):
        raise UserError(f"terms expects a list of terms, such as [Reinforce(0.1), Baseline()]. Received: {given!r}")
    terms = [_term(each) for each in (given.items() if isinstance(given, dict) else given)]
    names = [term.name for term in terms]
    if len(set(names)) < len(names):
        raise UserError(f"terms expects each term once. Received: {', '.join(names)}")
    return terms


def _term(given):
    if isinstance(given, Term):
        return given
    name, options = given if isinstance(given, tuple | list) and len(given) == 2 else (given, {})
    if not isinstance(name, str) or name not in TERMS:
        raise UserError(f"terms expects {', '.join(TERMS)}, or objects such as Reinforce(0.1). Received: {given!r}")
    try:
        return TERMS[name](**options)
    except TypeError as error:
        raise UserError(f"the term {name} does not take these options: {options} ({error})") from error


def _batch_mean(step, returns):
    """The mean return of the rows that follow the policy, as a baseline `[B, T]`."""
    rows = 1.0 - step.given if step.weights is None else (1.0 - step.given) * step.weights
    mean = tf.math.divide_no_nan(tf.reduce_sum(rows * tf.reduce_mean(returns, axis=1)), tf.reduce_sum(rows))
    return tf.fill(tf.shape(returns), mean)


def _flat(values):
    """`[R, T, N, ...]` with the tries of all looks in one row."""
    return tf.reshape(values, [-1, values.shape[1] * values.shape[2], *values.shape[3:]])
