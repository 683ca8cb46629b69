import dataclasses
import json

import matplotlib as mpl
import numpy as np
import pytest

from tf_glimpse.cli import main
from tf_glimpse.commands.class_table import class_table
from tf_glimpse.datasets import array_source
from tf_glimpse.models import RAM, Saccader
from tf_glimpse.training.evaluation import Answers, by_class, judge_answers, worst_mistakes
from tf_glimpse.training.finished import evaluate_finished, open_finished
from tf_glimpse.training.mistakes import draw_mistakes
from tf_glimpse.types import UserError


def answers_of(labels, classes, probabilities=None):
    return Answers(np.array(labels), np.array(classes), np.array(probabilities or [0.5] * len(labels)))


def test_precision_recall_and_confusion_by_hand_where_classes_are_never_answered_or_never_there_too():
    found = by_class(answers_of([0, 0, 0, 1, 2], [0, 0, 1, 1, 1]), ["cat", "dog", "emu", "fox"])
    assert found["confusion"] == [[2, 1, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    rows = [tuple(row.values()) for row in found["by_class"]]
    assert rows == [("cat", 3, 100.0, 66.6667), ("dog", 1, 33.3333, 100.0), ("emu", 1, None, 0.0), ("fox", 0, None, None)]
    json.dumps(found)


@pytest.mark.parametrize("classes", [2, 5, 20])
def test_a_table_of_some_classes_holds_the_whole_matrix(classes):
    draws = np.random.default_rng(classes)
    labels, said = draws.integers(classes, size=400), draws.integers(classes, size=400)
    names = [f"class {number}" for number in range(classes)]
    found = by_class(answers_of(labels, said), names)
    head, *rows = class_table(found)
    assert len(rows) == classes
    counts = np.array([row.split()[-classes:] for row in rows], int)
    assert counts.tolist() == [[int(np.sum((labels == true) & (said == other))) for other in range(classes)] for true in range(classes)]
    assert len({len(line) for line in (head, *rows)}) == 1  # the columns stand below their heads
    for number, (row, line) in enumerate(zip(rows, counts, strict=True)):
        assert f"{number + 1} class {number}" in row
        assert f"{100 * line[number] / line.sum():.1f}" in row
        assert f"{100 * line[number] / counts[:, number].sum():.1f}" in row


def test_a_table_of_many_classes_tells_the_worst_and_what_is_confused_most():
    labels = np.repeat(np.arange(100), 5)
    said = labels.copy()
    said[labels == 7] = 9
    said[[0, 1]] = 3
    lines = list(class_table(by_class(answers_of(labels, said), [f"bird {number}" for number in range(100)])))
    assert lines[2].startswith("bird 7 ")
    assert lines[3].startswith("bird 0 ")
    assert lines[-2:] == ["     5 of bird 7 taken for bird 9", "     2 of bird 0 taken for bird 3"]
    assert len(lines) < 20


def test_the_worst_mistakes_are_the_surest():
    answers = answers_of([0, 0, 1, 1, 1], [0, 1, 0, 0, 1], [0.99, 0.5, 0.9, 0.7, 0.99])
    assert worst_mistakes(answers, 2).tolist() == [2, 3]
    assert worst_mistakes(answers, 9).tolist() == [2, 3, 1]


@pytest.mark.parametrize("kind", ["ram", "saccader"])
def test_the_picture_shows_the_mistakes_by_the_names_of_their_files(kind, tmp_path):
    bagnet = {"receptive_field": 5, "blocks": [1], "filters": [8], "strides": [2], "stem_filters": 4}
    names = ["cat", "dog", "emu"]
    model = RAM(3, num_glimpses=2, units=8, class_names=names) if kind == "ram" else Saccader(3, bagnet, 2, 8, class_names=names)
    model.build((None, 20, 20, 1))
    labels = np.arange(9) % 3
    source = array_source(np.random.default_rng(0).integers(0, 255, [9, 20, 20, 1]).astype(np.uint8), labels)
    source = dataclasses.replace(source, files=tuple(f"{names[label]}/photo{number}.png" for number, label in enumerate(labels)))
    results, answers = judge_answers(model, source)
    wrong = set(np.flatnonzero(answers.classes != labels))
    assert results["error_percent"] == pytest.approx(100 * len(wrong) / 9, abs=1e-3)
    with mpl.rc_context({"svg.fonttype": "none"}):
        count = draw_mistakes(tmp_path / "pictures" / "all.svg", model, source, answers, lambda rows: [source.files[row] for row in rows])
    told = (tmp_path / "pictures" / "all.svg").read_text()
    assert count == len(wrong)
    assert {number for number in range(9) if f"photo{number}.png" in told} == wrong
    right = answers._replace(classes=labels)
    assert draw_mistakes(tmp_path / "none.png", model, source, right, list) == 0
    assert not (tmp_path / "none.png").exists()


def test_evaluate_tells_by_class_and_draws_what_it_got_wrong(tmp_path, capsys):
    picture = tmp_path / "mistakes.png"
    assert main(["evaluate", "--preset", "ram_digits", "--mistakes", str(picture)]) == 0
    head, columns, *rows = capsys.readouterr().out.splitlines()
    assert "precision %  recall %" in columns
    assert len(rows) == 11
    results = evaluate_finished(open_finished(preset="ram_digits"))
    counts = np.array(results["confusion"])
    assert counts.sum() == results["examples"] == 400
    wrong = counts.sum() - np.trace(counts)
    assert results["error_percent"] == pytest.approx(100 * wrong / 400)
    assert f"{results['error_percent']:.2f} %" in head
    assert rows[-1] == f"{picture}: the {wrong} surest mistakes"
    assert picture.read_bytes()[:4] == b"\x89PNG"
    for policy, rollouts, path in (("random", 1, "x.png"), (None, 3, "x.png"), (None, 1, "x.doc")):
        with pytest.raises(UserError, match="a picture of mistakes"):
            evaluate_finished(open_finished(preset="ram_digits"), policy=policy, rollouts=rollouts, mistakes=tmp_path / path)
