"""`tf-glimpse explain`: a finished run or a preset explained on one page, with the autoencoder that belongs to it."""

import pathlib

from tf_glimpse.explain import explain_images, fit_vae
from tf_glimpse.files import write_whole
from tf_glimpse.models.hidden_state_vae import HiddenStateVAE, vae_names
from tf_glimpse.training.finished import check_spared, chosen_images, load_run_data
from tf_glimpse.types import UserError

_VAE = "vae.keras"  # in a run's folder


def explain_finished(finished, out, images=(), count=None, *, workdir=None, vae=None, fit_epochs=None, pictures=False, **data_options):
    """Writes the page `out`, and with `pictures` also a PNG and a GIF beside it.

    Reconstructions come from the autoencoder in the run's folder, or from the one that ships with the preset, if there is one.

    Args:
        finished: from `open_finished`.
        out: the page's path, such as report.html.
        images: files; images of the test (or validation) split if empty.
        count: how many, the first ones; all files, or 6 of the split, if None.
        workdir: the run's folder, None for a preset.
        vae: path of another autoencoder, a `.keras` file.
        fit_epochs: first train an autoencoder of the run for so many epochs, into its folder; None for not.
        pictures: whether to write the PNG and the GIF.
        **data_options: as for `load_run_data`.

    Returns:
        `(explanation, paths)`: the `Explanation` and the files written.

    Raises:
        UserError: a path that is no page's, an autoencoder that is there already or does not fit.
    """
    out = pathlib.Path(out).expanduser()
    if out.suffix not in (".html", ".htm"):
        raise UserError(f"`out` expects a file that ends in .html. Received: {str(out)!r}")
    paths = [out, *([out.with_suffix(".png"), out.with_suffix(".gif")] if pictures else [])]
    check_spared(images, paths)
    if fit_epochs is not None:
        _fit(finished, workdir, fit_epochs, **data_options)
    pixels, labels, actions, names = chosen_images(finished, images, count, **data_options)
    autoencoder = _autoencoder(finished, workdir, vae)
    name = finished.preset or finished.recipe["name"]
    title = f"{name}, seed {finished.seed}: {finished.model.num_glimpses} looks"
    found = explain_images(finished.model.innermost(), pixels, labels=labels, names=names, vae=autoencoder, actions=actions, title=title)
    for path, save in zip(paths, (found.save_html, found.save_png, found.save_gif), strict=False):
        save(path)
    return found, paths


def _autoencoder(finished, workdir, path):
    """The one asked for, the run's, the preset's, or None."""
    if path is None and workdir is not None and (pathlib.Path(workdir).expanduser() / _VAE).exists():
        path = pathlib.Path(workdir).expanduser() / _VAE
    if path is None and finished.preset in vae_names():
        return HiddenStateVAE.from_preset(finished.preset)
    return None if path is None else HiddenStateVAE.from_preset(str(path))


def _fit(finished, workdir, epochs, **data_options):
    if workdir is None:
        raise UserError("`fit_epochs` expects the folder of a run, to keep the autoencoder in; a preset's folder is not written to.")
    file = pathlib.Path(workdir).expanduser() / _VAE
    if file.exists():
        raise UserError(f"{file} is there already and was not overwritten; leave out `fit_epochs` to use it.")
    data = load_run_data(finished, **data_options)
    vae, _ = fit_vae(finished.model.innermost(), data, epochs=epochs, training_looks=2, decoder="placed" if data.canvas else "dense")
    write_whole(file, vae.save)
