"""keras-tuner's side: proposals that keep the budget, trials judged over all thresholds, a search that goes on after a kill."""

import contextlib
import dataclasses
import os
import pathlib
import time
import warnings

import keras
import keras_tuner
from keras_tuner.errors import FailedTrialError
from keras_tuner.oracles import BayesianOptimizationOracle, HyperbandOracle, RandomSearchOracle
from sklearn.exceptions import ConvergenceWarning
from tensorflow.python.framework.ops import gradient_registry  # there is no public way to it

from tf_glimpse.files import write_json, write_whole
from tf_glimpse.models.loading import load_model
from tf_glimpse.search.frontier import best_under, save_points
from tf_glimpse.search.space import least_flops
from tf_glimpse.search.trials import recipe_of, train_candidate, trial_points
from tf_glimpse.types import UserError

OBJECTIVE = "accuracy_under_budget"
MANY = 10**6  # keras-tuner gives a search up after three failed trials in a row; ours goes on
DRAWS = 300
AFFORDABLE_DRAWS = 8
ENOUGH = 0.5  # of the budget


class _WithinBudget:
    """An oracle that draws again where the cheapest that a candidate can do is over the budget, before it becomes a trial.

    Of some that keep the budget it takes the first that can use half of it, or else the one that can use most: the small ones, of which a
    space has many, would fill a search with trials that cannot win.
    """

    def __init__(self, affords, **kwargs):
        super().__init__(keras_tuner.Objective(OBJECTIVE, "max"), max_consecutive_failed_trials=MANY, **kwargs)
        self.affords = affords
        self.verbose = 0

    def _random_values(self):
        most, values_of_most, affordable = 0, None, 0
        for _ in range(DRAWS):
            values = super()._random_values()
            share = values is not None and self.affords(values)
            if share > most:
                most, values_of_most = share, values
            affordable += bool(share)
            if values is None or most >= ENOUGH or affordable == AFFORDABLE_DRAWS:
                break
        return values_of_most


class _Random(_WithinBudget, RandomSearchOracle):
    pass


class _Bayesian(_WithinBudget, BayesianOptimizationOracle):
    """Its Gaussian process knows no budget: what it proposes over it, or again, gives way to a random candidate."""

    def populate_space(self, trial_id):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # of the process on a handful of trials: it guesses all the same
            found = super().populate_space(trial_id)
        values = found["values"]
        fits = values is None or (self.affords(values) and not self._duplicate(values))
        return found if fits else self._random_populate_space()


class _Hyperband(_WithinBudget, HyperbandOracle):
    pass


ORACLES = ("bayesian", "hyperband", "random")


def make_oracle(name, affords, max_trials, epochs, seed):
    """keras-tuner's oracle of that name.

    Args:
        name: "bayesian" (random for its first few trials), "hyperband" (many short trials, the best of them trained on) or "random".
        affords: function of a candidate's values: 0 if it cannot keep the budget, else the share of it that it uses at its most; True
            and False for all and nothing.
        max_trials: most trials.
        epochs: of a whole trial.
        seed: of its draws.

    Raises:
        UserError: another name.
    """
    settings = {"affords": affords, "seed": seed + 1}  # keras-tuner takes 0 for none
    if name == "hyperband":
        oracle = _Hyperband(max_epochs=epochs, factor=2, hyperband_iterations=MANY, **settings)
        oracle.max_trials = max_trials
        return oracle
    if name == "bayesian":
        return _Bayesian(max_trials=max_trials, num_initial_points=max(3, max_trials // 3), **settings)
    if name == "random":
        return _Random(max_trials=max_trials, **settings)
    raise UserError(f"`oracle` expects one of {', '.join(ORACLES)}. Received: {name!r}")


class FrontierTuner(keras_tuner.Tuner):
    """Trains each trial's candidate, sweeps its threshold over the validation split, and keeps its points, recipe and weights.

    Args:
        space: a `Space`.
        oracle: from `make_oracle`.
        workdir: folder of the search; trials lie in `workdir/tuner`.
        budget_mflops: the objective is the highest validation accuracy that costs at most so much.
        epochs: of a whole trial; Hyperband's shorter ones count as parts of it.
        epoch_images: as for `recipe_of`.
        seed: of weights and data order.
        actions: as for `train_candidate`.
        teacher: how a recipe says the same, kept with every trial.
    """

    def __init__(self, space, oracle, workdir, budget_mflops, epochs, epoch_images, seed=0, actions=None, teacher=None):
        super().__init__(oracle, space, directory=str(workdir), project_name="tuner")
        self.budget_mflops = budget_mflops
        self.epochs = epochs
        self.epoch_images = epoch_images
        self.seed = seed
        self.actions, self.teacher = actions, teacher or {}
        if (pathlib.Path(self.project_dir) / "oracle.json").exists() and isinstance(self.oracle, keras_tuner.Oracle):
            self._take_up()

    def reload(self):
        """Nothing: keras-tuner calls it after a first finished trial only, and then repeats a worker's last one."""

    def _take_up(self):
        """Goes on where a search was ended."""
        try:
            self.oracle.reload()
        except (ValueError, RuntimeError) as error:  # a damaged file
            raise UserError(f"{self.project_dir} cannot be read ({error}); pass another folder, or restore it.") from error
        self.oracle._retry_queue = [name for name, trial in self.oracle.trials.items() if trial.status == "RUNNING"]

    def _populate_initial_space(self):
        """Declares the space whole, where keras-tuner would build models to find it."""
        hyperparameters = self.oracle.get_space()
        self.hypermodel.declare_hyperparameters(hyperparameters)
        self.oracle.update_space(hyperparameters)

    def run_trial(self, trial):
        with gradients_forgotten():
            return self._run(trial)

    def _run(self, trial):
        print(f"{self.tuner_id} begins trial {trial.trial_id} (process {os.getpid()})", flush=True)
        start, space, candidate = time.monotonic(), self.hypermodel, self.hypermodel.candidate(trial.hyperparameters)
        costs = space.costs(candidate)
        if (least := least_flops(costs) / 1e6) > self.budget_mflops:
            raise FailedTrialError(f"costs {least:.3f} MFLOP at least, over the budget of {self.budget_mflops}")
        keras.utils.clear_session()  # of the trial before
        keras.utils.set_random_seed(self.seed)
        model = space.model(candidate)
        self._train(trial, model, candidate)
        points = trial_points(model, space.data.validation, trial.trial_id, costs)
        self._keep(trial, model, candidate, points)
        best, seconds = best_under(points, self.budget_mflops), time.monotonic() - start
        print(f"trial {trial.trial_id}: {100 * best.accuracy:.2f} % at {best.mflops:.3f} MFLOP, {seconds:.0f} s", flush=True)
        return {OBJECTIVE: best.accuracy, "mflops": best.mflops, "seconds": seconds}

    def _train(self, trial, model, candidate):
        """Trains for the trial's epochs, from an earlier trial's weights on where Hyperband says so."""
        values = trial.hyperparameters.values
        if values.get("tuner/trial_id"):
            model.set_weights(load_model(self._file(values["tuner/trial_id"], "model.keras")).get_weights())
        epochs = values.get("tuner/epochs", self.epochs) - values.get("tuner/initial_epoch", 0)
        train_candidate(model, self.hypermodel.data, self._recipe(candidate, epochs), self.seed, self.actions)

    def _recipe(self, candidate, epochs):
        return dataclasses.replace(recipe_of(self.hypermodel, candidate, epochs, self.epoch_images), teacher=self.teacher)

    def _keep(self, trial, model, candidate, points):
        """Points, recipe and weights, in a model of its own, so that no optimiser is saved."""
        kept = self.hypermodel.model(candidate)
        kept.set_weights(model.get_weights())
        write_whole(self._file(trial.trial_id, "model.keras"), kept.save)
        recipe = self._recipe(candidate, trial.hyperparameters.values.get("tuner/epochs", self.epochs))
        write_json(self._file(trial.trial_id, "recipe.json"), {"recipe": dataclasses.asdict(recipe), "seed": self.seed})
        save_points(self._file(trial.trial_id, "points.json"), points)

    def _file(self, trial_id, name):
        return pathlib.Path(self.get_trial_dir(trial_id)) / name

    def on_trial_end(self, trial):
        if trial.status != "COMPLETED":
            reason = (trial.message or "").strip().splitlines()[-1:]
            print(f"trial {trial.trial_id} failed: {''.join(reason)}", flush=True)
        super().on_trial_end(trial)


@contextlib.contextmanager
def gradients_forgotten():
    """Takes the custom gradients that were traced inside out of TensorFlow's registry, which would keep their graphs for ever.

    Keras' optimisers register one in every training step that is traced, to sum gradients over replicas: 0.1 GB or more a trial.
    """
    before = set(gradient_registry.list())
    try:
        yield
    finally:
        for name in set(gradient_registry.list()) - before:
            if name.startswith("CustomGradient-"):
                del gradient_registry._registry[name]
