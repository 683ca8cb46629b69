"""`explain_images`: one call that gathers why a model answered as it did, to look at, to keep as a page, and to draw."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tf_glimpse.datasets import check_images
from tf_glimpse.explain.captions import image_names
from tf_glimpse.explain.draw import draw_glimpses
from tf_glimpse.explain.faithfulness import Faithfulness, attribution, faithfulness, scale_attribution
from tf_glimpse.explain.film import save_glimpses_gif
from tf_glimpse.explain.information_gain import entropies
from tf_glimpse.files import write_whole
from tf_glimpse.ops.patches import extract_patches, from_float, in_range, to_float
from tf_glimpse.types import AnyPath, Array, Trajectory, UserError

if TYPE_CHECKING:
    from tf_glimpse.layers.retina import Retina
    from tf_glimpse.models.attention_model import AttentionModel
    from tf_glimpse.models.hidden_state_vae import HiddenStateVAE


@dataclasses.dataclass(frozen=True)
class Explanation:
    """What `explain_images` found; index t means look t.

    Attributes:
        images: `[B, H, W, C]` float32 0-1.
        trajectory: the `Trajectory` of these images, NumPy arrays.
        shares: `[B, T, K]`, class probabilities after each look.
        entropies: `[B, T + 1]` nats: ln K before the first look, then after each.
        views: `[B, T, S, P, P, C]` float32 0-1, what the retina saw at each scale, the sharpest first.
        attribution: `[B, T]` nats, what each look was worth to the answer: its log-odds fall by so much when the look is blank.
        scale_worth: `[B, S]` nats, what each scale of the retina was worth to it, the sharpest first: by so much when that scale is blank
            at every look.
        faithfulness: a `Faithfulness`, by noise in place of all that was not seen.
        reconstructions: `[B, T, H, W, C]` float32 0-1, by the autoencoder's mean; None without one.
        samples: `[N, B, T, H, W, C]`, by codes drawn from its posterior; None without one.
        retina: the model's `Retina`.
        class_names: K names.
        labels: `[B]` true class numbers, or None.
        names: B names of the images.
        title: a line that says which model this is.
    """

    images: np.ndarray
    trajectory: Trajectory
    shares: np.ndarray
    entropies: np.ndarray
    views: np.ndarray
    attribution: np.ndarray
    scale_worth: np.ndarray
    faithfulness: Faithfulness
    reconstructions: np.ndarray | None
    samples: np.ndarray | None
    retina: Retina
    class_names: list
    labels: np.ndarray | None
    names: list
    title: str

    @property
    def gains(self) -> np.ndarray:
        """`[B, T]` nats: what each look took off the entropy of the class."""
        return -np.diff(self.entropies, axis=1)

    @property
    def scales_by_worth(self) -> np.ndarray:
        """`[S]` numbers of the retina's scales, the one first that was worth the most to the answers, on average."""
        return np.argsort(-self.scale_worth.mean(axis=0), kind="stable")

    @property
    def answers(self) -> np.ndarray:
        """`[B]` class numbers."""
        return self.shares[:, -1].argmax(axis=-1)

    def html(self) -> str:
        """The whole page, with its pictures inside: it needs no other file and no network."""
        from tf_glimpse.explain.page import page

        return page(self)

    def save_html(self, path: AnyPath) -> pathlib.Path:
        """Writes the page; makes the folder if it is not there."""
        return _written(path, lambda file: file.write_text(self.html(), encoding="utf-8"))

    def save_png(self, path: AnyPath) -> pathlib.Path:
        """Writes a picture with a row an image: scanpath, what the retina saw, and the reconstructions below it."""
        texts = (self.class_names, self.labels, self.reconstructions, self.names)
        return _written(path, draw_glimpses(self.images, self.trajectory, self.retina, *texts).savefig)

    def save_gif(self, path: AnyPath, index: int | None = None) -> pathlib.Path:
        """Writes a film of the rollouts, the images side by side, the first 12 of more; or of the one image `index` alone."""
        chosen = slice(None) if index is None else slice(index, index + 1)
        rollouts = Trajectory(*(field[chosen] for field in self.trajectory))
        texts: dict[str, Any] = {"labels": None if self.labels is None else self.labels[chosen], "names": self.names[chosen]}
        return _written(path, lambda file: save_glimpses_gif(file, self.images[chosen], rollouts, self.retina, self.class_names, **texts))


def explain_images(
    model: AttentionModel,
    images: Array,
    *,
    labels: Array | None = None,
    names: Sequence[str] | None = None,
    vae: HiddenStateVAE | None = None,
    actions: Array | None = None,
    samples: int = 3,
    seed: int = 0,
    title: str | None = None,
) -> Explanation:
    """Explains a model's answers to one image or to a few dozen.

    Args:
        model: a `RAM` or a `Saccader`.
        images: `[H, W, C]` or `[B, H, W, C]`, uint8 0-255 or float 0-1.
        labels: true class numbers, `[B]` or one; None if unknown.
        names: B names of the images, such as their files'; "image 1", "image 2", … if None.
        vae: a `HiddenStateVAE` trained on this model's states, for reconstructions; None for none.
        actions: `[B, T, 2]` somebody else's places; the model's own if None.
        samples: how many codes are drawn from the autoencoder's posterior.
        seed: of those draws and of the noise.
        title: a line that says which model this is; its class and sizes if None.

    Returns:
        an `Explanation`; `explanation.save_html("report.html")` writes the page.

    Raises:
        UserError: a model of questions, images that the model cannot take, an autoencoder of another size, other numbers of labels or
            names than of images.

    Example:
        >>> from tf_glimpse import RAM
        >>> found = explain_images(RAM.from_preset("ram_digits"), np.zeros([60, 60, 1], np.uint8))
        >>> found.shares.shape, found.entropies.shape, found.faithfulness.change
        ((1, 6, 10), (1, 7), 0.0)
    """
    if model.task.inputs:
        raise UserError(f"explain_images expects a model that takes the image alone. Received: one that expects {model.task.inputs}")
    images = np.asarray(images)
    images = images[None] if images.ndim == 3 else images
    check_images(images, patch_size=model.patch_size, input_range=model.input_range)
    labels = None if labels is None else np.atleast_1d(np.asarray(labels))
    for role, given in (("labels", labels), ("names", names)):
        if given is not None and len(given) != len(images):
            raise UserError(f"explain_images expects as many {role} as images. Received: {len(given)} and {len(images)}")
    shown, pixels = to_float(tf.convert_to_tensor(images), model.input_range), in_range(images, model.input_range)
    trajectory = model(pixels if actions is None else {"images": pixels, "actions": actions})
    noise, retina = from_float(np.random.default_rng(seed).random(pixels.shape, np.float32), model.input_range), model.retina.in_unit()
    made, drawn = _reconstructed(vae, trajectory.hidden, pixels.shape[1:], samples, seed)
    return Explanation(
        images=shown.numpy(),
        trajectory=Trajectory(*(np.asarray(field) for field in trajectory)),
        shares=tf.nn.softmax(trajectory.logits).numpy(),
        entropies=entropies(trajectory.logits),
        views=_views(shown, trajectory.locations, retina),
        attribution=attribution(model, pixels, trajectory),
        scale_worth=scale_attribution(model, pixels, trajectory),
        faithfulness=faithfulness(model, pixels, noise, actions),
        reconstructions=made,
        samples=drawn,
        retina=retina,
        class_names=model.class_names or [str(number) for number in range(trajectory.logits.shape[-1])],
        labels=labels,
        names=image_names(names, len(images)),
        title=title or _title(model),
    )


def _title(model):
    scales = "1 scale" if model.num_scales == 1 else f"{model.num_scales} scales"
    return f"{type(model).__name__}, {model.num_glimpses} looks of {model.patch_size} px at {scales}"


def _views(images, locations, retina):
    """`[B, T, S, P, P, C]`: every scale's patches."""
    scales = range(retina.num_scales)
    return np.stack([extract_patches(images, locations, retina.patch_size, 2**scale, retina.aligned).numpy() for scale in scales], axis=2)


def _reconstructed(vae, hidden, image_shape, samples, seed):
    if vae is None:
        return None, None
    if tuple(vae.image_shape) != tuple(image_shape):
        raise UserError(f"the autoencoder makes images of {vae.image_shape}; expected one for {tuple(image_shape)}")
    size = vae.encoding.input_shape[-1]
    if hidden.shape[-1] != size:
        raise UserError(f"the autoencoder reads states of {size} units; this model has {hidden.shape[-1]}: take the one that fits it")
    return vae.reconstruct(hidden).numpy(), vae.sample_images(hidden, samples, (seed, 1)).numpy()


def _written(path, write):
    path = pathlib.Path(path).expanduser()
    if not path.name or path.is_dir():
        raise UserError(f"expected the path of a file to write. Received: {str(path)!r}")
    write_whole(path, write)
    return path
