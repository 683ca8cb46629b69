"""Shards of sequences, TFRecord files that TensorFlow Datasets reads, and the first glimpse's map: each written whole or not at all."""

import numpy as np
import tensorflow as tf

from tf_glimpse.files import write_whole
from tf_glimpse.ops.coordinates import cell_centres
from tf_glimpse.types import UserError

NAME = "glimpse_sequences"
FIRST_MAP = "first_map.npy"


def shard_path(folder, plan, shard):
    """The file of a shard, which is there once it is whole."""
    return folder / f"{NAME}-train.tfrecord-{shard:05d}-of-{len(plan.shard_lengths):05d}"


def check_shard(folder, plan, shard):
    """Refuses a shard that is not whole.

    Raises:
        UserError: one that is missing, damaged or cut short; names the file, which stays as it is.
    """
    path = shard_path(folder, plan, shard)
    expected = plan.shard_lengths[shard]
    try:
        found = sum(1 for _ in tf.data.TFRecordDataset(str(path)))
    except tf.errors.OpError as error:
        raise UserError(f"the shard {path} is damaged ({str(error).splitlines()[0]}); delete it, and make it again") from error
    if found != expected:
        raise UserError(f"the shard {path} is cut short, {found} of {expected} sequences; delete it, and make it again")


def write_shard(folder, plan, shard, positions, labels, sequences):
    """One shard's examples."""
    features, places = _features(plan), cell_centres(plan.grid).numpy()

    def write(part):
        with tf.io.TFRecordWriter(str(part)) as writer:
            for row, position in enumerate(positions):
                example = {"index": position, "label": labels[row], "cells": sequences.cells[row], "actions": places[sequences.cells[row]]}
                example |= {"maps": sequences.maps[row], "entropies": sequences.entropies[row]}
                writer.write(features.serialize_example(features.encode_example(example)))

    write_whole(shard_path(folder, plan, shard), write)


def read_first_map(folder, plan):
    """The expected entropies `[h * w]` of the first glimpse.

    Raises:
        UserError: a damaged file, which stays as it is.
    """
    file = folder / FIRST_MAP
    try:
        found = np.load(file)
    except (ValueError, OSError, EOFError) as error:
        raise UserError(f"{file} is damaged ({error}); delete it, and `tf-glimpse sequences` makes it again") from error
    if found.shape != (plan.grid[0] * plan.grid[1],):
        raise UserError(f"{file} is of another grid than {plan.grid}; delete it, and `tf-glimpse sequences` makes it again")
    return found


def finish(folder, plan):
    """Writes what TFDS reads first, once all shards are there; returns whether they are."""
    import tensorflow_datasets as tfds

    shards = [shard_path(folder, plan, shard) for shard in range(len(plan.shard_lengths))]
    if not all(path.exists() for path in shards):
        return False
    template = tfds.core.ShardedFileTemplate(data_dir=folder, dataset_name=NAME, split="train", filetype_suffix="tfrecord")
    split = tfds.core.SplitInfo("train", plan.shard_lengths, sum(path.stat().st_size for path in shards), filename_template=template)
    about = f"Near-optimal glimpse sequences for images of {plan.data}, numbered as in its training split."
    tfds.folder_dataset.write_metadata(
        data_dir=folder, features=_features(plan), split_infos=[split], filename_template=template, check_data=False, description=about
    )
    return True


def _features(plan):
    import tensorflow_datasets as tfds

    looks, cells = plan.num_glimpses, plan.grid[0] * plan.grid[1]
    tensors = {"cells": ((looks,), np.int32), "actions": ((looks, 2), np.float32), "maps": ((looks, cells), np.float32)}
    tensors |= {"entropies": ((looks,), np.float32), "index": ((), np.int64), "label": ((), np.int64)}
    return tfds.features.FeaturesDict({name: tfds.features.Tensor(shape=shape, dtype=dtype) for name, (shape, dtype) in tensors.items()})
