"""Why a model answered as it did: its looks drawn, what each look told it, what it knows, and that nothing unseen drove the answer."""

from tf_glimpse.explain.calibration import calibration_error, fit_temperatures
from tf_glimpse.explain.callback import ExplanationLogs
from tf_glimpse.explain.draw import draw_glimpses
from tf_glimpse.explain.faithfulness import Faithfulness, attribution, deletion_curve, faithfulness, seen_mask
from tf_glimpse.explain.film import save_glimpses_gif
from tf_glimpse.explain.information_gain import (
    GainCurves,
    collect_logits,
    entropies,
    gain_curves,
    information_gain,
    looks_needed,
    mutual_information,
)
from tf_glimpse.explain.looks import draw_looks
from tf_glimpse.explain.panels import figure_to_array
from tf_glimpse.explain.reconstruction import ReconstructionCurves, collect_states, fit_vae, reconstruction_curves
from tf_glimpse.explain.report import Explanation, explain_images
from tf_glimpse.explain.saccader import draw_saccades
from tf_glimpse.explain.stress import StressPoint, noisy, stress_point
from tf_glimpse.explain.views import foveate
from tf_glimpse.ops.coverage import place_counts

__all__ = [
    "Explanation",
    "ExplanationLogs",
    "Faithfulness",
    "GainCurves",
    "ReconstructionCurves",
    "StressPoint",
    "attribution",
    "calibration_error",
    "collect_logits",
    "collect_states",
    "deletion_curve",
    "draw_glimpses",
    "draw_looks",
    "draw_saccades",
    "entropies",
    "explain_images",
    "faithfulness",
    "figure_to_array",
    "fit_temperatures",
    "fit_vae",
    "foveate",
    "gain_curves",
    "information_gain",
    "looks_needed",
    "mutual_information",
    "noisy",
    "place_counts",
    "reconstruction_curves",
    "save_glimpses_gif",
    "seen_mask",
    "stress_point",
]
