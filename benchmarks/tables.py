"""Makes `benchmarks/README.md`, the README's short table and the pictures from `results/*.json`; no figure of ours is typed by hand.

python benchmarks/tables.py
"""

import argparse
import pathlib

import explanation_tables
import flops_tables
import near_optimal_summary
import paper_tables
import saccader_tables
import speed_tables
from rows import read_rows
from tasks import TASKS

HERE = pathlib.Path(__file__).parent
README = HERE.parent / "README.md"
PRESETS = HERE.parent / "tf_glimpse" / "weights"

PAGE = """# Benchmarks

This page is made from `results/*.json` by `python benchmarks/tables.py`. Every row there holds its command, commit, device and
versions, and its seed where something was trained by a recipe. `tf-glimpse evaluate --preset NAME --manual-dir ../shared/data --json`
checks a shipped row, in seconds once the set is prepared (the canvases take minutes on a new machine).

## The paper's tables

Test error in % on 10,000 images: the standard error of one network's figure is 0.07 points at 0.5 %, 0.18 at 3.3 %, which differences
should be held against. The epoch of a run is picked on 6,000 validation images; nothing is chosen by the test images. First comes one
deterministic rollout, then ten sampled ones averaged, which can be worse where training saw the deterministic rollout only (all but 28x28).
Where there are several seeds: mean, and standard deviation with its number of runs.
Some recipes are shown more in training than any network of the papers: where the digit lies (`_guided`), or the same image without its
clutter (`_joint`, which keeps its last epoch and has no learning curve).
The controls have a recipe's layers and schedule, but places drawn at random, or always the centre, in training and test; where a scan
taught the policy, a row shows the same weights on that scan, so that one sees what the policy adds to it. A control is asked once; ten
rollouts of random places, averaged, would do better. The CNN is the paper's (8 filters of 10x10 at stride 5, 256 units), trained here, one
seed, on the batches of the recipe with the paper's layers, its rate and length chosen on validation among those that are told below.
{not_run}

{paper_tables}

![Validation error by epoch](pictures/learning_curves.png)

### What hindsight adds

Test error in % of one deterministic rollout (of ten sampled ones averaged). The recipes of earlier commits, which learned from look-ahead
alone, beside those that learn from the place that turned out best too (`hindsight_weight`), and beside those that are told in training
where the digit lies instead. When `ram_cluttered_100_paper` was trained (c2c2e44), the model's own looks were among the places that
hindsight chose from, which they are not any more: trained again, it will differ.

{hindsight}

### Other data

The widest of CIFAR-10's three scales is the whole image.

{other_data}

### Other digit sizes at test time

Error in % of one deterministic rollout on the 10,000 test digits, brought to another size and put on newly drawn canvases, with as much
clutter as in training. `ram_cluttered_60` was trained on digits of 28 px alone, the others on digits of 25 to 31 px (zoom 0.1),
`ram_translated_60` on bent ones too.

{digit_sizes}

### A preset's layers on one's own photos

Test accuracy in % of a preset with a new head, and of the same layers from scratch, each at that of three learning rates which is best on
a tenth of the training photos; photos brought to the preset's size, one seed, 736 test photos (standard error about 1.7 points).

{fine_tuning}

### How the rows were trained

{optimiser}

{settings}

## Explanations

What each look tells about the class, in nats: the drop in entropy (ln K before the first look), and beside it the drop in test
cross-entropy, which over-confidence cannot buy. One deterministic rollout, all test images, mean and 95 % interval over seeds (Student).
The recipe is small on purpose: the paper's layers with 128 units, a few epochs, no teacher, no augmentation, places by REINFORCE alone; the
two rewards share everything else. The shaped reward adds 0.5 times the drop in entropy at each look to the 1 for a right answer;
its authors ("Explaining Recurrent Attention Models") report that it brings more gain on MNIST and less on cluttered MNIST.

{gain_tables}

![Information gain by look](pictures/information_gain.png)

All that no look has seen, replaced, on the first test images: the answers must not change; those of the control must.

{faithfulness_table}

![Accuracy, gain and reconstruction error under noise and clutter](pictures/stress.png)

What the states keep of the image if they are trained for it: the preset trained on together with the autoencoder of its states. Rows of as
many epochs differ in the share of the reconstruction's gradient that reaches the model (`ReconstructingModel`; at 0 none does), or in how
the picture is drawn: by a dense layer, or at a place (`decoder="placed"`).

{joint_table}

## Accuracy against operations

Figure 7 of Harvey et al. 2019: hard attention with a sweep of its stopping threshold, against low-power CNNs whose channels, resolution and
rate were searched, with as many trials and epochs, spread over the same budgets. Points are chosen on validation. A multiply-add counts
two, a batch norm as a bias; the retina's pooling and a CNN's down-sampling are both counted. What to hold against it: {searches} a family
and seed, shared by the budgets, all of them random draws (a Bayesian oracle's first are), the same for both sets; networks trained to the
end may compare otherwise. A trial of ours gives a sweep of points, one of a CNN a single point. `accuracy_flops.py` holds the spaces,
narrowed by judgement, ours with more experience behind it; the CNNs' best rate is the highest of their list. The test images were read
twice: ours once more after points were taken a little below their budget, the CNNs' once more after batch norms were counted as folded. The
CNNs' spread is the luck of the draw: more trials would lift them more than ours. The picture's lines are means over seeds of what each has
at a cost. Latencies of one model differ by up to 2 times from one timing to the next.

{accuracy_flops}

![Accuracy against operations](pictures/accuracy_flops.png)

### Shorter trials

A search's trials of one epoch, with and without near-optimal sequences that teach the policy on a part of each batch, against whole
trainings of the same candidates; validation accuracy after all looks, no budget. Eight candidates are few: the intervals overlap, and
nothing says that sequences help a short trial to foretell. Trials this small spend their seconds on compiling, not on training.

{short_trials}

### Why attention at all: 1024x1024 px

One 28 px digit among 32 pieces. The pyramid of RAM and the down-sampling of the smaller CNNs touch every pixel once ("pooled"); what a
network then reads is a small part of that for RAM (six looks of 16x16 at seven scales), whose policy was told in training where the digit
lies. Its weights are not shipped.

{large_image}

## Near-optimal glimpse sequences

Training that sequences of Bayesian experimental design teach (Harvey et al. 2019), against training without; all of it on
[its page](near_optimal_glimpses.md).

{near_optimal}

## Saccader on photos

Six looks on photos (Elsayed et al. 2019); all policies and stages, ablations and pictures on [its page](saccader.md).

{saccader}

## Speed

Whole training steps (forward, backward, optimiser) of the paper's layers learning by REINFORCE from one sampled rollout, the plainest form,
batch 128, float32, against a plain PyTorch RAM and against the bare matrix products of the same step, by TensorFlow's, XLA's and PyTorch's
kernels. PyTorch's RAM has its fused AdamW and crops by an unfolded view (by a loop over the batch in its first form, as the most-used
repository does), and once more by `torch.compile` in its default mode; ours is compiled by XLA. The contenders take turns, medians of three
blocks, in one run. `ram_translated_60` has the retina of 60x60 cluttered. The published recipes do more in a step; theirs are timed with
the pipeline below. The ranking depends on the processor, and machines of one name differ in speed: compare within a table.

{training_speed}

Where the time of such steps goes (`tf.profiler`):

{profile}

What was chosen for it, undone (how many times as long a step then takes). Glimpses cut image by image are timed without XLA, and so against
the step without XLA:

{choices}

oneDNN's kernels, which `import tf_glimpse` turns on where TensorFlow leaves them off (on processors without AVX512-VNNI), in steps of
recipes on pixels drawn at random:

{onednn}

Inference against the image's size, ms a call. RAM has the layers of `ram_cluttered_100`, untrained, and looks at places that it is given;
decoding is timed before RAM at batch 1, and costs a CNN as much:

{image_size}

![Time against image size](pictures/image_size.png)

Stopping early, against always the fewest looks that answer as well (within 0.1 points); the threshold is chosen on validation, the figures
are those of the test images, in batches of the same size:

{adaptive}

The input pipeline against the training step it feeds, images/s, and the most memory a training process held:

{pipeline}

Start-up, from the command to its end (of a server, until it can be asked; `loaded`: of a command that then works for long, until it has
imported what it needs). The image is one empty digit; medians, the commands taking turns:

{start}

## Commands

- `training_throughput.py`, `profile_step.py`, `step_choices.py`, `onednn.py`, `image_size.py`, `input_pipeline.py`, `startup.py` and
  `adaptive_throughput.py` time; on a machine that does nothing else.
- `tf-glimpse train RECIPE --seed S --workdir W --manual-dir ../shared/data` trains, with `--policy random` or `centre` a control.
- `record.py W` writes the rows of a finished run; `cnn.py RECIPE` trains the CNN and writes its row.
- `digit_sizes.py PRESET` and `fine_tuning.py PRESET FOLDER` write theirs.
- `publish_preset.py W NAME` makes a preset (weights, recipe, model card) of a finished run.
- `information_gain.py DATA --workdir W` trains both rewards and writes their rows; `explanations.py PRESET` writes faithfulness and stress.
- `accuracy_flops.py --workdir W` searches all three families; `large_image.py --workdir W` trains the CNNs of the 1024 px task, and
  `large_image.py --time` times what is trained.
- `publish_vae.py PRESET` trains the autoencoder that ships with a preset; `joint_reconstruction.py PRESET --workdir W` trains both
  together, and `publish_joint.py W/WEIGHT PRESET --decoder D --epochs N` makes a preset of them.
- `near_optimal_glimpses.py SEQUENCES` trains with sequences and without, `near_optimal_cost.py` and `completions.py` measure how they
  are made, `near_optimal_summary.py` makes [their page](near_optimal_glimpses.md).
- `saccader_photos.py RUN` and `saccader_patches.py RUN` measure a run of three stages, `saccader_tables.py` makes [its page](saccader.md).
- `short_trials.py --sequences S` asks whether a search's trials may be shorter.
- `tables.py` makes this page.
"""


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    rows = read_rows("paper_tables")
    (HERE / "README.md").write_text(page(rows))
    README.write_text(paper_tables.with_presets(paper_tables.with_short_table(README.read_text(), rows), PRESETS))
    paper_tables.draw_curves(rows, HERE / "pictures" / "learning_curves.png")
    explanation_tables.draw_gain(read_rows("information_gain"), HERE / "pictures" / "information_gain.png")


def page(rows):
    """The whole of `benchmarks/README.md`."""
    paper = {
        "paper_tables": "\n\n".join(paper_tables.task_table(task, rows) for task in TASKS),
        "not_run": paper_tables.not_run(rows),
        "hindsight": paper_tables.hindsight(rows, read_rows("without_hindsight")),
        "other_data": paper_tables.other_data(rows),
        "digit_sizes": paper_tables.digit_sizes(read_rows("digit_sizes")),
        "fine_tuning": paper_tables.fine_tuning(read_rows("fine_tuning")),
        "optimiser": paper_tables.optimiser(),
        "settings": paper_tables.settings(rows),
    }
    speed = {name: getattr(speed_tables, name)(read_rows(f"speed_{file}")) for name, file in speed_tables.FILES.items()}
    speed["start"] = speed_tables.start(read_rows("startup"))
    speed["onednn"] = speed_tables.choices(read_rows("speed_onednn"))
    speed["adaptive"] = speed_tables.adaptive(read_rows("adaptive_throughput"))
    flops = {name: getattr(flops_tables, name)(read_rows(name)) for name in ("accuracy_flops", "short_trials", "large_image")}
    measured = [read_rows(name) for name in ("information_gain", "explanations", "joint_reconstruction")]
    others = {"near_optimal": "\n".join(near_optimal_summary.verdicts(read_rows("near_optimal_glimpses"))), "saccader": _saccader()}
    others["searches"] = flops_tables.searches(read_rows("accuracy_flops"))
    return PAGE.format(**paper, **flops, **speed, **others, **explanation_tables.sections(*measured))


def _saccader():
    """Each recipe's goals."""
    rows = read_rows("saccader_photos")
    recipes = {recipe: [row for row in rows if row["recipe"] == recipe] for recipe in sorted({row["recipe"] for row in rows})}
    return "\n\n".join("\n".join([f"`{recipe}`:\n", *saccader_tables.verdicts(some)]) for recipe, some in recipes.items())


if __name__ == "__main__":
    main()
