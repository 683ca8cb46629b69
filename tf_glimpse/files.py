"""One pair of hands for files and folders: read JSON, write whole or not at all, lock for one process, claim for one purpose."""

import contextlib
import fcntl
import json
import os
import pathlib
import secrets
import shutil

from tf_glimpse.types import UserError

LOCK = ".lock"
_UNFINISHED = ".part-"


def read_json(file, *keys, **kinds):
    """The object in a JSON file.

    Args:
        file: a `pathlib.Path`.
        *keys: what it must have, of any kind.
        **kinds: what it must have, and the class of each: `recipe=dict`.

    Raises:
        UserError: the file cannot be read, is not JSON, holds no object, or lacks a key of its kind.
    """
    content, kinds = parse_json(file), {**dict.fromkeys(keys, object), **kinds}
    if not isinstance(content, dict):
        raise damaged(file, f"expected an object, got a {type(content).__name__}")
    for key, kind in kinds.items():
        if not isinstance(content.get(key), kind) or key not in content:
            raise damaged(file, f"expected {key!r} in it" + ("" if kind is object else f", a {kind.__name__}"))
    return content


def parse_json(file):
    """Whatever a JSON file holds.

    Raises:
        UserError: the file cannot be read, or is not JSON.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise damaged(file, error) from error


def damaged(file, reason):
    """The `UserError` for a file that is not what this package wrote."""
    return UserError(f"{file} is damaged ({reason}); restore it, or pass another folder.")


def write_json(file, content):
    """Writes JSON as `write_whole` writes."""
    write_whole(file, lambda part: part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8"))


def write_whole(path, write):
    """Writes a file or a folder that is there whole or not at all: a kill leaves what was there before, or the new one.

    Args:
        path: a `pathlib.Path`; the folder that it lies in is made if it is not there. A file is replaced; a folder must be new.
        write: a function of a path beside `path` that ends alike, where it makes the file or the folder, such as a Keras model's `save`.

    Raises:
        OSError: it cannot be written, or `path` is a folder with something in it.

    Example:
        >>> import tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "notes" / "note.txt"
        >>> write_whole(file, lambda part: part.write_text("all of it"))
        >>> [path.name for path in file.parent.iterdir()]
        ['note.txt']
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{_UNFINISHED}{secrets.token_hex(4)}.{path.name}")
    try:
        write(part)
        os.replace(part, path)
    finally:
        _remove(part)


def remove_unfinished(folder):
    """Removes what killed processes left half-written in a folder; only for whoever holds its lock as long as anybody writes there."""
    for part in folder.glob(f"{_UNFINISHED}*"):
        _remove(part)


def _remove(path):
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(file, wait=True):
    """Holds a lock file while the block runs; the system lets go of it when the process ends, however it ends.

    Args:
        file: path of the lock file, made if it is not there. It stays.
        wait: whether to wait for another process that holds it.

    Yields:
        whether this process holds the lock; always true with `wait`.
    """
    with open(file, "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            held = True
        except BlockingIOError:
            held = False
        yield held


@contextlib.contextmanager
def locked_folder(folder, wait=False):
    """A folder for this process alone while the block runs.

    Args:
        folder: a path, made if it is not there.
        wait: whether to wait for another process that works in it.

    Yields:
        the folder as a `pathlib.Path`.

    Raises:
        UserError: a file, a folder that cannot be written in, or, without `wait`, one that another process works in.
    """
    folder = pathlib.Path(folder).expanduser()
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            held = stack.enter_context(locked(folder / LOCK, wait))
        except OSError as error:
            raise UserError(f"expected a folder to write in. Received: {folder} ({error.strerror})") from error
        if not held:
            raise UserError(f"another process is at work in {folder}; wait for it, or pass another folder.")
        yield folder


def refuse_other_things(folder, kind=None):
    """Refuses a folder that holds something; lock files and half-written files of an interrupted start do not count.

    Args:
        folder: a `pathlib.Path`, which need not exist.
        kind: what the folder may become, in words such as "a search"; None for anything.

    Raises:
        UserError: names some of what is there.
    """
    found = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else [folder.name] if folder.exists() else []
    others = [name for name in found if name != LOCK and not name.startswith(_UNFINISHED)]
    if others:
        what = f"other things than {kind}" if kind else "other things"
        raise UserError(f"{folder} holds {what} ({', '.join(others[:3])}); nothing was overwritten. Pass an empty or a new folder.")


def is_claimed(folder, note, kind, settings, read=read_json):
    """Whether a folder was claimed for just these settings before, so that the work in it goes on.

    Args:
        folder: a `pathlib.Path`, which need not exist.
        note: name of the file that says whose the folder is, such as "plan.json".
        kind: what the folder holds, in words such as "a search".
        settings: a dict that JSON can hold, all that makes the work the same.
        read: a function of the note's path that returns its settings as a dict; further ones in it do not count.

    Returns:
        False for a folder that is empty or not there.

    Raises:
        UserError: other things or other settings in the folder, each told with both values, or a damaged note.
    """
    if not (folder / note).exists():
        refuse_other_things(folder, kind)
        return False
    there, here = (json.loads(json.dumps(each)) for each in (read(folder / note), settings))
    differing = [line for name in here for line in _differences(name, there.get(name), here[name])]
    if differing:
        settings = f"{kind} with other settings ({'; '.join(differing)})"
        raise UserError(f"{folder} holds {settings}; nothing was overwritten. Pass another folder.")
    return True


def claim(folder, note, kind, settings, read=read_json):
    """Makes a folder somebody's: writes down its settings, unless just these stand there.

    Args, raises:
        as for `is_claimed`.

    Returns:
        whether they stood there, so that the work goes on.
    """
    found = is_claimed(folder, note, kind, settings, read)
    if not found:
        write_json(folder / note, settings)
    return found


def _differences(name, there, here):
    """Lines such as "model.units 8 there, 16 here"."""
    if isinstance(there, dict) and isinstance(here, dict):
        unset = "not set"
        return [line for key in {**there, **here} for line in _differences(f"{name}.{key}", there.get(key, unset), here.get(key, unset))]
    return [] if there == here else [f"{name} {there!r} there, {here!r} here"]
