"""How a policy is taught: the two sets of loss weights that `AttentionModel.compile` begins with."""

import warnings

from tf_glimpse import losses

# Mnih et al. 2014: places drawn from the policy, REINFORCE with a learned baseline, an answer after the last look.
REINFORCE = {
    "rollouts": 1,
    "sample": True,
    "reward": losses.final_correct,
    "discount": 1.0,
    "reinforce_weight": 0.1,
    "baseline_weight": 1.0,
    "supervision_weight": 1.0,
    "anytime_weight": 0.0,
    "entropy_weight": 0.0,
    "look_ahead_weight": 0.0,
    "candidates": 4,
    "candidate_share": 1.0,
    "hindsight_weight": 0.0,
    "guidance_weight": 0.0,
}

# What learns best: the rollout that is asked later, an answer after every look, and places tried beside it on an eighth of the rows.
TRIES = {
    **REINFORCE,
    "sample": False,
    "anytime_weight": 0.5,
    "look_ahead_weight": 0.1,
    "hindsight_weight": 0.1,
    "candidate_share": 0.125,
}

# The same where no places can be tried: films, and cores whose state is more than their output, such as an LSTM.
DRAWS = {**REINFORCE, "anytime_weight": 0.5, "reward": losses.final_probability}


def warn_of_idle_policy(hybrid, chooses):
    """Warns where a policy will learn nothing: it chooses no look, or only given actions could teach it.

    Args:
        hybrid: a dict as `REINFORCE`.
        chooses: whether the policy chooses the place of at least one look.

    Warns:
        UserWarning: what is missing, and what to pass.
    """
    teachers = ("look_ahead_weight", "hindsight_weight", "guidance_weight", *(("reinforce_weight",) if hybrid["sample"] else ()))
    if not chooses:
        advice = "pass num_glimpses of at least 2, or first_location='learned'"
        warnings.warn(f"the model looks once, at a place that no policy chooses, and never learns where to look; {advice}.", stacklevel=3)
    elif hybrid["supervision_weight"] and not any(hybrid[name] for name in teachers):
        advice = "pass sample=True, look_ahead_weight or hindsight_weight, or nothing at all for the default"
        warnings.warn(f"the policy learns from given actions alone: no other weight teaches it where to look; {advice}.", stacklevel=3)
