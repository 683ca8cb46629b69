import numpy as np
import pytest

from tf_glimpse.boed import ExpectedEntropy, Retrieval, build_bank, first_map, near_optimal_sequences, train_posterior
from tf_glimpse.datasets import ImageData, array_source
from tf_glimpse.types import UserError


def noise_with_a_secret(count, seed):
    """6x6 noise, but for one 2x2 block, (1, 2) of 3x3, which is black in one class and white in the other."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 2, [count, 6, 6, 1]).astype(np.uint8) * 255
    labels = np.arange(count) % 2
    images[:, 2:4, 4:6] = labels[:, None, None, None] * 255
    return images, labels


def test_the_first_glimpse_goes_to_the_only_informative_place(tmp_path):
    images, labels = noise_with_a_secret(1500, seed=0)
    data = ImageData("noise", array_source(images, labels), None, None, 2, ["black", "white"], (6, 6, 1))
    posterior = train_posterior(data, patch_size=2, num_glimpses=3, epochs=12, batch_size=50, learning_rate=5e-3)
    completer = Retrieval(build_bank(tmp_path / "bank", images, labels))
    expected = ExpectedEntropy(posterior, (3, 3), (6, 6), 2)
    epe = first_map(completer, expected, (6, 6, 1), samples=100)
    assert epe.argmin() == 5
    assert epe[5] < 0.2 < 0.5 < np.delete(epe, 5).min()
    sequences = near_optimal_sequences(images[:4], np.arange(4), completer, expected, epe, num_glimpses=2, samples=20)
    assert sequences.cells[:, 0].tolist() == [5] * 4
    assert (sequences.entropies[:, 0] < 0.3).all()


@pytest.fixture(scope="module")
def parts(posterior, bank):
    completer, expected = Retrieval(bank, proposals=200), ExpectedEntropy(posterior, (4, 4), (8, 8), 2)
    return completer, expected, first_map(completer, expected, (8, 8, 1), samples=100)


def test_sequences_tell_more_than_random_looks(parts, digits):
    images = digits.validation.fetch(range(30)).numpy()
    sequences = near_optimal_sequences(images, [-1] * 30, *parts, num_glimpses=3, samples=20)
    assert sequences.maps.shape == (30, 3, 16)
    assert (sequences.cells == sequences.maps.argmin(axis=-1)).all()
    expected, random = parts[1], np.random.default_rng(0)
    chosen = expected.candidates.numpy()[random.integers(0, 16, [30, 3])].max(axis=1)
    probabilities = expected.believe(images / np.float32(255), chosen)
    entropies = -(probabilities * np.log(probabilities)).sum(axis=1)
    assert sequences.entropies[:, -1].mean() < entropies.mean() - 0.1
    assert sequences.entropies[:, -1].mean() < sequences.entropies[:, 0].mean()


def test_a_sequence_does_not_depend_on_its_batch(parts, digits):
    images = digits.train.fetch([4, 8]).numpy()
    both = near_optimal_sequences(images, [4, 8], *parts, num_glimpses=3, samples=8)
    alone = near_optimal_sequences(images[1:], [8], *parts, num_glimpses=3, samples=8)
    np.testing.assert_array_equal(both.cells[1], alone.cells[0])
    np.testing.assert_allclose(both.maps[1], alone.maps[0], atol=1e-5)


def test_no_samples_and_no_looks_are_refused(parts, digits):
    with pytest.raises(UserError, match="samples=0"):
        near_optimal_sequences(digits.train.fetch([4]).numpy(), [4], *parts, num_glimpses=3, samples=0)
    with pytest.raises(UserError, match="num_glimpses of at least 1"):
        near_optimal_sequences(digits.train.fetch([4]).numpy(), [4], *parts, num_glimpses=0, samples=1)
