import numpy as np
import pytest

from tf_glimpse.datasets import checked_class_names
from tf_glimpse.models import RAM, Saccader
from tf_glimpse.types import UserError


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (["a", "b"], ["a", "b"]),
        (("a", "b"), ["a", "b"]),
        (np.array(["a", "b"]), ["a", "b"]),
        ([b"a", "caf\u00e9".encode()], ["a", "caf\u00e9"]),
        ([b"a", "caf\u00e9".encode("latin-1")], ["a", "caf\u00e9"]),
        (["a", "caf\udce9"], ["a", "caf\u00e9"]),  # a name of a folder that is no UTF-8, as Python gives it
        (["$_$", "\u732b"], ["$_$", "\u732b"]),
        (None, None),
    ],
)
def test_names_are_read(given, read):
    names = checked_class_names(given, 2)
    assert names == read
    assert names is None or all(type(name) is str for name in names)
    assert RAM(2, class_names=given, num_scales=1).class_names == read


@pytest.mark.parametrize(
    "make", [lambda names: RAM(2, class_names=names, num_scales=1), lambda names: Saccader(2, class_names=names)], ids=["RAM", "Saccader"]
)
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("ab", "class_names expects a list of 2 strings. Received: 'ab'"),
        (b"ab", "class_names expects a list of 2 strings. Received: b'ab'"),
        (7, "class_names expects a list of 2 strings. Received: 7"),
        ([0, 1], "class_names expects strings. Received: 0, a int"),
        (["a", None], "class_names expects strings. Received: None, a NoneType"),
        (["a", "a"], "class_names expects a different name for each class. Received more than once: a"),
        (["a", b"a"], "class_names expects a different name for each class"),
        (["a"], "class_names expects 2 names, one a class. Received: 1"),
        ([], "class_names expects 2 names, one a class. Received: 0"),
    ],
)
def test_names_that_are_none_are_refused_in_one_line(make, wrong, message):
    with pytest.raises(UserError, match=message) as refused:
        make(wrong)
    assert "\n" not in str(refused.value)
