"""Error on a split, from one deterministic rollout or from several sampled ones averaged."""

import functools

import keras
import numpy as np
import tensorflow as tf

from tf_glimpse.datasets import centre_actions, random_actions
from tf_glimpse.models.rollouts import split_rollouts
from tf_glimpse.ops.coverage import seen_pixels
from tf_glimpse.training import workdirs

# Who chooses the places: None is the model's own policy.
ACTIONS = {None: lambda num_glimpses: None, "random": random_actions, "centre": centre_actions}


def evaluate_model(model, source, *, rollouts=1, actions=None, places=None, seed=0, batch_size=None):
    """The share of a split that the model gets wrong.

    Args:
        model: an `AttentionModel`.
        source: an `ImageSource`.
        rollouts: 1 is the one deterministic rollout; more are drawn from the policy and their probabilities averaged.
        actions: an actions function of `tf_glimpse.datasets`, such as `random_actions(6)`, in place of the model's own policy.
        places: a function of images of `tf_glimpse.models.actions`, such as `policy_actions(model, "sobel_mean")`; likewise.
        seed: of draws.
        batch_size: images at once, as for `eval_batches`; what is drawn for several rollouts depends on it, nothing else.

    Returns:
        a dict: "error_percent", "error_percent_by_glimpse" (after each look), "examples", "rollouts", "draw_seed", "num_glimpses",
        "patch_size", "num_scales", "image_shape", "num_classes", "parameters". For a model with a `bagnet` also "full_image_error_percent"
        (the BagNet's own, on the whole image) and "coverage_percent_by_glimpse" (mean share of the image seen after each look).
    """
    wrong, on_fields = np.zeros(model.num_glimpses), _OnFields(model) if hasattr(model, "bagnet") else None
    for inputs, labels, trajectories in split_rollouts(model, source, rollouts, seed, actions, places, batch_size):
        mean = sum(tf.nn.softmax(trajectory.logits) for trajectory in trajectories) / rollouts
        wrong += (np.argmax(mean, axis=-1) != labels.numpy()[:, None]).sum(axis=0)
        if on_fields:
            on_fields.add(inputs, labels, trajectories[0].locations)
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
        **(on_fields.results(len(source)) if on_fields else {}),
    }


def judge(model, recipe, data, seed, workdir, found):
    """Evaluates a trained model on the test split, or the nearest to one that the data has, and writes the run's `results.json`.

    Args:
        model: an `AttentionModel`.
        recipe: the `Recipe` or `StagedRecipe` that trained it; a control's places are its `actions`.
        data: as `load_data` of the recipe.
        seed: the run's.
        workdir: the run's folder.
        found: a dict of what training found, such as "best_epoch".

    Returns:
        the results.
    """
    split = next(split for split in ("test", "validation", "train") if getattr(data, split) is not None)
    test = evaluate_model(model, getattr(data, split), actions=ACTIONS[recipe.actions](model.num_glimpses))
    told = {"recipe": recipe.name, "data": recipe.data, "seed": seed, "split": split}
    told |= {"start": recipe.start["source"]} if recipe.start else {}
    results = {**told, **test, **found, "versions": {"tensorflow": tf.__version__, "keras": keras.__version__}}
    workdirs.write_json(workdir / "results.json", results)
    return results


def evaluate_stopping(model, source, threshold, batch_size=250):
    """The share of a split that a model gets wrong which stops by its threshold, and how often it looks.

    Args:
        model: an `AdaptiveModel`.
        source: an `ImageSource`.
        threshold: as for `AdaptiveModel.predict_adaptive`.
        batch_size: images at once.

    Returns:
        a dict: "threshold", "adaptive_error_percent", "mean_glimpses".
    """
    wrong, looks = 0, 0
    for start in range(0, len(source), batch_size):
        rows = np.arange(start, min(start + batch_size, len(source)))
        answers = model.predict_adaptive(source.fetch(rows).numpy(), threshold, batch_size=batch_size)
        wrong += int(np.sum(np.argmax(answers.logits, axis=-1) != source.labels[rows]))
        looks += int(answers.num_glimpses.sum())
    error, mean = round(100 * wrong / len(source), 4), round(looks / len(source), 4)
    return {"threshold": threshold, "adaptive_error_percent": error, "mean_glimpses": mean}


@functools.lru_cache(maxsize=1)
def _whole_image(bagnet):
    return tf.function(bagnet, reduce_retracing=True, autograph=False)


class _OnFields:
    """Counts how much of the images a model with a `bagnet` saw, and how often its BagNet is wrong about whole ones."""

    def __init__(self, model):
        self.model = model
        self.wrong, self.coverage = 0, np.zeros(model.num_glimpses)

    def add(self, inputs, labels, locations):
        images = inputs["images"] if isinstance(inputs, dict) else inputs
        self.wrong += int(np.sum(np.argmax(_whole_image(self.model.bagnet)(images), axis=-1) != labels.numpy()))
        for look in range(len(self.coverage)):
            seen = seen_pixels(locations[:, : look + 1], images.shape[1:3], self.model.patch_size)
            self.coverage[look] += float(tf.reduce_sum(tf.reduce_mean(tf.cast(seen, tf.float32), axis=[1, 2])))

    def results(self, count):
        percents = [round(100 * float(share), 3) for share in self.coverage / count]
        return {"full_image_error_percent": round(100 * self.wrong / count, 4), "coverage_percent_by_glimpse": percents}
