"""The figures of tf_glimpse. From the repository's root, `python -m benchmarks.ROOM.SCRIPT` runs a script, `python -m benchmarks.tables`
makes the pages of what all of them measured."""
