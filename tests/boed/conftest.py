import numpy as np
import pytest
from sklearn.datasets import load_digits

from tf_glimpse.boed import build_bank, train_posterior
from tf_glimpse.datasets import ImageData, array_source


@pytest.fixture(scope="session")
def digits():
    """scikit-learn's 8x8 digits: 1,400 to train on, the rest for validation."""
    found = load_digits()
    images = np.round(found.images[..., None] * (255 / 16)).astype(np.uint8)
    parts = [array_source(images[rows], found.target[rows]) for rows in (slice(1400), slice(1400, None))]
    return ImageData("digits", *parts, None, 10, [str(number) for number in range(10)], (8, 8, 1))


@pytest.fixture(scope="session")
def posterior(digits):
    return train_posterior(digits, patch_size=2, num_glimpses=3, epochs=10, batch_size=64, learning_rate=5e-3)


@pytest.fixture(scope="session")
def posterior_file(posterior, tmp_path_factory):
    path = tmp_path_factory.mktemp("posterior") / "posterior.keras"
    posterior.save(path)
    return path


@pytest.fixture(scope="session")
def bank(digits, tmp_path_factory):
    images = digits.train.fetch(range(1400)).numpy()
    return build_bank(tmp_path_factory.mktemp("bank") / "digits", images, digits.train.labels, components=16)
