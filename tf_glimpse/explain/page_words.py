"""What the page says in sentences: what its pictures and figures mean, and how faithful the answers were."""

from tf_glimpse.explain.captions import look_numbers
from tf_glimpse.explain.views import channel_note, rim_note

_RISE = 0.01  # nats below which a rise in entropy is not spoken of

_ENTROPY = """<b>Entropy</b> is the model's own doubt about the class, in nats: {start:.2f} (ln K) before the first look, 0 when it
is sure. The <b>gain</b> of a look is the entropy it took away. A model may be sure and wrong, so read it beside the truth. The <b>worth</b>
of a look is how many nats the answer's log-odds lose when that look alone shows black."""

_WITH_VAE = """<b>Reconstructions</b> show what the state after a look says about the whole image: the mean picture, and below it
pictures of codes drawn from the posterior, which differ where what was seen leaves the image open."""

_FAITHFUL = """<b>Is the answer due to what it looked at?</b> {unseen}; hiding what it looked at {lost}. (Noise took the place of what was
hidden, and the places stayed the same.)"""


def how_to_read(found):
    """The sentences above an `Explanation`, as HTML, a paragraph each."""
    size = found.images.shape[1:3]
    notes = (channel_note(found.images.shape[-1]), rim_note(found.retina, size, found.trajectory.locations))
    reading = [_frames(found.retina), *notes, _ENTROPY.format(start=found.entropies[0, 0]), _scales(found)]
    return [sentence for sentence in (*reading, "" if found.reconstructions is None else _WITH_VAE, _faithful(found)) if sentence]


def entropy_rose(gains):
    """A sentence where a look left the model less sure than it was; empty where none did.

    Args:
        gains: `[T]` nats.
    """
    looks = [look for look, gain in enumerate(gains) if gain < -_RISE]
    if not looks:
        return ""
    numbers = f"{'look' if len(looks) == 1 else 'looks'} {look_numbers(looks)}"
    return f"Entropy rose at {numbers}: what it saw there fits other classes than the one it believed in, so that it became less sure."


def changed(share, count):
    """How many of the answers to `count` images changed, as the end of a sentence.

    Example:
        >>> changed(0.0, 20), changed(0.85, 20), changed(1.0, 1)
        ('changed no answer', 'changed 85 % of the answers', 'changed the answer')
    """
    if count == 1:
        return "changed the answer" if share else "did not change the answer"
    return {0.0: "changed no answer", 1.0: "changed every answer"}.get(share, f"changed {100 * share:.0f} % of the answers")


def _frames(retina):
    if retina.num_scales == 1:
        return f"A <b>frame</b> is what a look sees, {retina.patch_size} px a side."
    return (
        f"A look sees {retina.num_scales} patches around one place, each twice as wide as the one before and half as sharp. The <b>bold "
        f"frame</b> is the sharpest ({retina.patch_size} px a side), the <b>thin frames</b> are the wider ones."
    )


def _scales(found):
    """Which scale of the retina told the most; empty where there is but one."""
    if found.retina.num_scales == 1:
        return ""
    worth = found.scale_worth.mean(axis=0)
    listed = ", ".join(f"{found.retina.patch_size * 2**scale} px ({worth[scale]:+.1f} nats)" for scale in found.scales_by_worth)
    return f"<b>Scales</b>, the most telling first, by what the answer's log-odds lose when that scale is black at every look: {listed}."


def _faithful(found):
    truth, count = found.faithfulness, len(found.images)
    sentence = _FAITHFUL.format(unseen=_unseen(truth, count), lost=changed(truth.control_flipped, count))
    if not truth.moved:
        return sentence
    return f"{sentence} Free to choose, it moved its places by {truth.moved:.2f} image sides: it chooses by the whole image."


def _unseen(truth, count):
    """What came of hiding all that no look has seen."""
    if truth.seen_share == 1:
        return "Its looks covered all of every image, so that there was nothing else to hide"
    kept = f"Hiding everything it did not look at ({100 * (1 - truth.seen_share):.0f} % of the pixels) {changed(truth.flipped, count)}"
    return kept if truth.change == 0 else f"{kept}, and a class's probability by at most {100 * truth.change:.2g} points"
