"""Writes a version of a model where a server looks for it: all of it or nothing."""

import logging
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path

import tensorflow as tf

from tf_glimpse.export import warm_up
from tf_glimpse.export.signatures import CLASSIFY, CLASSIFY_METHOD, signatures
from tf_glimpse.export.versions import versions
from tf_glimpse.files import write_whole
from tf_glimpse.models.attention_model import AttentionModel
from tf_glimpse.models.finite import check_weights
from tf_glimpse.types import AnyPath, UserError


def export_model(
    model: AttentionModel,
    base_path: AnyPath,
    version: int | None = None,
    warm_up_batch_sizes: Sequence[int] = (1, 2, 4, 8, 16, 32),
    white_level: float | None = None,
) -> Path:
    """Exports a model as a SavedModel that TF-Serving and `tf-glimpse serve` load.

    The signatures are those of `tf_glimpse.export.signatures.signatures`. The version appears in `base_path` at once and whole: it is
    built in a hidden folder, which servers ignore, its warm-up records are answered there, and then it is renamed. XLA is off.
    The records need the extra `serve` (`pip install tf_glimpse[serve]`).

    Args:
        model: a built model, such as `RAM`: fitted, loaded, or called once on images.
        base_path: folder of the model's versions; made if absent. A server is pointed at this folder.
        version: positive integer; None takes one more than the highest there, or 1.
        warm_up_batch_sizes: batch sizes of the warm-up records, which a server answers before it says that it is ready. Give the
            `allowed_batch_sizes` of `serving/batching.config`; an empty sequence writes no records.
        white_level: what the model's training data were loaded with, so that 16-bit PNG files are read as there.

    Returns:
        `pathlib.Path` of the version: `base_path/version`.

    Raises:
        UserError: the model does not look at places, is asked questions, is not built or has weights that are not finite, `version`
            exists or is no positive integer, `base_path` cannot be written to, or warm-up records are wanted and the extra `serve` is not
            installed.

    Example:
        >>> import tempfile, numpy as np
        >>> from tf_glimpse.models import RAM
        >>> model = RAM(num_classes=10, patch_size=4, num_glimpses=2, units=8)
        >>> trajectory = model(np.zeros([1, 12, 12, 1], "uint8"))
        >>> export_model(model, tempfile.mkdtemp(), warm_up_batch_sizes=()).name
        '1'
    """
    if not isinstance(model, AttentionModel):
        wanted = "a model that looks, such as a RAM or a Saccader; Keras' own model.export exports any"
        raise UserError(f"export_model expects {wanted}. Received: a {type(model).__name__}")
    if model.task.inputs:
        expected = "a model of images alone, which is all that its signatures take; Keras' own model.export exports any"
        raise UserError(f"export_model expects {expected}. Received: a {type(model).__name__} of {type(model.task).__name__}")
    if not model.built or model.image_shape is None:
        raise UserError("cannot export a model that has seen no image: fit it, load it, or call model(images) once, and export again")
    if None in model.image_shape:
        raise UserError(
            f"cannot export a model built for images of any size: build it for one (height, width, channels), got {model.image_shape}"
        )
    check_weights(model)
    if warm_up_batch_sizes:
        warm_up.protos()
    try:
        return _export(model, Path(base_path).expanduser(), version, warm_up_batch_sizes, white_level)
    except OSError as error:
        message = f"cannot write a version into {base_path} ({error.strerror or error}): base_path must be a folder that can be written to"
        raise UserError(message) from None


def _export(model, base_path, version, warm_up_batch_sizes, white_level):
    path = base_path / str(_next_version(base_path) if version is None else _checked(version))
    if path.exists():
        raise UserError(f"version {path.name} is already in {base_path} and is not overwritten: give another `version`, or none")

    def write(folder):
        _write(model, folder, white_level)
        if warm_up_batch_sizes:
            warm_up.add(folder, tuple(model.image_shape), warm_up_batch_sizes)

    try:
        write_whole(path, write)
    except OSError:
        if not path.exists():
            raise
        raise UserError(f"version {path.name} appeared in {base_path} while this export was written: export again") from None
    return path


def _next_version(base_path):
    return max(versions(base_path), default=0) + 1


def _checked(version):
    if isinstance(version, bool) or not str(version).isdecimal() or int(version) < 1:
        raise UserError(f"version must be a whole number from 1, got {version!r}: a server ignores folders of any other name")
    return int(version)


def _write(model, folder, white_level):
    import keras  # here, so that a server, which asks this module for versions, starts sooner

    archive = keras.export.ExportArchive()
    archive.track(model)
    found = signatures(model, white_level)
    for name, (function, specification) in found.items():
        archive.add_endpoint(name, function, input_signature=specification)
    with _quiet_tensorflow():
        archive.write_out(folder, verbose=False)
        if CLASSIFY not in found:
            return
        methods = tf.compat.v1.saved_model.signature_def_utils.MethodNameUpdater(str(folder))
        methods.replace_method_name(CLASSIFY, CLASSIFY_METHOD, tags="serve")
        methods.save()


@contextmanager
def _quiet_tensorflow():
    """Without "Assets written to"."""
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
