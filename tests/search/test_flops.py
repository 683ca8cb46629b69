"""Counted operations against sums by hand, one layer of each kind, and whole models against their parts."""

import keras
import pytest
import tensorflow as tf

from tf_glimpse.layers import CategoricalLocation, ConvGlimpseEncoder, GaussianLocation, GlimpseEncoder, RectifiedCore, Retina
from tf_glimpse.layers.saccader_cell import SaccaderCell
from tf_glimpse.layers.stopping import StoppingHead
from tf_glimpse.models import RAM, AdaptiveModel
from tf_glimpse.models.ram import PAPER_LAYERS
from tf_glimpse.ops.patches import box_means
from tf_glimpse.search.flops import count_flops, look_costs, model_flops
from tf_glimpse.types import UserError


def dense(inputs, outputs):
    return 2 * inputs * outputs + outputs


def built(layer, *shapes):
    layer(*(tf.zeros([1, *shape]) for shape in shapes))
    return layer


KINDS = {
    "dense": (lambda: keras.layers.Dense(4), [(8,)], dense(8, 4)),
    "convolution": (lambda: keras.layers.Conv2D(5, 3), [(6, 6, 2)], 4 * 4 * dense(9 * 2, 5)),
    "batch norm": (
        lambda: keras.Sequential([keras.layers.Conv2D(5, 3, use_bias=False), keras.layers.BatchNormalization(), keras.layers.ReLU()]),
        [(6, 6, 2)],
        4 * 4 * dense(9 * 2, 5),
    ),
    "depthwise": (lambda: keras.layers.DepthwiseConv2D(3, padding="same", use_bias=False), [(6, 6, 2)], 6 * 6 * 2 * 9 * 2),
    "max pooling": (lambda: keras.layers.MaxPooling2D(2), [(6, 6, 2)], 3 * 3 * 2 * 4),
    "dense encoder": (lambda: GlimpseEncoder(6, 3, 5), [(4, 4, 2), (2,)], dense(32, 6) + dense(2, 3) + dense(9, 5)),
    # the second pool takes the largest of four: three comparisons
    "convolutional encoder": (
        lambda: ConvGlimpseEncoder((4, 3), (1, 2), 2, 5),
        [(8, 8, 1), (2,)],
        36 * dense(9, 4) + 16 * dense(36, 3) + 3 * 4 * 3 + dense(12, 5) + dense(2, 2) + dense(7, 5),
    ),
    "gaussian": (lambda: GaussianLocation(hidden_units=6), [(7,)], dense(7, 6) + dense(6, 2)),
    "categorical": (lambda: CategoricalLocation((2, 3), hidden_units=0), [(7,)], dense(7, 6)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_counted_as_by_hand(kind):
    make, shapes, by_hand = KINDS[kind]
    layer = built(make(), *shapes)
    call = layer.parameters if hasattr(layer, "parameters") else layer
    assert count_flops(call, *(tf.TensorSpec([1, *shape]) for shape in shapes)) == by_hand


def test_cores():
    core = RectifiedCore(6)
    core(tf.zeros([1, 4]), core.get_initial_state(1))
    assert count_flops(lambda glimpse, state: core(glimpse, [state])[0], tf.TensorSpec([1, 4]), tf.TensorSpec([1, 6])) == dense(10, 6)
    gru = keras.layers.GRUCell(6)
    gru(tf.zeros([1, 4]), gru.get_initial_state(1))
    products = 2 * 4 * 18 + 2 * 6 * 18 + 2 * 18  # of the input and of the state, each with a bias
    gates = 6 * (2 + 2 + 4)  # two gates add, the candidate multiplies and adds, the mixture takes two products, 1 - z and a sum
    counted = count_flops(lambda glimpse, state: gru(glimpse, [state])[0], tf.TensorSpec([1, 4]), tf.TensorSpec([1, 6]))
    assert counted == products + gates
    lstm = keras.layers.LSTMCell(6)
    states = lstm.get_initial_state(1)
    lstm(tf.zeros([1, 4]), states)
    counted = count_flops(lambda glimpse: lstm(glimpse, states)[0], tf.TensorSpec([1, 4]))
    assert counted == 2 * 4 * 24 + 2 * 6 * 24 + 2 * 24 + 6 * 4  # products, their sum, a bias; three products and a sum for the cell


def test_pooling_once_costs_its_additions():
    tall, wide = (6 + 1) * (6 + 2), (6 + 1) * (6 + 1)
    assert count_flops(lambda images: box_means(images, 2), tf.TensorSpec([1, 6, 6, 1])) == tall + wide + wide


@pytest.mark.parametrize("channels", [1, 3])
def test_retina(channels):
    """Of n places a side: 12 a row and column (clipped, compared, added), one a place, 11 for the corner; the coarse patch's means."""
    fine, coarse = (side * side + 12 * side + 11 for side in (4, 8))
    counted = count_flops(Retina(4, num_scales=2), tf.TensorSpec([1, 16, 16, channels]), tf.TensorSpec([1, 2]))
    assert counted == fine + coarse + 8 * 8 * channels


@pytest.mark.parametrize("num_classes", [3, 10])
def test_stopping_head(num_classes):
    head = built(StoppingHead(4), (num_classes,))
    scaled, softmax, difference = num_classes, 5 * 3, 1
    by_hand = scaled + dense(num_classes, 4) + dense(4, 3) + softmax + difference
    assert count_flops(head, tf.TensorSpec([1, num_classes])) == by_hand


@pytest.mark.parametrize(("cells", "channels"), [(6, 4), (12, 9), (5, 16)])
def test_saccader_cell(cells, channels):
    cell = SaccaderCell()
    cell.build([(1, cells, channels)])
    nothing = tf.zeros([1], tf.int32), tf.zeros([1], tf.bool)
    products, scaled, masks, softmaxes = 3 * 2 * cells * channels, cells, 2 * 2 * cells, 5 * (cells + channels)
    by_hand = products + scaled + masks + softmaxes + (cells - 1) + cells  # the largest is chosen, and visited
    features, visited = tf.TensorSpec([1, cells, channels]), tf.TensorSpec([1, cells])
    assert count_flops(lambda features, visited: cell((features, *nothing), visited)[1], features, visited) == by_hand


def test_looking_costs_the_same_whatever_the_images_size():
    retina, places = Retina(4, num_scales=2), tf.TensorSpec([1, 2])
    costs = {size: count_flops(retina, tf.TensorSpec([1, size, size, 1]), places) for size in (16, 64)}
    assert costs[16] == costs[64]


def test_a_model_costs_its_looks():
    layers = {**PAPER_LAYERS, "num_scales": 2, "units": 8, "first_location": "centre"}
    model = AdaptiveModel(RAM(3, patch_size=4, num_glimpses=3, **layers), stopping_units=4)
    model(tf.zeros([1, 12, 12, 1]))
    costs = look_costs(model)
    encoder = dense(32, 128) + dense(2, 128) + dense(256, 8)
    per_look = encoder + dense(16, 8) + dense(8, 128) + dense(128, 2) + dense(8, 3)
    assert per_look < costs.look < per_look + 3000  # and the retina's means and arithmetic of places
    assert costs.stop == pytest.approx(dense(3, 4) + dense(4, 3), abs=40)  # and softmax
    assert costs.fixed(3) == pytest.approx(model_flops(model.model), rel=0.02)  # which has the baseline and the scores besides
    assert costs.adaptive(1.5) == costs.begin + 1.5 * (costs.look + costs.stop)


def test_an_unknown_size_is_told():
    layer = built(keras.layers.Dense(4), (8,))
    with pytest.raises(UserError, match="every size is known"):
        count_flops(layer, tf.TensorSpec([None, 8]))
