"""Teaching by stored sequences: which rows of a batch show which images, and where they look."""

import numpy as np
import pytest

from tf_glimpse.datasets import Supervision, one_against_rest, train_batches
from tf_glimpse.policies import Stored
from tf_glimpse.types import UserError

INDEX = np.array([3, 10, 41])
PLACES = np.linspace(-0.9, 0.9, 12).reshape(3, 2, 2).astype("float32")


def taught(data, **options):
    given = Supervision(Stored(INDEX, PLACES), among=INDEX, **options)
    return [(inputs, labels.numpy()) for inputs, labels in train_batches(data, 10, seed=0, epochs=20, actions=given)]


def test_taught_rows_show_images_with_sequences_and_look_there(numbered_data):
    batches = taught(numbered_data, share=0.5)
    for inputs, labels in batches:
        rows = inputs["has_actions"].numpy()
        assert set(labels[rows]) <= set(INDEX)
        np.testing.assert_array_equal(inputs["images"][:, 0, 0, 0], labels)
        np.testing.assert_allclose(inputs["actions"][rows], PLACES[np.searchsorted(INDEX, labels[rows])])
    shares = [inputs["has_actions"].numpy().mean() for inputs, _ in batches]
    assert abs(np.mean(shares) - 0.5) < 0.05
    seen = np.concatenate([labels[inputs["has_actions"].numpy()] for inputs, labels in batches])
    assert np.bincount(seen, minlength=50)[INDEX].min() > 0.25 * len(seen)


def test_the_other_rows_are_those_of_an_untaught_run(numbered_data):
    plain = list(train_batches(numbered_data, 10, seed=0, epochs=20))
    for (inputs, labels), (images, untaught) in zip(taught(numbered_data, share=0.5), plain, strict=True):
        free = ~inputs["has_actions"].numpy()
        np.testing.assert_array_equal(labels[free], untaught.numpy()[free])
        np.testing.assert_array_equal(inputs["images"].numpy()[free], images.numpy()[free])


def test_the_share_falls_to_zero(numbered_data):
    batches = taught(numbered_data, share=1.0, until=0.5)
    shares = [inputs["has_actions"].numpy().mean() for inputs, _ in batches]
    assert np.mean(shares[:10]) > 0.8
    assert max(shares[50:]) == 0


def test_one_class_against_the_rest(numbered_data):
    task = one_against_rest(numbered_data, 7)
    assert task.train.labels.tolist() == [int(number == 7) for number in range(50)]
    assert (task.num_classes, task.class_names) == (2, ["rest", "7"])
    np.testing.assert_array_equal(task.train.fetch([7]), numbered_data.train.fetch([7]))
    with pytest.raises(UserError, match="from 0 to 49"):
        one_against_rest(numbered_data, 50)
