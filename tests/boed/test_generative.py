import numpy as np
import pytest

from tf_glimpse.boed import HMCCompletions, VAECompletions, generate_sequences, read_sequences, train_image_vae
from tf_glimpse.datasets import ImageData, array_source
from tf_glimpse.models import load_model
from tf_glimpse.types import UserError


def halves(count, seed):
    """8x8 images whose left and right halves are lit above or below, each whatever the other: seeing one leaves the other open."""
    random = np.random.default_rng(seed)
    images = np.zeros([count, 8, 8, 1], np.uint8)
    lit = random.integers(0, 2, [count, 2])
    for column in range(2):
        for row in range(2):
            images[lit[:, column] == row, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4] = 255
    return images, lit[:, 0]


DATA = ImageData("halves", array_source(*halves(640, 0)), array_source(*halves(20, 1)), None, 2, ["above", "below"], (8, 8, 1))


OPTIONS = {"epochs": 25, "learning_rate": 1e-2, "latent_size": 4, "filters": 4, "units": 24, "batch_size": 64}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder of sequences completed by a conditional VAE."""
    folder = tmp_path_factory.mktemp("vae") / "sequences"
    glimpses = {"patch_size": 4, "num_glimpses": 3, "grid": (2, 2)}
    completions = {"kind": "vae", "samples": 4, "first_samples": 8, **OPTIONS}
    assert generate_sequences(DATA, folder, glimpses, completions=completions, posterior={"epochs": 1}, count=2)["finished"]
    return folder


@pytest.fixture(scope="module")
def vaes(made):
    return {True: load_model(made / "image_vae.keras"), False: train_image_vae(DATA, 4, 3, conditional=False, **OPTIONS)}


def completed(completer, count=32):
    """(images, masks of their left halves, completions `[B, N, H, W, C]` float)."""
    images = DATA.validation.fetch(range(4)).numpy() / np.float32(255)
    masks = np.zeros([4, 8, 8, 1], np.float32)
    masks[:, :, :4] = 1
    found = completer(images * masks, masks, [-1] * 4, count, np.arange(12).reshape(4, 3))
    assert found.images.dtype == np.uint8
    np.testing.assert_allclose(np.bincount(found.owners, weights=found.weights), np.ones(4), rtol=1e-5)
    return images, masks, found.images.reshape(4, count, 8, 8, 1) / 255


@pytest.mark.parametrize("conditional", [True, False])
def test_completions_fit_what_was_seen_and_leave_open_what_was_not(conditional, vaes):
    completer = VAECompletions(vaes[True]) if conditional else HMCCompletions(vaes[False])
    images, _, samples = completed(completer)
    errors = np.abs(samples - images[:, None])
    assert errors[..., :4, :].mean() < 0.1
    spread = samples.std(axis=1)
    assert spread[..., 4:, :].mean() > max(0.2, 1.5 * spread[..., :4, :].mean())
    np.testing.assert_array_equal(completed(completer)[2], samples)


def test_a_sample_does_not_depend_on_its_batch(vaes):
    images, masks, samples = completed(VAECompletions(vaes[True]))
    alone = VAECompletions(vaes[True])((images * masks)[2:3], masks[2:3], [-1], 32, np.arange(6, 9).reshape(1, 3))
    assert np.abs(alone.images / 255 - samples[2]).max() <= 1 / 255 + 1e-6


@pytest.mark.parametrize(("conditional", "completer"), [(False, VAECompletions), (True, HMCCompletions)])
def test_the_wrong_kind_of_vae_is_refused(conditional, completer, vaes):
    with pytest.raises(UserError, match="takes the other kind"):
        completer(vaes[conditional])


def test_sequences_are_made_with_a_vae(made):
    assert read_sequences(made, DATA).maps.shape == (2, 3, 4)
    assert not (made / "bank").exists()
