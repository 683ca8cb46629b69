"""An `Explanation` as one HTML page that holds its own pictures, on screens of any width."""

import html

import numpy as np

from tf_glimpse.explain import captions, svg
from tf_glimpse.explain.page_words import entropy_rose, how_to_read
from tf_glimpse.explain.views import overlaid
from tf_glimpse.ops.coverage import place_counts

_MOST_CLASSES = 10  # bars beside each look; with more classes, those that were the likeliest at any look
_NAME = 14  # letters of a class name that stand before its bar on one line; longer names take several

_STYLE = """
:root { --ink: #1d2330; --soft: #667085; --line: #d9dee8; --bar: #3b6fd4 }
* { box-sizing: border-box }
body { margin: 0; padding: 16px; background: #f5f6f9; color: var(--ink); font: 14px/1.45 system-ui, "DejaVu Sans", sans-serif;
  overflow-wrap: anywhere }
main { max-width: 1500px; margin: 0 auto }
h1 { font-size: 22px; margin: 0 0 4px } h2 { font-size: 16px; margin: 0 0 10px } h3 { font-size: 13px; margin: 0 0 6px }
p { margin: 4px 0; max-width: 110ch }
.soft { color: var(--soft) } .right { color: #197a43 } .wrong { color: #b42318 }
section { background: #fff; border: 1px solid var(--line); border-radius: 8px; padding: 14px; margin-top: 16px }
.case { display: grid; grid-template-columns: minmax(0, 320px) minmax(0, 1fr); gap: 20px }
@media (max-width: 900px) { .case { grid-template-columns: minmax(0, 1fr) } }
.looks { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 16px 20px }
svg { display: block; width: 100%; height: auto }
img, svg image { image-rendering: pixelated } img { display: block; border: 1px solid var(--line); max-width: 100% }
.row { display: flex; flex-wrap: wrap; gap: 6px; align-items: flex-end; margin: 6px 0 }
figure { margin: 0 } figcaption { font-size: 11px; color: var(--soft) }
.bar { display: grid; grid-template-columns: min(var(--name), 45%) minmax(0, 1fr) 38px; gap: 5px; align-items: center;
  font-size: 11px; line-height: 1.25 }
.bar i { display: block; height: 8px; background: var(--bar); min-width: 1px }
.bar b { font-weight: 400 }
.bar span { text-align: right; color: var(--soft); white-space: nowrap } .bar.best b, .bar.best span { font-weight: 700; color: var(--ink) }
dl { display: grid; grid-template-columns: auto 1fr; gap: 0 8px; margin: 6px 0; font-size: 12px } dt { color: var(--soft) } dd { margin: 0 }
.chip { display: inline-block; width: 10px; height: 10px; border-radius: 50%; border: 1px solid #000; margin-right: 5px }
"""


def page(found):
    """The page as a string.

    Args:
        found: an `Explanation`.
    """
    many = len(found.images) > 1
    parts = [_summary(found), *([_together(found)] if many else []), *(_case(found, index) for index in range(len(found.images)))]
    title = _escaped(found.title)
    longest = max(len(captions.readable(name)) for name in found.class_names)
    style = f"{_STYLE}:root {{ --name: {min(longest, _NAME)}ch }}"
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title><style>{style}</style>'
    main = f"<main><h1>Where it looked, and what that told it</h1>{''.join(parts)}</main>"
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{main}</body></html>\n'


def _summary(found):
    sentences = "".join(f"<p>{sentence}</p>" for sentence in how_to_read(found))
    looks = found.shares.shape[1]
    ends = f"{_chip(0, looks)}look 1" + (f" to {_chip(looks - 1, looks)}look {looks}" if looks > 1 else "")
    legend = f"<p><b>Colours</b> of frames, dots and numbers go from {ends}.</p>"
    return f'<p class="soft">{_escaped(found.title)}</p><section><h2>How to read this</h2>{legend}{sentences}</section>'


def _together(found):
    """All images at once: where each look went, and how the doubt fell."""
    counts = place_counts(found.trajectory.locations)
    maps = [
        _figure(svg.picture(svg.heat(count / max(count.max(), 1)), 96), f"{_chip(look, len(counts))}look {look + 1}")
        for look, count in enumerate(counts)
    ]
    mean, (low, high) = found.entropies.mean(axis=0), np.quantile(found.entropies, [0.1, 0.9], axis=0)
    answers = f"{len(found.images)} images."
    if found.labels is not None:
        right = int((found.answers == found.labels).sum())
        answers += f" {right} of the answers {'is' if right == 1 else 'are'} right ({100 * right / len(found.images):.0f} %)."
    return f"""<section><h2>All images</h2><p>{answers} Where each look went, brighter for more images (upper left of a map is upper left
of the image):</p>{_row(maps)}<p>Entropy after each look, in nats: the line is the mean, the band holds 10 % to 90 % of the images.</p>
{svg.curve(mean, low, high)}</section>"""


def _case(found, index):
    """One image: its scanpath, and a card a look."""
    looks = found.shares.shape[1]
    text, right = captions.says(found.shares[index, -1], found.class_names, None if found.labels is None else found.labels[index])
    style = "" if right is None else "right" if right else "wrong"
    rose = entropy_rose(found.gains[index])
    return f"""<section><h2>{_escaped(found.names[index])}: <span class="{style}">{_escaped(text)}</span></h2><div class="case">
<div>{svg.scanpath(found.images[index], found.trajectory.locations[index], found.retina)}{f"<p>{rose}</p>" if rose else ""}</div>
<div class="looks">{"".join(_card(found, index, look) for look in range(looks))}</div></div></section>"""


def _card(found, index, look):
    """One look: what was seen, the classes' probabilities after it, its figures, what the state knows of the image."""
    figures = {
        "entropy": f"{found.entropies[index, look + 1]:.3f}",
        "gain": f"{found.gains[index, look]:+.3f}",
        "worth": f"{found.attribution[index, look]:+.3f}",
    }
    listed = "".join(f"<dt>{name}</dt><dd>{value} nats</dd>" for name, value in figures.items())
    head = f"<h3>{_chip(look, found.shares.shape[1])}look {look + 1}</h3>"
    return f"<div>{head}{_views(found, index, look)}{_bars(found, index, look)}<dl>{listed}</dl>{_reconstructed(found, index, look)}</div>"


def _views(found, index, look):
    """All scales in one picture; below it each by itself, the most telling first."""
    views, size = found.views[index, look], found.retina.patch_size
    whole = _figure(svg.picture(overlaid(views), 130), "seen by the retina")
    if len(views) == 1:
        return whole
    return whole + _row(_figure(svg.picture(views[scale], 40), f"{size * 2**scale} px") for scale in found.scales_by_worth)


def _bars(found, index, look):
    shares = found.shares[index]
    shown = np.sort(np.argsort(-shares.max(axis=0), kind="stable")[:_MOST_CLASSES])
    names, best = [captions.class_name(found.class_names, number) for number in shown], shares[look].argmax()
    return "".join(_bar(name, shares[look, number], number == best) for name, number in zip(names, shown, strict=True))


def _bar(name, share, best):
    marked = "bar best" if best else "bar"
    track = f'<div><i style="width:{100 * share:.1f}%"></i></div>'
    return f'<div class="{marked}"><b>{_escaped(name)}</b>{track}<span>{100 * share:.0f} %</span></div>'


def _reconstructed(found, index, look):
    if found.reconstructions is None:
        return ""
    made = _figure(svg.picture(found.reconstructions[index, look], 84), "reconstruction")
    return made + _figure(_row(svg.picture(sample[index, look], 34) for sample in found.samples), "posterior samples")


def _chip(look, looks):
    return f'<span class="chip" style="background:{svg.colour(look, looks)}"></span>'


def _figure(picture, caption):
    return f"<figure>{picture}<figcaption>{caption}</figcaption></figure>"


def _row(parts):
    return f'<div class="row">{"".join(parts)}</div>'


def _escaped(text):
    return html.escape(captions.readable(text))
