"""How the server refuses, and how it words what went wrong."""

import re

import orjson

_LONGEST = 200  # characters of a request repeated in an error


class RequestError(Exception):
    """A request that cannot be answered: an HTTP status and TF-Serving's words for it."""

    def __init__(self, message, status=400):
        super().__init__(message)
        self.status = status


def shown(value):
    """A JSON value as it stands in an error, shortened."""
    try:
        text = orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return "(nested too deep to be shown)"
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."


def one_line(error):
    """An exception's words in one line, those of TensorFlow without the graph around them."""
    text = getattr(error, "message", None) or str(error)
    text = text.rpartition("<stack traces unavailable>")[2].partition("[[{{")[0].partition("[Op:")[0]
    return " ".join(re.sub(r"{{function_node [^}]*}}", "", text).split())
