"""Draws what a preset of the Saccader looked at in the first photos of each class of its test set.

python -m benchmarks.saccader.picture PRESET [--manual-dir ../shared/data]
"""

import argparse

import tf_glimpse  # noqa: F401  first: it keeps TensorFlow's log quiet

# isort: split
import numpy as np

import benchmarks.common.mistakes  # noqa: F401  tells them in one line
from benchmarks.common.folders import PICTURES
from benchmarks.saccader.staged_runs import staged
from tf_glimpse.explain.saccader import draw_saccades
from tf_glimpse.training.finished import load_run_data, open_finished


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("preset")
    parser.add_argument("--manual-dir", default="../shared/data")
    options = parser.parse_args()
    finished = open_finished(preset=options.preset)
    staged(finished.recipe)
    source = load_run_data(finished, manual_dir=options.manual_dir).test
    chosen = np.array([np.flatnonzero(source.labels == label)[0] for label in np.unique(source.labels)])
    images = source.fetch(chosen).numpy()
    figure = draw_saccades(images, finished.model(images), finished.model, source.labels[chosen])
    figure.savefig(PICTURES / f"{options.preset}_looks.png")


if __name__ == "__main__":
    main()
