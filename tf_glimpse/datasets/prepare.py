"""Data sets by their TFDS name, prepared once on disk: from files already there, or from the network if there is one."""

import contextlib
import io
import os
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from tf_glimpse.datasets.names import MANUAL_DIR_VARIABLE, NAMES
from tf_glimpse.files import locked
from tf_glimpse.types import UserError

_PROBE_SECONDS = 3.0
_UNPACKED = {"cifar10": "cifar-10-batches-bin", "cifar100": "cifar-100-binary"}  # folders taken in place of their archives


def prepared_builder(name, manual_dir=None, data_dir=None):
    """A TFDS builder whose data are ready to read.

    Args:
        name: a TFDS name ("mnist"), of this package's own ("cluttered_mnist/60") once `builders` has been imported.
        manual_dir: folder with files already downloaded, one subfolder a set (`manual_dir/mnist/...`), under the names that TFDS
            registers; default is the environment variable TF_GLIMPSE_MANUAL_DIR.
        data_dir: where prepared data lie; default is TFDS' own, ~/tensorflow_datasets.

    Returns:
        `tfds.core.DatasetBuilder`.

    Raises:
        UserError: an unknown name; a set without an image and one class label; no network and no such files; files that are not the
            registered ones; a folder that cannot be written to.
    """
    builder = _find_builder(name, data_dir)
    if builder.data_path.exists():
        return builder
    try:
        root = Path(builder.data_dir_root)
        root.mkdir(parents=True, exist_ok=True)
        with locked(root / f".{builder.name}.lock"):  # two processes that prepare one set would delete each other's unfinished files
            builder = _find_builder(name, data_dir)
            if not builder.data_path.exists():
                _prepare(builder, manual_dir or os.environ.get(MANUAL_DIR_VARIABLE))
    except OSError as error:
        raise _failed(f"could not prepare '{builder.name}' in '{builder.data_dir_root}'", error) from error
    return builder


def _find_builder(name, data_dir):
    import tensorflow_datasets as tfds

    try:
        with contextlib.redirect_stdout(io.StringIO()):
            builder = tfds.builder(name, data_dir=data_dir, try_gcs=False)
        features = builder.info.features
    except (tfds.core.DatasetNotFoundError, ValueError):
        raise unknown_name(name) from None
    except (ImportError, OSError) as error:
        raise _failed(f"TFDS cannot open '{name}'", error) from error
    found = dict(features) if isinstance(features, tfds.features.FeaturesDict) else {}
    if [type(found.get(key)) for key in ("image", "label")] != [tfds.features.Image, tfds.features.ClassLabel]:
        raise UserError(f"'{name}' has no feature 'image' with one class 'label'; it has {', '.join(found) or features}")
    return builder


def unknown_name(name):
    """The `UserError` of a name that means nothing."""
    wanted = f"{', '.join(NAMES)}, another TFDS name, a folder, or one in `manual_dir=D` (or {MANUAL_DIR_VARIABLE}=D)"
    return UserError(f"no folder and no data set called '{name}'; expected {wanted}")


def _failed(what, error):
    return UserError(f"{what}: {' '.join(str(error).split())}")


def _prepare(builder, manual_dir):
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError
    from tensorflow_datasets.core.download.util import DownloadError

    for name in getattr(builder, "made_from", ()):
        prepared_builder(name, manual_dir, builder.data_dir_root)
    downloads = Path(builder.data_dir_root) / "downloads"
    config = tfds.download.DownloadConfig(
        manual_dir=_manual_folder(builder, manual_dir),
        # TFDS keys extracted files by file name alone: in one common folder Fashion-MNIST would get MNIST's images.
        extract_dir=downloads / "extracted" / builder.name,
        try_download_gcs=False,
    )
    _place_unpacked(builder, config, downloads)
    if not sys.stderr.isatty():
        tfds.disable_progress_bar()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            builder.download_and_prepare(download_dir=downloads, download_config=config)
    except (EOFError, AssertionError, ImportError, DownloadError, NonMatchingChecksumError) as error:
        raise _failed(f"could not prepare '{builder.name}' in '{builder.data_dir_root}'", error) from error


def _manual_folder(builder, manual_dir):
    """The set's folder of files already downloaded, or None. What is not there must come over the network, so that is tried first."""
    if not builder.url_infos and not builder.MANUAL_DOWNLOAD_INSTRUCTIONS:
        return None
    folder = Path(manual_dir).expanduser() / builder.name if manual_dir else None
    if folder and (folder / _UNPACKED.get(builder.name, "-")).is_dir():
        return folder
    missing, by_hand = _missing_files(builder, folder), builder.MANUAL_DOWNLOAD_INSTRUCTIONS
    problem = missing and not by_hand and network_problem(next(iter(builder.url_infos)))
    if problem or (by_hand and not folder):
        raise UserError(_what_is_missing(builder, folder, missing, problem))
    return folder if folder and folder.is_dir() else None


def _missing_files(builder, folder):
    """Names of the registered files that the folder lacks."""
    names = [info.filename or url.rpartition("/")[2] for url, info in builder.url_infos.items()]
    missing = [name for name in names if not (folder and (folder / name).exists())]
    return missing if len(missing) == len(names) or not builder.builder_configs else []  # a configuration needs some of the files only


def _what_is_missing(builder, folder, missing, problem):
    wanted = _UNPACKED[builder.name] + "/" if builder.name in _UNPACKED else ", ".join(missing) or "its files"
    reason = f"no network ({problem})" if problem else "TFDS cannot download it by itself"
    if folder:
        return f"cannot get '{builder.name}': {reason}, and '{folder}' lacks {wanted}"
    return (
        f"cannot get '{builder.name}': {reason}, and no `manual_dir=D` (or {MANUAL_DIR_VARIABLE}=D) with D/{builder.name}/ holding {wanted}"
    )


def network_problem(url):
    """None if the URL's host answers, in whatever way; otherwise why not. Takes 3 seconds at most, name lookup and proxies included."""
    answer = [f"no answer from {urlsplit(url).hostname} within {_PROBE_SECONDS:g} s"]

    def probe():
        try:
            urllib.request.urlopen(f"{urlsplit(url).scheme}://{urlsplit(url).netloc}", timeout=_PROBE_SECONDS).close()
            answer[0] = None
        except urllib.error.HTTPError:
            answer[0] = None
        except OSError as error:
            answer[0] = str(getattr(error, "reason", error))

    thread = threading.Thread(target=probe, daemon=True)
    thread.start()
    thread.join(_PROBE_SECONDS)
    return answer[0]


def _place_unpacked(builder, config, downloads):
    """Puts an unpacked archive where its download and extraction would have left it, beside an empty placeholder for the archive."""
    from tensorflow_datasets.core.download import resource

    folder = config.manual_dir and Path(config.manual_dir) / _UNPACKED.get(builder.name, "-")
    if not folder or not folder.is_dir():
        return
    for url, info in builder.url_infos.items():
        archive = downloads / resource.get_dl_fname(url, info.checksum)
        archive.parent.mkdir(parents=True, exist_ok=True)
        archive.touch()
        resource.get_info_path(archive).write_text("{}")
        extracted = Path(config.extract_dir) / f"TAR_GZ.{archive.name}" / folder.name
        extracted.parent.mkdir(parents=True, exist_ok=True)
        if extracted.is_symlink():
            extracted.unlink()  # the folder may have been moved since
        if not extracted.exists():
            extracted.symlink_to(folder.resolve(), target_is_directory=True)
