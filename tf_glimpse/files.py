"""Files that are written whole or not at all; those of JSON are read as what they should hold."""

import json
import os

from tf_glimpse.types import UserError


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
    """Writes JSON so that a kill leaves the old file or the new one, never half of one."""
    part = file.with_name(file.name + ".part")
    part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    os.replace(part, file)


def write_whole(path, write):
    """Calls `write` with a path beside `path` that ends alike, and renames it: a kill leaves the old file or the new one, whole.

    Args:
        path: a `pathlib.Path`.
        write: a function of a path, such as a Keras model's `save`.
    """
    part = path.with_name(f".part-{os.getpid()}.{path.name}")
    try:
        write(part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
