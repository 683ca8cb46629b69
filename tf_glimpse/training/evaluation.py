"""Error on a split, from one deterministic rollout or from several sampled ones averaged."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np
import sklearn.metrics
import tensorflow as tf

from tf_glimpse.models.rollouts import split_rollouts
from tf_glimpse.ops.coverage import seen_pixels
from tf_glimpse.policies import get_policy
from tf_glimpse.training import workdirs

if TYPE_CHECKING:
    from tf_glimpse.datasets.sources import ImageSource
    from tf_glimpse.models.attention_model import AttentionModel


class Answers(NamedTuple):
    """What a model says about each image of a split.

    Attributes:
        labels: int `[N]`, the truth.
        classes: int `[N]`, the likeliest class after the last look.
        probabilities: float `[N]`, of that class.
    """

    labels: np.ndarray
    classes: np.ndarray
    probabilities: np.ndarray


def evaluate_model(model: AttentionModel, source: ImageSource, **how: Any) -> float:
    """The share of a split that the model gets wrong: the first of what `judge_answers` returns, which takes the same arguments."""
    return judge_answers(model, source, **how)[0]


def judge_answers(model, source, *, rollouts=1, policy=None, seed=0, batch_size=None):
    """The share of a split that the model gets wrong, and each of its answers.

    Args:
        model: an `AttentionModel`.
        source: an `ImageSource`.
        rollouts: 1 is the one deterministic rollout; more are drawn from the policy and their probabilities averaged.
        policy: who chooses the places: a policy of `tf_glimpse.policies`, such as `get_policy("random", model)`, or a function of your own,
            (images, indices, seed) -> places; None for the model's own.
        seed: of draws.
        batch_size: images at once, as for `eval_batches`; what is drawn for several rollouts depends on it, nothing else.

    Returns:
        `(results, answers)`: a dict and the `Answers`. The dict has "error_percent", "error_percent_by_glimpse" (after each look),
        "examples", "rollouts", "draw_seed", "num_glimpses", "patch_size", "num_scales", "image_shape", "num_classes", "parameters". For a
        model with a `bagnet` also "full_image_error_percent" (the BagNet's own, on the whole image) and "coverage_percent_by_glimpse" (mean
        share of the image seen after each look).
    """
    last = []
    wrong, of_bagnet = np.zeros(model.num_glimpses), _BagNetMeasures(model) if model.cells else None
    for inputs, labels, trajectories in split_rollouts(model, source, rollouts, seed, policy, batch_size):
        mean = sum(tf.nn.softmax(trajectory.logits) for trajectory in trajectories) / rollouts
        wrong += (np.argmax(mean, axis=-1) != labels.numpy()[:, None]).sum(axis=0)
        last.append((np.argmax(mean[:, -1], axis=-1), np.max(mean[:, -1], axis=-1)))
        if of_bagnet:
            of_bagnet.add(inputs, labels, trajectories[0].locations)
    errors = [round(100 * float(share), 4) for share in wrong / len(source)]
    answers = Answers(source.labels, *(np.concatenate(parts) for parts in zip(*last, strict=True)))
    results = {
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
        **(of_bagnet.results(len(source)) if of_bagnet else {}),
    }
    return results, answers


def by_class(answers, class_names):
    """Which classes are taken for which.

    Args:
        answers: `Answers`.
        class_names: K names, by label.

    Returns:
        a dict: "confusion", K rows (the truth) of K numbers of images (by what was answered), and "by_class", for each class a dict of
        its "class", "images", "precision_percent" (how many of the images said to be of it are, None if none was said to be) and
        "recall_percent" (how many of its images were said to be, None if there are none).

    Example:
        >>> answers = Answers(np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([0.9, 0.6, 0.8]))
        >>> by_class(answers, ["cat", "dog"])["confusion"]
        [[1, 1], [0, 1]]
        >>> by_class(answers, ["cat", "dog"])["by_class"][1]
        {'class': 'dog', 'images': 1, 'precision_percent': 50.0, 'recall_percent': 100.0}
    """
    numbers, truth = range(len(class_names)), answers.labels
    precision, recall, _, images = sklearn.metrics.precision_recall_fscore_support(
        truth, answers.classes, labels=numbers, zero_division=np.nan
    )
    rows = zip(class_names, images, precision, recall, strict=True)
    names = ("class", "images", "precision_percent", "recall_percent")
    counts = sklearn.metrics.confusion_matrix(truth, answers.classes, labels=numbers)
    classes = [dict(zip(names, (name, int(count), _percent(right), _percent(found)), strict=True)) for name, count, right, found in rows]
    return {"confusion": counts.tolist(), "by_class": classes}


def worst_mistakes(answers, count):
    """Positions int `[n]` of at most `count` wrong answers, those that the model was surest of first."""
    wrong = np.flatnonzero(answers.classes != answers.labels)
    return wrong[np.argsort(-answers.probabilities[wrong], kind="stable")][:count]


def _percent(share):
    return None if np.isnan(share) else round(100 * float(share), 4)


def evaluate_run(model, recipe, data, seed, workdir, found):
    """Evaluates a trained model on the test split, or the nearest to one that the data has, and writes the run's `results.json`.

    Args:
        model: an `AttentionModel`.
        recipe: the `Recipe` or `StagedRecipe` that trained it; `actions` names a control's policy.
        data: as `load_recipe_data` of the recipe.
        seed: the run's.
        workdir: the run's folder.
        found: a dict of what training found, such as "best_epoch".

    Returns:
        the results.
    """
    split = next(split for split in ("test", "validation", "train") if getattr(data, split) is not None)
    test = evaluate_model(model, getattr(data, split), policy=get_policy(recipe.actions, model))
    about = {"recipe": recipe.name, "data": recipe.data, "seed": seed, "split": split}
    about |= {"start": recipe.start["source"]} if recipe.start else {}
    results = {**about, **test, **found, "versions": {"tensorflow": tf.__version__, "keras": keras.__version__}}
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


class _BagNetMeasures:
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
