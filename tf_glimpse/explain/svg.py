"""Pixels and small charts as HTML and SVG that need no other file."""

import base64
import io

import numpy as np

from tf_glimpse.ops.coordinates import patch_corners


def scanpath(image, locations, retina, width=250):
    """The image with a frame for each scale of each look, a line from place to place, and the looks' numbers.

    Args:
        image: `[H, W, C]` float 0-1.
        locations: `[T, 2]` (y, x) in [-1, 1].
        retina: a `Retina`.
        width: in CSS pixels.
    """
    size = image.shape[:2]
    centres = (locations + 1) / 2 * size
    looks, font = len(locations), size[1] / width * 13
    frames = [
        _frame(location, size, retina, scale, colour(look, looks))
        for look, location in enumerate(locations)
        for scale in range(retina.num_scales)
    ]
    points = " ".join(f"{column:.2f},{row:.2f}" for row, column in centres)
    line = f'<polyline points="{points}" fill="none" stroke="white" stroke-opacity=".75" vector-effect="non-scaling-stroke"/>'
    numbers = [_number(look, row, column, font, colour(look, looks)) for look, (row, column) in enumerate(centres)]
    inside = f'<image href="{data_url(image)}" width="{size[1]}" height="{size[0]}"/>{"".join(frames)}{line}{"".join(numbers)}'
    return f'<svg viewBox="0 0 {size[1]} {size[0]}" width="{width}" role="img" aria-label="scanpath">{inside}</svg>'


def _frame(location, image_size, retina, scale, stroke):
    side, step = retina.window(scale)
    top, left = patch_corners(location, image_size, side, step).numpy()
    style = 'stroke-width="1.6"' if scale == 0 else 'stroke-width="0.7" stroke-opacity="0.4"'
    place = f'x="{left}" y="{top}" width="{side}" height="{side}"'
    return f'<rect {place} fill="none" stroke="{stroke}" {style} vector-effect="non-scaling-stroke"/>'


def _number(look, row, column, font, fill):
    place = f'x="{column:.2f}" y="{row + font / 3:.2f}" font-size="{font:.2f}" font-weight="700" text-anchor="middle"'
    return f'<text {place} fill="{fill}" stroke="black" stroke-width="{font / 6:.2f}" paint-order="stroke">{look + 1}</text>'


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
    return f'<svg width="{width}" height="{height}" role="img" aria-label="entropy by look">{shapes}</svg>'


def heat(values):
    """Values 0-1 `[H, W]` as colours `[H, W, 3]`."""
    import matplotlib

    return matplotlib.colormaps["magma"](values)[..., :3]


def colour(look, looks):
    """The look's colour, as in `draw_glimpses`, for CSS."""
    import matplotlib.colors

    return matplotlib.colors.to_hex(matplotlib.colormaps["plasma"](0.35 + 0.6 * look / max(looks - 1, 1)))


def picture(pixels, width):
    """Pixels `[H, W, C]` 0-1 as an image so many CSS pixels wide."""
    height = round(width * pixels.shape[0] / pixels.shape[1])
    return f'<img src="{data_url(pixels)}" width="{width}" height="{height}" alt="">'


def data_url(pixels):
    """A PNG in a URL, of pixels `[H, W, C]` 0-1."""
    from PIL import Image

    levels = np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels).save(stream, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
