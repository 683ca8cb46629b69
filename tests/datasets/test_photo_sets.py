"""The photo sets of TFDS, prepared by their real builders from small archives laid out as the published ones."""

import dataclasses
import hashlib
import io
import tarfile

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image
from sklearn.datasets import load_sample_images

from tf_glimpse.datasets import PhotoAugmentation, load_photos, train_batches

SIZES = [(60, 80), (90, 50), (64, 64), (40, 120)]  # photos of different shapes


def photo(number):
    """A part of a real photo, as JPEG."""
    height, width = SIZES[number % len(SIZES)]
    top = 7 * number % 200
    written = io.BytesIO()
    Image.fromarray(load_sample_images().images[number % 2][top : top + height, top : top + width]).save(written, "JPEG")
    return written.getvalue()


def tar(members, mode="w"):
    """The bytes of an archive of (name, bytes)."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode=mode) as archive:
        for name, data in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return written.getvalue()


def place(manual_dir, set_name, files):
    (manual_dir / set_name).mkdir(parents=True)
    for name, data in files.items():
        (manual_dir / set_name / name).write_bytes(data)


def register(monkeypatch, set_name, file, archive):
    """Makes that archive the one that TFDS knows under the file's name."""
    builder = tfds.builder_cls(set_name)
    known = {"size": len(archive), "checksum": hashlib.sha256(archive).hexdigest()}
    infos = {url: dataclasses.replace(info, **known) if info.filename == file else info for url, info in builder.url_infos.items()}
    monkeypatch.setattr(builder, "url_infos", infos)


def imagenet2012(manual_dir, monkeypatch):
    classes = ["n01440764", "n02102040", "n03888257"]  # the first, and two others
    parts = [(f"{name}.tar", tar([(f"{name}_{n}.JPEG", photo(n + 3 * place)) for n in range(6)])) for place, name in enumerate(classes)]
    validation = [(f"ILSVRC2012_val_{n + 1:08d}.JPEG", photo(n)) for n in range(4)]
    test = [(f"ILSVRC2012_test_{n + 1:08d}.JPEG", photo(n)) for n in range(2)]  # these have no labels
    files = {"train": parts, "val": validation, "test": test}
    place(manual_dir, "imagenet2012", {f"ILSVRC2012_img_{name}.tar": tar(members) for name, members in files.items()})
    return "imagenet2012", 1000, (18, 4)


def imagenette(manual_dir, monkeypatch):
    classes = ["n01440764", "n03888257"]
    counts = {"train": 8, "val": 3}
    names = [(f"imagenette2-160/{split}/{name}", n) for split, count in counts.items() for name in classes for n in range(count)]
    archive = tar([(f"{folder}/{folder[-9:]}_{folder.split('/')[1]}_{n}.JPEG", photo(n)) for folder, n in names], "w:gz")
    place(manual_dir, "imagenette", {"imagenette2-160.tgz": archive})  # and not those of the other sizes
    register(monkeypatch, "imagenette", "imagenette2-160.tgz", archive)
    return "imagenette/160px-v2", 10, (16, 6)


def tf_flowers(manual_dir, monkeypatch):
    names = [(f"flower_photos/{name}", n) for name in ("daisy", "roses") for n in range(10)]
    archive = tar([(f"{folder}/{n}.jpg", photo(n)) for folder, n in names], "w:gz")
    place(manual_dir, "tf_flowers", {"flower_photos.tgz": archive})
    register(monkeypatch, "tf_flowers", "flower_photos.tgz", archive)
    return "tf_flowers", 5, (18, 2)  # a tenth is kept to validate on


def cifar10(manual_dir, monkeypatch):
    """Ten photos of each class a file; a photo is its label and then red, green and blue, each 32x32."""
    photos = [np.asarray(Image.open(io.BytesIO(photo(n))).resize((32, 32))) for n in range(10)]
    records = b"".join(bytes([n]) + photos[n].transpose(2, 0, 1).tobytes() for n in range(10))
    names = b"airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck"
    batches = [*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"]
    members = [("batches.meta.txt", names), *((name, records) for name in batches)]
    archive = tar([(f"cifar-10-batches-bin/{name}", data) for name, data in members], "w:gz")
    place(manual_dir, "cifar10", {"cifar-10-binary.tar.gz": archive})
    register(monkeypatch, "cifar10", "cifar-10-binary.tar.gz", archive)
    return "cifar10", 10, (45, 5)


@pytest.mark.parametrize("made", [imagenet2012, imagenette, tf_flowers, cifar10], ids=lambda made: made.__name__)
def test_photos_of_tfds(made, tmp_path, monkeypatch):
    name, num_classes, counts = made(tmp_path / "manual", monkeypatch)
    where = {"manual_dir": tmp_path / "manual", "data_dir": tmp_path / "prepared"}
    data = load_photos(name, 32, train_size=48, **where)
    assert (len(data.train), len(data.validation), data.num_classes) == (*counts, num_classes)
    assert (data.test is None) == (name != "cifar10"), "ImageNet's test photos have no labels"
    assert (data.train.image_shape, data.validation.image_shape) == ((48, 48, 3), (32, 32, 3))
    images, labels = next(iter(train_batches(data, 8, seed=0, augment=PhotoAugmentation(32, layers=1))))
    assert images.shape == (8, 32, 32, 3) and np.ptp(images) > 100
    assert len(set(labels.numpy())) > 1
    held_out = load_photos(name, 32, hold_out=0.25, **where)
    tested = 10 if name == "cifar10" else counts[1]  # what was validated on is then tested on, where nothing else is
    assert len(held_out.test) == tested
