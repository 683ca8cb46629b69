"""What a user should know about data that were read, in words: a line each."""

import warnings

import numpy as np

from tf_glimpse.types import DataWarning

_DEPTHS = (255, 1023, 4095, 16383, 32767)  # the highest values of 8, 10, 12, 14 and 15 bits


def tell(notes, stacklevel=3):
    """Warns of each note, so that a program can catch or silence it; the command line prints them."""
    for note in notes:
        warnings.warn(note, DataWarning, stacklevel=stacklevel)


def listed(names, most=5, joint=", "):
    """The first names, and how many more there are."""
    names = [str(name) for name in names]
    rest = len(names) - most
    return joint.join(names[:most]) + (f"{joint}and {rest} more" if rest > 0 else "")


def counted(count, one, several=None):
    """ "1 image", "2 images", "1,000 images"."""
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def skipped_note(errors):
    """Which images were left out, and why; `errors` as decoding raised them."""
    return f"left out {counted(len(errors), 'image')}: {listed(errors, most=100, joint='; ')}"


def channel_notes(scans, grey, channels):
    """How the images' channels were made alike.

    Args:
        scans: of each image that was decoded, something with a `decoded`.
        grey: bools, whether each image is stored grey.
        channels: that all have now.
    """
    notes, see_through = [], sum(scan.decoded.see_through for scan in scans)
    more_bands = sum(scan.decoded.more_bands for scan in scans)
    if channels > 1 and 0 < sum(grey) < len(grey):
        notes.append(f"{sum(grey):,} of {counted(len(grey), 'image')} are grey, the others in colour; all are read as {channels} channels")
    if see_through:
        kept = "`channels=4` keeps transparency as a fourth channel"
        notes.append(f"{see_through:,} of {counted(len(scans), 'image')} have transparent parts, which are read as if opaque; {kept}")
    if more_bands:
        notes.append(f"{more_bands:,} of {counted(len(scans), 'image')} have more bands than are read, {channels}; the others are left out")
    return notes


def level_notes(scans, white_level=None):
    """How files of more than 8 bits a value were scaled, where that may not be what was meant."""
    deep = [scan.decoded for scan in scans if scan.decoded.highest is not None]
    if not deep:
        return []
    highest, whites = max(image.highest for image in deep), sorted({image.white for image in deep})
    files = f"{counted(len(deep), 'file')} of more than 8 bits"
    if white_level is not None:
        above = sum(image.highest > white_level for image in deep)
        clipped = f"{above:,} of {files} have values above white_level={white_level:g}, up to {highest:g}; these became white"
        return [clipped] if above else []
    if len(whites) > 1:
        shares = ", ".join(f"{sum(image.white == white for image in deep):,} with white at {white}" for white in whites)
        return [f"{files} were scaled each by its own highest value ({shares}); if they have one scale, give `white_level`"]
    if whites == [65535] and highest <= _DEPTHS[-1]:
        white = next(depth for depth in _DEPTHS if highest <= depth)
        dark = f"reach {highest:g} of 65535 at most, and are read dark, as 0 to {highest // 256:g} of 255"
        return [f"{files} {dark}; if {white} is their white, pass `white_level={white}`"]
    return []


def copy_notes(sources, grouped=False):
    """Which images are there more than once.

    Args:
        sources: dict of split -> `ImageSource` with `files` and `copies`; others are left out.
        grouped: whether copies were kept in one part.
    """
    sources = {name: source for name, source in sources.items() if source is not None and source.files and source.copies is not None}
    if not sources:
        return []
    copies, labels = (np.concatenate([getattr(source, part) for source in sources.values()]) for part in ("copies", "labels"))
    files = [f"{name}/{file}" if len(sources) > 1 else file for name, source in sources.items() for file in source.files]
    first = {}
    pairs = [(place, first[copy]) for place, copy in enumerate(copies) if first.setdefault(copy, place) != place]
    notes = []
    if pairs:
        notes.append(f"{len(pairs):,} of {counted(len(files), 'image')} are copies of another, pixel for pixel ({_pairs(pairs, files)})")
    if torn := [pair for pair in pairs if labels[pair[0]] != labels[pair[1]]]:
        notes.append(f"the same image lies in more than one class, {counted(len(torn), 'time')} ({_pairs(torn, files)})")
    return [*notes, *leak_notes(sources, grouped)]


def leak_notes(sources, grouped=False):
    """How many images to judge by were trained on; arguments as for `copy_notes`."""
    train = sources["train"]
    for name, source in sources.items():
        known = name != "train" and source is not None and source.copies is not None and train.copies is not None
        leaked = int(np.isin(source.copies, train.copies).sum()) if known else 0
        if leaked:
            remedy = "" if grouped or name == "test" else "; `group_duplicates=True` keeps copies in one part of a folder without splits"
            images = counted(len(source), f"{name} image")
            yield f"{leaked:,} of {images} are copies of training images: the error will look too small{remedy}"


def _pairs(pairs, files):
    return listed([f"{files[place]} = {files[first]}" for place, first in pairs], most=3)
