import pytest
from policy_models import ram, saccader

from tf_glimpse.models.adaptive import AdaptiveModel
from tf_glimpse.policies import POLICIES, UNTRAINED, Centre, Frozen, Random, RandomCells, Sobel, check_policy_name, get_policy
from tf_glimpse.types import UserError


def test_names():
    assert list(POLICIES) == ["random", "centre", "constant", "frozen", "ordered_logits", "sobel_mean", "sobel_variance"]
    assert UNTRAINED == ("random", "centre")


def test_a_name_means_the_policy_of_the_model_s_kind():
    model, cells = ram(), saccader()
    assert get_policy(None, model) is None
    assert isinstance(get_policy("random", model), Random) and isinstance(get_policy("random", cells), RandomCells)
    assert isinstance(get_policy("random", AdaptiveModel(model)), Random)
    assert get_policy("centre", cells.with_glimpses(6)).num_glimpses == 6
    assert get_policy("sobel_variance", cells).statistic == "variance"
    assert isinstance(get_policy("sobel_mean", cells), Sobel) and isinstance(get_policy("centre", model), Centre)
    assert [get_policy(name, model).look for name in ("frozen", "frozen:3")] == [1, 3]
    assert isinstance(get_policy("frozen", cells), Frozen)


@pytest.mark.parametrize("name", ["best", "sobel_mean", "random:2", "frozen:", "frozen:two", "frozen:-1", ""])
def test_another_name_is_answered_with_those_of_the_model(name):
    with pytest.raises(UserError) as told:
        get_policy(name, ram())
    assert str(told.value) == f"policy expects, for RAM, one of random, centre, constant, frozen or frozen:K. Received: {name!r}"


def test_looks_that_the_model_lacks_are_refused():
    for name in ("frozen:0", "frozen:5"):
        with pytest.raises(UserError, match="from 1 to 4"):
            get_policy(name, ram())


def test_all_names_are_told_where_there_is_no_model():
    check_policy_name("sobel_mean")
    with pytest.raises(UserError, match=r"any model, one of random, .*, sobel_variance. Received: 'best'"):
        check_policy_name("best")
