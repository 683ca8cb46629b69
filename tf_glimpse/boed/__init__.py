"""Where should one have looked? Near-optimal glimpse sequences by Bayesian experimental design (Harvey et al. 2019)."""

from tf_glimpse.boed.bank import Bank, build_bank
from tf_glimpse.boed.completions import Completions, Retrieval
from tf_glimpse.boed.expected_entropy import ExpectedEntropy
from tf_glimpse.boed.generate import generate_sequences
from tf_glimpse.boed.generative import HMCCompletions, VAECompletions, train_image_vae
from tf_glimpse.boed.posterior import calibration, train_posterior
from tf_glimpse.boed.sequences import Sequences, first_map, near_optimal_sequences
from tf_glimpse.boed.store import GlimpseSequences, Plan, read_plan, read_sequences

__all__ = [
    "Bank",
    "Completions",
    "ExpectedEntropy",
    "GlimpseSequences",
    "HMCCompletions",
    "Plan",
    "Retrieval",
    "Sequences",
    "VAECompletions",
    "build_bank",
    "calibration",
    "first_map",
    "generate_sequences",
    "near_optimal_sequences",
    "read_plan",
    "read_sequences",
    "train_image_vae",
    "train_posterior",
]
