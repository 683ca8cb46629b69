"""Where should one have looked? Near-optimal glimpse sequences by Bayesian experimental design (Harvey et al. 2019).

The names load on first use: importing this loads no TensorFlow.
"""

from tf_glimpse.late import on_first_use

_HOME = {
    "Bank": "bank",
    "build_bank": "bank",
    "Completer": "completions",
    "Completions": "completions",
    "HMCCompletions": "completions.hmc",
    "Retrieval": "completions.retrieval",
    "VAECompletions": "completions.vae",
    "train_image_vae": "completions.vae",
    "ExpectedEntropy": "expected_entropy",
    "generate_sequences": "generate",
    "Plan": "plan",
    "read_plan": "plan",
    "calibration": "posterior",
    "train_posterior": "posterior",
    "Sequences": "sequences",
    "first_map": "sequences",
    "near_optimal_sequences": "sequences",
    "GlimpseSequences": "store",
    "read_sequences": "store",
}

__all__ = sorted(_HOME)

__getattr__ = on_first_use(__name__, _HOME)
