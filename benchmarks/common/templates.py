"""Pages: prose stands in Markdown templates, `$name` where a table or a sentence made of rows goes."""

import string

from benchmarks.common.folders import BENCHMARKS


def fill(template, **parts):
    """The text of a template, a path below `benchmarks/`, with every `$name` in it replaced by the part of that name."""
    return string.Template((BENCHMARKS / template).read_text()).substitute(parts)
