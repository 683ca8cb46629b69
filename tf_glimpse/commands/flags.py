"""Messages of the rooms below name Python's arguments, `skip_corrupt=True`; a command's user reads its flags instead, --skip-corrupt."""

import re

_NAMED = re.compile(r"`(\w+)(?:=([^`]*))?`")


def flags_of(command):
    """A dict: for each argument that a command's parser takes as a flag `(flag, whether a value follows it)`."""
    return {action.dest: (action.option_strings[-1], action.nargs != 0) for action in command._actions if action.option_strings}


def in_flags(message, flags):
    """The message with flags for the arguments that it names in backticks, but for those that the command does not take.

    Args:
        message: a string, or an exception.
        flags: of `flags_of`.

    Example:
        >>> in_flags("remove it, or `skip_corrupt=True`; no `data_dir=D`, no `units=3`", {"skip_corrupt": ("--skip-corrupt", False),
        ...     "data_dir": ("--data-dir", True)})
        'remove it, or --skip-corrupt; no --data-dir D, no `units=3`'
    """

    def spelled(match):
        name, value = match.groups()
        if name not in flags:
            return match[0]
        flag, takes_value = flags[name]
        return f"{flag} {value}" if value and takes_value else flag

    return _NAMED.sub(spelled, str(message))
