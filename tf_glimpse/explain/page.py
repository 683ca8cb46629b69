"""An `Explanation` as one HTML page that holds its own pictures."""

import html

import numpy as np

from tf_glimpse.explain import svg
from tf_glimpse.ops.coverage import place_counts

_MOST_CLASSES = 10  # bars beside each look; with more classes, the likeliest

_STYLE = """
:root { --ink: #1d2330; --soft: #667085; --line: #d9dee8; --bar: #3b6fd4 }
* { box-sizing: border-box }
body { margin: 0; padding: 24px; background: #f5f6f9; color: var(--ink); font: 14px/1.45 system-ui, "DejaVu Sans", sans-serif }
main { max-width: 1500px; margin: 0 auto }
h1 { font-size: 22px; margin: 0 0 4px } h2 { font-size: 16px; margin: 0 0 10px } p { margin: 4px 0 }
.soft { color: var(--soft) } .right { color: #197a43 } .wrong { color: #b42318 }
section { background: #fff; border: 1px solid var(--line); border-radius: 8px; padding: 16px; margin-top: 16px }
.case { display: grid; grid-template-columns: 250px minmax(0, 1fr); gap: 20px }
.scroll { overflow-x: auto }
table { border-collapse: collapse }
th, td { padding: 6px 8px; text-align: left; vertical-align: top; border-top: 1px solid var(--line) }
thead th { border-top: 0; white-space: nowrap }
tbody th { color: var(--soft); font-weight: 500; max-width: 110px }
img, svg image { image-rendering: pixelated } img { display: block; border: 1px solid var(--line) }
.row { display: flex; flex-wrap: wrap; gap: 6px; align-items: flex-end }
figure { margin: 0 } figcaption { font-size: 11px; color: var(--soft) }
.bar { display: grid; grid-template-columns: auto 1fr 30px; gap: 5px; align-items: center; width: 112px;
  font-size: 11px; line-height: 1.25 }
.bar i { height: 8px; background: var(--bar); min-width: 1px }
.bar b { font-weight: 400; overflow: hidden; text-overflow: ellipsis; max-width: 48px }
.bar span { text-align: right; color: var(--soft) } .bar.best b, .bar.best span { font-weight: 700; color: var(--ink) }
.chip { display: inline-block; width: 10px; height: 10px; border-radius: 50%; margin-right: 5px }
"""

_READING = """
<p><b>Entropy</b> is the model's own doubt about the class, in nats: ln K = {start:.2f} before the first look, 0 when it is sure. The
<b>gain</b> of a look is the entropy it took away; a model may be sure and wrong, so read it beside the truth. The <b>worth</b> of a look is
how many nats the answer's log-odds lose when that look alone shows black. {reconstructions}</p>
<p><b>Faithful:</b> with noise in place of all that no look has seen ({unseen:.0%} of the pixels), at the same places, the class
probabilities changed by at most {change:.1g}, and {flipped:.0%} of the answers became others; with noise in place of what was seen,
{control:.0%} did.{moved}</p>
"""

_WITH_VAE = """<b>Reconstructions</b> show what the state after a look says about the whole image: the mean picture, and below it
pictures of codes drawn from the posterior, which differ where what was seen leaves the image open."""


def page(found):
    """The page as a string.

    Args:
        found: an `Explanation`.
    """
    many = len(found.images) > 1
    parts = [_summary(found), *([_together(found)] if many else []), *(_case(found, index) for index in range(len(found.images)))]
    title = html.escape(found.title)
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title><style>{_STYLE}</style>'
    main = f"<main><h1>Where it looked, and what that told it</h1>{''.join(parts)}</main>"
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{main}</body></html>\n'


def _summary(found):
    moved = found.faithfulness.moved
    reading = _READING.format(
        start=found.entropies[0, 0],
        reconstructions=_WITH_VAE if found.reconstructions is not None else "",
        unseen=1 - found.faithfulness.seen_share,
        change=found.faithfulness.change,
        flipped=found.faithfulness.flipped,
        control=found.faithfulness.control_flipped,
        moved=f" Its own choice of places moved by {moved:.2f} image sides: it chooses by the whole image." if moved else "",
    )
    return f'<p class="soft">{html.escape(found.title)}</p><section><h2>How to read this</h2>{reading}</section>'


def _together(found):
    """All images at once: where each look went, and how the doubt fell."""
    counts = place_counts(found.trajectory.locations)
    maps = [
        _figure(svg.picture(svg.heat(count / max(count.max(), 1)), 96), f"look {look + 1}", look, len(counts))
        for look, count in enumerate(counts)
    ]
    mean, low, high = found.entropies.mean(axis=0), *np.quantile(found.entropies, [0.1, 0.9], axis=0)
    answers = f"{len(found.images)} images."
    if found.labels is not None:
        answers += f" {(found.answers == found.labels).mean():.0%} of the answers are right."
    return f"""<section><h2>All images</h2><p>{answers} Where each look went, brighter for more images (upper left of a map is upper left
of the image):</p><div class="row">{"".join(maps)}</div><p>Entropy after each look, mean, with 10 % to 90 % of the images in the band:</p>
{svg.curve(mean, low, high)}</section>"""


def _case(found, index):
    """One image: its scanpath, and a table with a column a look."""
    looks = found.shares.shape[1]
    answer = found.answers[index]
    verdict, style = f"{found.class_names[answer]}, {found.shares[index, -1, answer]:.1%}", ""
    if found.labels is not None:
        style = "right" if answer == found.labels[index] else "wrong"
        verdict += f" (true: {found.class_names[found.labels[index]]})"
    heads = "".join(f"<th>{_chip(look, looks)}look {look + 1}</th>" for look in range(looks))
    rows = "".join(
        f"<tr><th>{name}</th>{''.join(f'<td>{cell(look)}</td>' for look in range(looks))}</tr>" for name, cell in _cells(found, index)
    )
    return f"""<section><h2>Image {index + 1}: <span class="{style}">{html.escape(verdict)}</span></h2><div class="case">
<div>{svg.scanpath(found.images[index], found.trajectory.locations[index], found.retina)}</div>
<div class="scroll"><table><thead><tr><th></th>{heads}</tr></thead><tbody>{rows}</tbody></table></div>
</div></section>"""


def _cells(found, index):
    """The table's rows: (name, look -> cell)."""
    yield "seen by the retina", lambda look: _views(found, index, look)
    yield "class scores", lambda look: _bars(found, index, look)
    yield "entropy (gain), nats", lambda look: f"{found.entropies[index, look + 1]:.3f} ({found.gains[index, look]:+.3f})"
    yield "worth, nats", lambda look: f"{found.attribution[index, look]:+.3f}"
    if found.reconstructions is not None:
        yield "reconstruction", lambda look: svg.picture(found.reconstructions[index, look], 84)
        yield "posterior samples", lambda look: _row(svg.picture(sample[index, look], 34) for sample in found.samples)


def _views(found, index, look):
    sides = [found.retina.patch_size * 2**scale for scale in range(found.retina.num_scales)]
    return _row(_figure(svg.picture(view, 34), f"{side} px") for view, side in zip(found.views[index, look], sides, strict=True))


def _bars(found, index, look):
    shares = found.shares[index, look]
    shown = np.sort(np.argsort(-shares, kind="stable")[:_MOST_CLASSES])
    return "".join(_bar(found.class_names[number], shares[number], number == shares.argmax()) for number in shown)


def _bar(name, share, best):
    marked = "bar best" if best else "bar"
    return f'<div class="{marked}"><b>{html.escape(str(name))}</b><i style="width:{100 * share:.1f}%"></i><span>{share:.0%}</span></div>'


def _chip(look, looks):
    return f'<span class="chip" style="background:{svg.colour(look, looks)}"></span>'


def _figure(picture, caption, look=None, looks=None):
    chip = "" if look is None else _chip(look, looks)
    return f"<figure>{picture}<figcaption>{chip}{caption}</figcaption></figure>"


def _row(parts):
    return f'<div class="row">{"".join(parts)}</div>'
