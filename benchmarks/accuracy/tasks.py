"""The tasks of the paper's tables: what is printed elsewhere, what we want, and which set each is."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Task:
    """One table of Mnih et al. 2014 (test error in %).

    Attributes:
        name: as in the rows.
        data: as `tf_glimpse.datasets.load` takes it.
        retina: patch and scales.
        num_glimpses: of the paper's best row that we are compared with.
        paper, paper_cnn, best_public, goal: errors in %.
        source: where the best public figure comes from, and its caveats.
        public_cnn: error of tfRAM's two-layer CNN, if it has one.
        paper_source: which version of the paper.
        others: stronger figures elsewhere, of other networks or by other means, in a sentence.
    """

    name: str
    data: str
    retina: str
    num_glimpses: int
    paper: float
    paper_cnn: float
    best_public: float
    goal: float
    source: str
    paper_source: str = "Mnih et al. 2014, NIPS"
    public_cnn: float | None = None
    others: str = ""


TF_RAM = "TF1, [tfRAM](https://github.com/slundqui/tfRAM)"
TASKS = (
    Task("28x28", "mnist", "8x8x1", 6, 1.12, 1.21, 0.67, 0.40, "TF1, 6 glimpses, 10 rollouts averaged"),
    Task(
        "60x60 translated",
        "translated_mnist/60",
        "12x12x3",
        8,
        1.20,
        1.62,
        0.92,
        0.60,
        "Torch7, 7 glimpses, 683 epochs",
        public_cnn=1.57,
        others="tfRAM, by 8 glimpses: 0.94.",
    ),
    Task(
        "60x60 cluttered",
        "cluttered_mnist/60",
        "12x12x3",
        8,
        4.04,
        8.09,
        2.63,
        1.90,
        f"{TF_RAM}, LSTM core, 8 glimpses",
        public_cnn=8.37,
        others="A public 2.13 is left out: it pastes the digit's box over the clutter, and its epoch is picked on the test set.",
    ),
    Task(
        "100x100 cluttered",
        "cluttered_mnist/100",
        "12x12x4",
        8,
        10.83,
        16.51,
        5.9,
        3.50,
        f"{TF_RAM}, 8 glimpses, 3 scales",
        public_cnn=16.22,
        paper_source="Mnih et al. 2014, arXiv",
        others="The NIPS version is quoted elsewhere with 8.11 (CNN 14.35), not verified. By other means: a plain CNN of six layers"
        " 0.92, a differentiable crop (EDRAM) 1.24, DRAM with a look at the whole image 1.71 (ten rollouts, probably 4 pieces).",
    ),
)


def task_of(data):
    """The task of a data set's name, or None."""
    return next((task for task in TASKS if task.data == data), None)
