"""Where the next view comes from: one class a kind of scene. `unroll` asks for a view a look, and tries of other places ask too."""

import tensorflow as tf

from tf_glimpse.types import UserError


class StillImage:
    """The same image at every look.

    Args:
        retina: a `Retina`.
        images: `[B, H, W, C]`.
        num_glimpses: how many looks at them are to come, by which the retina chooses how to read them.
        views: what the retina reads in place of `retina.prepare(images)`, of the same shapes, such as with a scale blank; None for not.
    """

    def __init__(self, retina, images, num_glimpses=1, views=None):
        self.views = retina.prepare(images, num_glimpses) if views is None else views

    def view(self, step):
        """What the retina reads at look `step`."""
        return self.views


class Film:
    """One frame a look.

    Args:
        retina: a `Retina`.
        frames: `[B, T, H, W, C]`.
    """

    def __init__(self, retina, frames):
        self.retina, self.frames = retina, frames

    def view(self, step):
        """What the retina reads at look `step`: its frame."""
        return self.retina.prepare(self.frames[:, step])


def scene_of(retina, images, num_glimpses=1, views=None):
    """The scene of images `[B, H, W, C]` or films `[B, T, H, W, C]`.

    Raises:
        UserError: a film of another number of frames than looks.
    """
    if len(images.shape) != 5:
        return StillImage(retina, images, num_glimpses, views)
    if images.shape[1] not in (None, num_glimpses):
        raise UserError(f"{num_glimpses} looks expect {num_glimpses} frames. Received: films of shape {tuple(images.shape)}")
    return Film(retina, images)


def look_at_places(cell, images, places, states, first=0):
    """What the core puts out after one look at each of N places, each from the state in which look `first + t` was to come.

    Args:
        cell: a `GlimpseCell`.
        images: `[B, H, W, C]` or films `[B, T, H, W, C]`.
        places: `[B, L, N, 2]`.
        states: a nest of core states `[B, L, ...]`.
        first: the number of the first of these looks, by which a film's frame is chosen.

    Returns:
        `[B, L, N, U]`.
    """
    looks, tried = places.shape[1:3]
    if len(images.shape) == 5:
        film, each = Film(cell.retina, images), range(looks)
        states = [tf.nest.map_structure(lambda state, look=look: state[:, look : look + 1], states) for look in each]
        return tf.concat([_look(cell, film.view(first + look), places[:, look : look + 1], states[look]) for look in each], axis=1)
    return _look(cell, cell.retina.prepare(images, looks * tried), places, states)


def _look(cell, views, places, states):
    looks, tried = places.shape[1:3]
    states = tf.nest.map_structure(lambda state: tf.repeat(state, tried, axis=1), states)
    after = cell.consider(views, tf.reshape(places, [-1, looks * tried, 2]), states)
    return tf.reshape(after, [-1, looks, tried, after.shape[-1]])
