import dataclasses
import re

import keras
import numpy as np
import tensorflow as tf

from tf_glimpse.training import get_recipe, train_and_evaluate
from tf_glimpse.training.callbacks import Checkpoint
from tf_glimpse.training.fitting import XLA_STEPS, compiles, fit_epochs
from tf_glimpse.training.progress import ending

TINY = dataclasses.replace(get_recipe("testing"), epochs=3, patience=1, learning_rate=1e-9)


def fit(verbose, capsys, **options):
    """Two epochs, the second and the third, of a small network; of its two metrics one is a term that a line leaves out."""
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae", "mape"], run_eagerly=True)
    model.reported = ("mape",)
    batches = tf.data.Dataset.from_tensor_slices((np.ones([16, 2]), np.ones([16, 1]))).batch(2)
    fit_epochs(model, batches, batches, 3, 1, [], verbose, **options)
    return capsys.readouterr()


def test_a_line_an_epoch_and_a_bar_over_the_whole_run_where_there_is_a_terminal(capsys):
    lines, bar = fit(2, capsys)
    resumed, *epochs = lines.splitlines()
    assert resumed == "Resuming after epoch 1 of 3."
    shown = r"loss [\d.e-]+, mae [\d.e-]+; validation: loss [\d.e-]+, mae [\d.e-]+  \([\d.]+ s\)"
    assert [bool(re.fullmatch(f"epoch {number} of 3: {shown}", line)) for number, line in zip((2, 3), epochs, strict=True)] == [True, True]
    assert bar == ""
    assert fit(None, capsys).err == ""  # no terminal here
    lines, bar = fit(1, capsys)
    assert len(lines.splitlines()) == 3
    assert "epoch 2 of 3  33 %|" in bar
    assert "left" in bar
    assert "mape" in fit(2, capsys, all_terms=True).out
    assert fit(0, capsys) == ("", "")


def test_the_end_says_why_it_came_what_was_best_and_what_is_kept(tmp_path):
    progress = Checkpoint(tmp_path, patience=2)
    progress.history = [{"val_accuracy": value, "seconds": 1.0} for value in (0.5, 0.75, 0.7, 0.7)]
    assert ending(progress, 60) == (
        "Stopped after epoch 4: no better validation accuracy for 2 epochs; best was epoch 2 (accuracy 0.75), whose weights are kept."
    )
    assert ending(progress, 4) == "Trained 4 epochs: by validation the best was epoch 2 (accuracy 0.75), whose weights are kept."
    hits = Checkpoint(tmp_path, "val_hit_rate", patience=1)
    hits.history = [{"val_hit_rate": value, "seconds": 1.0} for value in (0.5, 0.25)]
    assert "no better validation hit rate for 1 epoch; best was epoch 1 (hit rate 0.5)" in ending(hits, 60)
    progress.history = [{"accuracy": 0.5, "seconds": 1.0}]
    assert ending(progress, 1) == "Trained 1 epoch; there is no validation split, so the last epoch is kept."


def test_a_run_that_stops_early_says_so_and_records_how_it_was_compiled(tmp_path, capsys):
    recipe = dataclasses.replace(TINY, jit_compile=True)  # so few steps do without XLA all the same
    results = train_and_evaluate(recipe, tmp_path / "run", verbose=2)
    said = capsys.readouterr().out
    assert "Stopped after epoch 2: no better validation accuracy for 1 epoch; best was epoch 1" in said
    assert "Compiling" not in said
    assert results["jit_compile"] is False


def test_xla_is_for_runs_that_are_long_enough_and_whose_recipe_lets_it():
    recipe = dataclasses.replace(TINY, jit_compile=True)
    assert [compiles(recipe, steps) for steps in (1, XLA_STEPS - 1, XLA_STEPS)] == [False, False, True]
    assert not compiles(TINY, 10**6)


def test_a_run_of_several_models_is_not_blamed_for_tracing_each(caplog):
    batches = tf.data.Dataset.from_tensor_slices((np.ones([4, 2]), np.ones([4, 1]))).batch(2)
    logger = tf.get_logger()
    logger.addHandler(caplog.handler)
    try:
        for _ in range(6):
            model = keras.Sequential([keras.layers.Dense(1)])
            model.compile("sgd", "mse")
            fit_epochs(model, batches, None, 1, 0, [], 0)
        assert "retracing" not in caplog.text
        logger.warning("anything else")
        assert "anything else" in caplog.text
    finally:
        logger.removeHandler(caplog.handler)
