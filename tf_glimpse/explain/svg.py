"""Pixels and small charts as HTML and SVG that need no other file."""

import base64
import io

import numpy as np

from tf_glimpse.explain import scanpath as places
from tf_glimpse.explain.scanpath import numbered
from tf_glimpse.explain.views import displayed
from tf_glimpse.ops.coordinates import patch_corners


def scanpath(image, locations, retina, width=320):
    """The image with a frame for each scale of each look, a line from place to place, and the looks' numbers.

    Args:
        image: `[H, W, C]` float 0-1.
        locations: `[T, 2]` (y, x) in [-1, 1].
        retina: a `Retina`.
        width: in CSS pixels, at most.
    """
    size, looks = image.shape[:2], len(locations)
    centres, font = (np.asarray(locations) + 1) / 2 * size, size[1] / width * 14
    frames = "".join(
        _frame(location, size, retina, scale, colour(look, looks))
        for look, location in enumerate(locations)
        for scale in reversed(range(retina.num_scales))
    )
    dots = "".join(_dot(*centre, font, colour(look, looks)) for look, centre in enumerate(centres))
    numbers = "".join(_number(*row, font, looks) for row in numbered(centres, font, size))
    inside = f'<image href="{data_url(image)}" width="{size[1]}" height="{size[0]}"/>{frames}{_line(centres, "white", 1)}{dots}{numbers}'
    return f'<svg viewBox="0 0 {size[1]} {size[0]}" style="max-width:{width}px" role="img" aria-label="scanpath">{inside}</svg>'


def _frame(location, image_size, retina, scale, stroke):
    side, step = retina.window(scale)
    top, left = patch_corners(location, image_size, side, step).numpy()
    return _outlined(f'<rect x="{left}" y="{top}" width="{side}" height="{side}"', stroke, *((1.6, 1) if scale == 0 else (0.7, 0.7)))


def _line(points, stroke, width):
    places = " ".join(f"{column:.2f},{row:.2f}" for row, column in points)
    return _outlined(f'<polyline points="{places}"', stroke, width, 1)


def _outlined(shape, stroke, width, opacity):
    """A shape drawn dark and wide, then bright and narrow on it, so that it can be seen on white and on black."""
    style = f'fill="none" vector-effect="non-scaling-stroke" stroke-opacity="{opacity}"'
    return f'{shape} {style} stroke="black" stroke-width="{width + 1.4:g}"/>{shape} {style} stroke="{stroke}" stroke-width="{width:g}"/>'


def _dot(row, column, font, fill):
    place = f'cx="{column:.2f}" cy="{row:.2f}" r="{0.22 * font:.2f}"'
    return f'<circle {place} fill="{fill}" stroke="black" stroke-width="{font / 14:.3f}"/>'


def _number(text, anchor, place, look, font, looks):
    row, column = place
    outline = f'stroke="black" stroke-width="{font / 5:.2f}" paint-order="stroke"'
    style = f'font-size="{font:.2f}" font-weight="700" text-anchor="middle" {outline}'
    shade = colour(look, looks)
    words = f'<text x="{column:.2f}" y="{row + 0.36 * font:.2f}" {style} fill="{shade}">{text}</text>'
    return _line([anchor, place], shade, 0.6) + words


def curve(mean, low, high, width=460, height=150):
    """A small chart of values at 0, 1, 2, ..., with a band from `low` to `high`, all `[N]` and at least 0."""
    left, bottom, top, highest = 34, height - 22, 8, max(float(np.max(high)), 1e-6)
    columns = np.linspace(left, width - 10, len(mean))

    def points(values):
        rows = bottom - np.asarray(values) / highest * (bottom - top)
        return [f"{column:.1f},{row:.1f}" for column, row in zip(columns, rows, strict=True)]

    ticks = "".join(f'<text x="{column:.1f}" y="{height - 6}" text-anchor="middle">{look}</text>' for look, column in enumerate(columns))
    sides = "".join(
        f'<text x="{left - 5}" y="{row}" text-anchor="end">{text}</text>' for row, text in ((top + 5, f"{highest:.1f}"), (bottom + 3, "0"))
    )
    shapes = f"""<g font-size="11" fill="#667085">{ticks}{sides}</g>
<line x1="{left}" x2="{width - 10}" y1="{bottom}" y2="{bottom}" stroke="#98a2b3"/>
<polygon points="{" ".join(points(high) + points(low)[::-1])}" fill="#3b6fd4" opacity=".18"/>
<polyline points="{" ".join(points(mean))}" fill="none" stroke="#3b6fd4" stroke-width="2"/>"""
    style = f'viewBox="0 0 {width} {height}" style="max-width:{width}px"'
    return f'<svg {style} role="img" aria-label="entropy by look">{shapes}</svg>'


def heat(values):
    """Values 0-1 `[H, W]` as colours `[H, W, 3]`."""
    import matplotlib

    return matplotlib.colormaps["magma"](values)[..., :3]


def colour(look, looks):
    """The look's colour, as in `draw_glimpses`, for CSS."""
    import matplotlib.colors

    return matplotlib.colors.to_hex(places.colour(look, looks))


def picture(pixels, width):
    """Pixels `[H, W, C]` 0-1 as an image so many CSS pixels wide."""
    height = round(width * pixels.shape[0] / pixels.shape[1])
    return f'<img src="{data_url(pixels)}" width="{width}" height="{height}" alt="">'


def data_url(pixels):
    """A PNG in a URL, of pixels `[H, W, C]` 0-1, shown as `displayed` says."""
    from PIL import Image

    levels = np.round(displayed(pixels) * 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels).save(stream, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
