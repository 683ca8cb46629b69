"""The loss: free functions that read like the formula, which know no layer and no model, and the terms made of them."""

from tf_glimpse.losses.classification import CrossEntropy, anytime_cross_entropy
from tf_glimpse.losses.look_ahead import best_in_hindsight, look_ahead
from tf_glimpse.losses.places import cell_log_probs, hit_rate, unmasked_place_loss
from tf_glimpse.losses.policy_gradient import baseline_error, policy_gradient_variance, reinforce
from tf_glimpse.losses.rewards import (
    EntropyShaped,
    are_one_hot,
    class_numbers,
    entropy_drops,
    final_correct,
    final_probability,
    get_reward,
    returns_to_go,
)
from tf_glimpse.losses.supervision import location_likelihood
from tf_glimpse.losses.targets import Targets, place_monitors
from tf_glimpse.losses.term import Term
from tf_glimpse.losses.terms import (
    DRAWS,
    PAPER,
    TERMS,
    TRIES,
    Anytime,
    Baseline,
    Entropy,
    Guidance,
    Hindsight,
    LookAhead,
    Reinforce,
    Supervision,
    draws,
    get_terms,
)

__all__ = [
    "DRAWS",
    "PAPER",
    "TERMS",
    "TRIES",
    "Anytime",
    "Baseline",
    "CrossEntropy",
    "Entropy",
    "EntropyShaped",
    "Guidance",
    "Hindsight",
    "LookAhead",
    "Reinforce",
    "Supervision",
    "Targets",
    "Term",
    "anytime_cross_entropy",
    "are_one_hot",
    "baseline_error",
    "best_in_hindsight",
    "cell_log_probs",
    "class_numbers",
    "draws",
    "entropy_drops",
    "final_correct",
    "final_probability",
    "get_reward",
    "get_terms",
    "hit_rate",
    "location_likelihood",
    "look_ahead",
    "place_monitors",
    "policy_gradient_variance",
    "reinforce",
    "returns_to_go",
    "unmasked_place_loss",
]
