"""A model of which nothing learns: fit warns and goes on, as Keras' own models do."""

import numpy as np
import pytest
from tiny_model import IMAGES, LABELS, make_model

from tf_glimpse import AdaptiveModel, BagNet, Saccader

PHOTOS = np.random.default_rng(0).random([12, 20, 20, 1]).astype("float32")
SMALL = {"wide_blocks": (1, 0, 0, 0), "blocks": (1, 1, 1, 1), "width": 0.1}


def bagnet():
    return BagNet(3, **SMALL), PHOTOS


def saccader():
    return Saccader(3, SMALL, num_glimpses=1, mixed_channels=8), PHOTOS


@pytest.mark.parametrize(
    "make", [lambda: (make_model(), IMAGES), lambda: (AdaptiveModel(make_model()), IMAGES), bagnet, saccader], ids=range(4)
)
def test_fit_with_everything_frozen_warns_and_goes_on(make):
    model, images = make()
    model.build((None, *images.shape[1:]))
    model.trainable = False
    if isinstance(model, AdaptiveModel):
        model.stopping.trainable = False
    model.compile()
    before = model.get_weights()
    with pytest.warns(UserWarning, match="does not have any trainable weights"):
        history = model.fit(images, LABELS, batch_size=6, epochs=2, verbose=0).history
    assert len(history["loss"]) == 2
    assert np.all(np.isfinite(history["loss"]))
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_what_is_not_frozen_still_learns():
    model = make_model()
    model.cell.trainable = False
    model.compile("adam")
    before = {variable.path: variable.numpy() for variable in model.variables}
    model.fit(IMAGES, LABELS, verbose=0)
    moved = {variable.path for variable in model.trainable_variables if np.any(variable.numpy() != before[variable.path])}
    assert {path.split("/")[-2] for path in moved} == {"classifier"}
