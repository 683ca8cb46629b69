"""A picture of the wrong answers that a model was surest of."""

import pathlib

from tf_glimpse.files import write_whole
from tf_glimpse.training.evaluation import worst_mistakes
from tf_glimpse.types import UserError


def draw_mistakes(path, model, source, answers, names, count=12):
    """Writes where the model looked at the images that it got wrong, those first that it was surest of; a row an image.

    Args:
        path: where to write the picture; its ending says in what format.
        model: the `AttentionModel` that gave the answers, by one deterministic rollout of its own.
        source: the `ImageSource` asked about.
        answers: the `Answers` of `judge_answers`.
        names: a function of positions int `[n]` that returns what these images are called.
        count: how many images at most.

    Returns:
        how many it drew; with none wrong it writes nothing.

    Raises:
        UserError: a path that cannot be written, or an ending that stands for no picture.
    """
    from tf_glimpse.explain import draw_looks

    worst, path = worst_mistakes(answers, count), pathlib.Path(path).expanduser()
    if not len(worst):
        return 0
    pixels, labels = source.fetch(worst).numpy(), answers.labels[worst]
    write_whole(path, draw_looks(pixels, model(pixels), model, labels, names(worst)).savefig)
    return len(worst)


def check_picture(path):
    """Refuses a path whose ending stands for no picture, before the work is done.

    Raises:
        UserError: names the endings that do.
    """
    endings = ("png", "jpg", "jpeg", "pdf", "svg", "webp")
    if pathlib.Path(path).suffix.lstrip(".").lower() not in endings:
        raise UserError(f"a picture of mistakes expects a file that ends in {', '.join(endings)}. Received: {str(path)!r}")
