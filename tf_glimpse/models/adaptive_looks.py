"""Looking one look at a time, so that a loop may drop the images that are done; one class a kind of model.

`begin(images)` returns what looks read (a list of tensors) and the first states (a nest of tensors), both with one row an image;
`look(seen, states, step)` returns `(locations [B, 2], logits [B, K], states)`.
"""

import tensorflow as tf

from tf_glimpse.layers.glimpse_cell import GlimpseCell
from tf_glimpse.layers.saccader_cell import SaccaderCell
from tf_glimpse.ops.grids import field_centres
from tf_glimpse.types import UserError


def looks_of(model):
    """The looks of a built model with a `GlimpseCell` and a classifier, such as `RAM`, or of a `Saccader`.

    Raises:
        UserError: another kind of model, which may bring a method `looks` that returns such an object.
    """
    if hasattr(model, "looks"):
        return model.looks()
    cell = getattr(model, "cell", None)
    if isinstance(cell, GlimpseCell):
        return CellLooks(model)
    if isinstance(cell, SaccaderCell):
        return SaccaderLooks(model)
    raise UserError(f"adaptive inference expects a RAM, a Saccader, or a model with a method looks(). Received: {type(model).__name__}")


def has_looks(model):
    """Whether `looks_of` knows how this model looks."""
    try:
        return bool(looks_of(model))
    except UserError:
        return False


class CellLooks:
    """The looks of a model with a `GlimpseCell`."""

    def __init__(self, model):
        self.model = model

    def begin(self, images):
        views = self.model.retina.prepare(images, self.model.num_glimpses)
        distinct = views if views[0] is not views[-1] else views[:1]
        return list(distinct), self.model.cell.get_initial_state(tf.shape(images)[0])

    def look(self, seen, states, step):
        cell = self.model.cell
        views = tuple(seen) * (cell.retina.num_scales // len(seen))
        batch = tf.shape(seen[0])[0]
        is_given = (step == 0) & (cell.first_location != "learned")  # then the first look goes to the centre
        glimpse, states = cell((views, tf.zeros([batch, 2]), tf.fill([batch], is_given)), states)
        return glimpse.location, self.model.classifier(tf.cast(glimpse.hidden, tf.float32)), states


class SaccaderLooks:
    """The looks of a `Saccader`: its BagNet sees the whole image first, so that stopping early saves the later choices only."""

    def __init__(self, model):
        self.model, self.image_size = model, model.image_shape[:2]

    def begin(self, images):
        seen, batch = self.model.bagnet.represent(images), tf.shape(images)[0]
        self.image_size = images.shape[1:3]
        logits = tf.reshape(seen.logits, [batch, -1, self.model.num_classes])
        features = self.model._mixed(seen, training=False)
        return [features, logits], (tf.zeros([batch, features.shape[1]]), tf.zeros([batch, self.model.num_classes]))

    def look(self, seen, states, step):
        (features, logits), (visited, total) = seen, states
        nobody = tf.zeros([tf.shape(features)[0]], tf.int32)
        (cells, _), visited = self.model.cell((features, nobody, nobody > 0), visited)
        total += tf.gather(logits, cells, batch_dims=1)
        return tf.gather(field_centres(self.model.fields(self.image_size)), cells), total / tf.cast(step + 1, tf.float32), (visited, total)
