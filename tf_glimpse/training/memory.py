"""Memory between training steps: kept, so that the system need not clear it anew each time."""

import ctypes

# Of mallopt(3), in glibc's malloc.h: where to give back, what to ask for beyond need, and how many mappings and arenas there may be.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX, _ARENA_MAX = -1, -2, -4, -8
_MOST = 2**31 - 1


def keep_freed_memory():
    """Lets this process keep what it frees. Returns whether it will: with glibc it does, elsewhere nothing changes.

    A compiled step asks for some hundred megabytes and frees them at its end; glibc gives so large a piece back to the system, which clears
    every page of it again for the next step. To be called before TensorFlow starts its threads; what was largest is kept to the process's end.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    settings = {_ARENA_MAX: 1, _MMAP_MAX: 0, _TRIM_THRESHOLD: _MOST, _TOP_PAD: 2**26}
    return mallopt is not None and all(mallopt(name, value) == 1 for name, value in settings.items())
