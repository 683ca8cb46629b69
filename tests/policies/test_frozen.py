import numpy as np
import pytest
from policy_models import IMAGES, ram, saccader

from tf_glimpse.policies import Frozen
from tf_glimpse.types import UserError


def frozen_places(model, look):
    return Frozen(model, look)(IMAGES, np.arange(len(IMAGES)), (0, 0)).numpy()


@pytest.mark.parametrize("make", [ram, saccader, lambda: ram("centre")])
def test_its_own_places_and_then_the_same_one(make):
    model = make()
    own = model(IMAGES)
    for look in (1, 2, 4):
        places = frozen_places(model, look)
        np.testing.assert_allclose(places[:, :look], own.locations[:, :look], atol=1e-6)
        np.testing.assert_array_equal(places[:, look:], np.repeat(places[:, look - 1 : look], 4 - look, axis=1))
        given = model({"images": IMAGES, "actions": places})
        np.testing.assert_allclose(given.logits[:, :look], own.logits[:, :look], rtol=1e-4, atol=1e-5)


def test_a_raw_action_beyond_the_image_becomes_where_the_model_looked():
    model = ram()
    model.cell.location.distribution = lambda parameters, whole=model.cell.location.distribution: whole(3 * parameters)
    own = model(IMAGES)
    assert np.abs(own.actions).max() > 1
    assert np.abs(frozen_places(model, 3)).max() <= 1


@pytest.mark.parametrize("look", [0, 5, 1.5, "2"])
def test_other_looks_are_refused(look):
    with pytest.raises(UserError, match="from 1 to 4 for this model"):
        Frozen(ram(), look)
