"""Error on a split, from one deterministic rollout or from several sampled ones averaged."""

import numpy as np
import tensorflow as tf

from tf_glimpse.datasets import centre_actions, eval_batches, random_actions

# Who chooses the places: None is the model's own policy.
ACTIONS = {None: lambda num_glimpses: None, "random": random_actions, "centre": centre_actions}


def evaluate_model(model, source, *, rollouts=1, actions=None, seed=0, batch_size=500):
    """The share of a split that the model gets wrong.

    Args:
        model: an `AttentionModel`.
        source: an `ImageSource`.
        rollouts: 1 is the one deterministic rollout; more are drawn from the policy and their probabilities averaged.
        actions: an actions function of `tf_glimpse.datasets`, such as `random_actions(6)`, in place of the model's own policy.
        seed: of draws.
        batch_size: images at once; what is drawn for several rollouts depends on it, nothing else.

    Returns:
        a dict: "error_percent", "error_percent_by_glimpse" (after each look), "examples", "rollouts", "draw_seed", "num_glimpses",
        "patch_size", "num_scales", "image_shape", "num_classes", "parameters".
    """

    @tf.function(reduce_retracing=True)
    def probabilities(inputs, draw_seed):
        return tf.nn.softmax(model(inputs, sample=rollouts > 1, seed=draw_seed).logits)

    wrong = np.zeros(model.num_glimpses)
    for index, (inputs, labels) in enumerate(eval_batches(source, batch_size, actions, seed)):
        draws = [tf.constant([seed, index * rollouts + draw], tf.int32) for draw in range(rollouts)]
        mean = sum(probabilities(inputs, draw) for draw in draws) / rollouts
        wrong += (np.argmax(mean, axis=-1) != labels.numpy()[:, None]).sum(axis=0)
    errors = [round(100 * float(share), 4) for share in wrong / len(source)]
    return {
        "error_percent": errors[-1],
        "error_percent_by_glimpse": errors,
        "examples": len(source),
        "rollouts": rollouts,
        "draw_seed": seed,
        "num_glimpses": model.num_glimpses,
        "patch_size": model.patch_size,
        "num_scales": model.num_scales,
        "image_shape": list(model.image_shape),
        "num_classes": model.num_classes,
        "parameters": model.count_params(),
    }
