from pathlib import Path

import numpy as np
import pytest

from tf_glimpse.datasets import ImageData, array_source, load

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def digits_data(tmp_path_factory):
    return load("digits_canvas", data_dir=tmp_path_factory.mktemp("digits"))


@pytest.fixture
def numbered_data():
    """Fifty 28x28 images; image i is grey i everywhere and has label i, so that a batch tells which images it holds."""
    images = np.broadcast_to(np.arange(50, dtype=np.uint8)[:, None, None, None], [50, 28, 28, 1])
    source = array_source(images, np.arange(50))
    return ImageData("numbered", source, None, None, 50, [str(label) for label in range(50)], (28, 28, 1))


@pytest.fixture
def write_image(tmp_path):
    def write(path, array, **save_options):
        from PIL import Image

        path = tmp_path / path
        path.parent.mkdir(parents=True, exist_ok=True)
        image = array if isinstance(array, Image.Image) else Image.fromarray(np.asarray(array))
        image.save(path, **save_options)
        return path

    return write
