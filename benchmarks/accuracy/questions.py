"""Which of 24 things is asked about a drawn face, and where a network looks to answer: own policy, controls, one seed each.

python -m benchmarks.accuracy.questions [--contenders own blind constant random centre] [--seeds 0] [--scales 1] [--epochs 30]

Faces are read from ../shared/data/drawn_faces (or TF_GLIMPSE_MANUAL_DIR/drawn_faces). Every contender is the same RAM, trained as long on
the same batches, and tested once: `own` reads the question from the start; `blind` learns its policy too, but only the answer knows it;
`constant` looks at the mean places of `own` over the training faces, the same for all, in training and test; `random`, `centre`.
Batches hold each question equally often, and as many faces whose answer is yes as no. At first half of the rows of `own` and `blind` look
at random places, which teach the policy nothing, but the rest of the network to read what lies anywhere; none does after 60 % of the run.
All contenders learn besides, from what they saw for one question, the answers to all (`AllAnswers`).
"""

import argparse
import csv
import io
import os
import pathlib
import time
import zipfile

import numpy as np

from benchmarks.common.timing import record, start_tensorflow

SHARED = pathlib.Path(__file__).resolve().parents[3] / "shared" / "data"
CONTENDERS = ("own", "blind", "constant", "random", "centre")
LOOKS, PATCH, BATCH = 5, 16, 64
EXPLORING, UNTIL = 0.5, 0.6  # share of the rows that look at random places, and of the run after which none does
REACH = 0.8  # how far from the middle they lie at most: faces do not reach the border


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--scales", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=30, help="of 200 steps (%(default)s)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--split", default="test", choices=("validation", "test"))
    parser.add_argument("--keep", help="folder to keep the models in")
    options = parser.parse_args()
    start_tensorflow(options.threads)
    train, tested = faces("train"), faces(options.split)
    for seed in options.seeds:
        mean = None
        for contender in ("own", *(name for name in options.contenders if name != "own")):
            model, row = trained(contender, train, seed, options, mean)
            if contender == "own":
                mean = mean_places(model, train)
            row |= {"split": options.split, "tested_images": len(tested[0]), **tested_on(model, tested, policy_of(contender, mean), seed)}
            row |= {"places": mean.round(3).tolist()} if contender in ("own", "constant") else {}
            print({name: value for name, value in row.items() if name != "by_question"}, flush=True)
            if options.split == "test":
                record("questions", [row], ("contender", "seed", "scales"), options.threads)
            if options.keep:
                pathlib.Path(options.keep).mkdir(parents=True, exist_ok=True)
                model.save_weights(pathlib.Path(options.keep) / f"{contender}_{options.scales}_{seed}.weights.h5")


def faces(split):
    """`(images uint8 [N, 112, 112, 3], answers int [N, 24], names of the questions)`."""
    from PIL import Image

    folder = pathlib.Path(os.environ.get("TF_GLIMPSE_MANUAL_DIR", SHARED)) / "drawn_faces"
    with (folder / f"{split}.csv").open() as file:
        head, *rows = csv.reader(file)
    with zipfile.ZipFile(folder / f"{split}.zip") as archive:
        images = np.stack([np.asarray(Image.open(io.BytesIO(archive.read(row[0]))).convert("RGB")) for row in rows])
    return images, np.array([row[1:] for row in rows], int), head[1:]


def batches(train, seed, steps):
    """Endless batches `({"images", "question", "answers" of all, "actions", "has_actions"}, answers)`, each question and answer alike."""
    images, answers, names = train
    random = np.random.default_rng(seed)
    positions = [[np.flatnonzero(answers[:, number] == truth) for truth in (0, 1)] for number in range(len(names))]
    for step in range(steps + 9):
        question, truth = random.integers(0, len(names), BATCH), random.integers(0, 2, BATCH)
        chosen = [random.choice(positions[number][yes]) for number, yes in zip(question, truth, strict=True)]
        exploring = random.random(BATCH) < EXPLORING * (1 - step / steps / UNTIL)
        places = {"actions": random.uniform(-REACH, REACH, [BATCH, LOOKS, 2]).astype(np.float32), "has_actions": exploring}
        known = {"images": images[chosen], "question": question.astype(np.int32), "answers": answers[chosen].astype(np.int32)}
        yield {**known, **places}, truth.astype(np.int32)


def make(contender, names, seed, scales):
    """The contender's RAM."""
    import tf_glimpse
    from tf_glimpse.tasks import Questions

    return tf_glimpse.RAM(
        task=Questions(names, blind=contender == "blind"),
        patch_size=PATCH,
        num_scales=scales,
        num_glimpses=LOOKS,
        encoder=("conv", {"filters": [24, 48], "pools": [2, 2], "where_units": 64}),
        units=192,
        first_location="learned",
        location=("gaussian", {"stddev": 0.1}),
        seed=seed,
    )


def all_answers(shares):
    """A term: the mean cross-entropy of the answers to all questions after every look, yes and no of each question weighing the same.

    Args:
        shares: `[Q]`, how many of the training faces have yes as their answer.
    """
    import keras
    import tensorflow as tf

    from tf_glimpse import losses

    @keras.saving.register_keras_serializable("questions")
    class AllAnswers(losses.Term):
        name = "all_answers"

        def __call__(self, step):
            head, hidden = step.model.classifier, step.trajectory.hidden
            logits = tf.einsum("btu,quk->btqk", hidden, head.kernel) + head.bias
            answers = tf.repeat(step.inputs["answers"][:, None], hidden.shape[1], axis=1)
            errors = tf.nn.sparse_softmax_cross_entropy_with_logits(answers, logits)
            weights = tf.where(answers == 1, 0.5 / shares, 0.5 / (1 - shares))
            return tf.reduce_mean(errors * tf.cast(weights, tf.float32), axis=[1, 2])

    return AllAnswers(weight=3.0)


def trained(contender, train, seed, options, mean):
    """`(model, row)` of one training."""
    import keras
    import tensorflow as tf

    from tf_glimpse import losses
    from tf_glimpse.models.mean_weights import MeanAdamW

    keras.utils.set_random_seed(seed)
    model = make(contender, train[2], seed, options.scales)
    terms = [losses.Anytime(), all_answers(train[1].mean(axis=0))]
    tries = [losses.LookAhead(share=0.25), losses.Hindsight(share=0.25)]
    policy = policy_of(contender, mean)
    steps = 200 * options.epochs
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    model.compile(MeanAdamW(rate), terms=terms + tries if policy is None else terms, jit_compile=True)
    shapes = {"images": ([112, 112, 3], "uint8"), "question": ([], "int32"), "answers": ([len(train[2])], "int32")}
    shapes |= {"actions": ([LOOKS, 2], "float32"), "has_actions": ([], "bool")}
    specification = {name: tf.TensorSpec([BATCH, *shape], dtype) for name, (shape, dtype) in shapes.items()}
    signature = (specification, tf.TensorSpec([BATCH], tf.int32))
    data = tf.data.Dataset.from_generator(lambda: batches(train, seed, steps), output_signature=signature)
    data = data.enumerate().map(lambda step, batch: (with_places(batch[0], policy, tf.stack([tf.cast(seed, tf.int64), step])), batch[1]))
    start = time.perf_counter()
    model.fit(data.prefetch(2), steps_per_epoch=200, epochs=options.epochs, verbose=2, shuffle=False)
    seconds = time.perf_counter() - start
    facts = {"contender": contender, "seed": seed, "scales": options.scales, "steps": steps, "seconds": round(seconds, 1)}
    return model, {**facts, "parameters": model.count_params()}


def policy_of(contender, mean):
    """The policy of a control; None for the model's own."""
    from tf_glimpse.policies import Centre, Random, Scan

    return {"constant": Scan(mean), "random": Random(LOOKS), "centre": Centre(LOOKS)}.get(contender)


def with_places(inputs, policy, seed):
    """The inputs with the places of a policy for every row; as they are for the model's own."""
    import tensorflow as tf

    if policy is None:
        return inputs
    known = {name: value for name, value in inputs.items() if name != "has_actions"}
    return {**known, "actions": policy(inputs["images"], tf.range(tf.shape(inputs["question"])[0]), seed)}


def asked(split, rows, number):
    """The images of some rows, all with the question of that number."""
    images = split[0][rows]
    return {"images": images, "question": np.full([len(images)], number, np.int32)}


def mean_places(model, train, count=2000):
    """The mean places `[T, 2]` of the model's own policy over training faces and all questions."""
    import tensorflow as tf

    look = tf.function(lambda inputs: model(inputs).locations, reduce_retracing=True)
    found = [look(asked(train, slice(0, count // 10), number)) for number in range(len(train[2]))]
    return np.mean(np.concatenate(found), axis=0)


def tested_on(model, split, policy, seed):
    """The balanced accuracy in percent, of all questions and of each, after each look, and where it looks by question."""
    import tensorflow as tf

    look = tf.function(lambda inputs: model(inputs)[:2], reduce_retracing=True)
    answers, where, faces_count = [], {}, len(split[0])
    for number, name in enumerate(split[2]):
        starts = range(0, faces_count, 500)
        found = [look(with_places(asked(split, slice(start, start + 500), number), policy, [seed, start])) for start in starts]
        answers += [np.argmax(logits, axis=-1) for logits, _ in found]
        where[name] = np.concatenate([locations for _, locations in found]).mean(axis=0).round(3).tolist()
    truth, question, answers = split[1].T.reshape(-1), np.repeat(np.arange(len(where)), faces_count), np.concatenate(answers)
    by_look = 100 * np.array([model.task.balanced_accuracy(answers[:, number], truth, question) for number in range(LOOKS)])
    looks = by_look.mean(axis=1).round(2).tolist()
    by_question = dict(zip(where, by_look[-1].round(2).tolist(), strict=True))
    return {"balanced_accuracy": looks[-1], "balanced_accuracy_by_look": looks, "by_question": by_question, "looks_by_question": where}


if __name__ == "__main__":
    main()
