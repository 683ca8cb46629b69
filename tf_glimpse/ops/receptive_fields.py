"""How far a cell of a BagNet sees, and which kernels make it see that far."""

import itertools

from tf_glimpse.types import UserError

STEM = 3  # pixels a side of the first convolution


def receptive_field_of(wide_blocks, strides):
    """Pixels a side of what a cell sees, where so many blocks of each group have 3x3 kernels and the first block of each has the stride.

    Example:
        >>> receptive_field_of((2, 2, 2, 2), (2, 2, 2, 1))
        77
    """
    side, jump = STEM, 1
    for wide, stride in zip(wide_blocks, strides, strict=True):
        side += 2 * jump * (wide > 0) + 2 * jump * stride * max(wide - 1, 0)
        jump *= stride
    return side


def choose_wide_blocks(receptive_field, wide_blocks, blocks, strides):
    """How many blocks of each group have 3x3 kernels.

    Args:
        receptive_field: the field that they are to make, 77 if neither this nor `wide_blocks` is given.
        wide_blocks: the counts themselves, or None: as few as possible in the group with most of them, then the early groups first.
        blocks, strides: how many blocks each group has, and the stride of its first one.

    Raises:
        UserError: counts that do not fit the blocks or the field, or a field that no counts make.

    Example:
        >>> choose_wide_blocks(17, None, (3, 4, 6, 3), (2, 2, 2, 1))
        (1, 1, 1, 0)
    """
    if wide_blocks is None:
        return _find_wide_blocks(77 if receptive_field is None else receptive_field, blocks, strides)
    wide = tuple(wide_blocks)
    if len(wide) != len(blocks) or any(not 0 <= few <= most for few, most in zip(wide, blocks, strict=True)):
        raise UserError(f"wide_blocks expects one number a group, at most its blocks {blocks}. Received: {wide}")
    if receptive_field not in (None, receptive_field_of(wide, strides)):
        field = receptive_field_of(wide, strides)
        raise UserError(f"wide_blocks {wide} make a receptive field of {field} pixels. Received: {receptive_field=}; pass one of the two")
    return wide


def _find_wide_blocks(receptive_field, blocks, strides):
    fields = {}
    for wide in sorted(itertools.product(*(range(most + 1) for most in blocks)), key=lambda wide: (max(wide), [-few for few in wide])):
        fields.setdefault(receptive_field_of(wide, strides), wide)
    if receptive_field not in fields:
        near = sorted(sorted(fields, key=lambda field: abs(field - receptive_field))[:4])
        raise UserError(f"no BagNet of these groups has receptive_field={receptive_field}; near it are {', '.join(map(str, near))}.")
    return fields[receptive_field]
