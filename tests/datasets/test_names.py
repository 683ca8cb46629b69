"""A wrong name of data is refused before TensorFlow is loaded, which takes several seconds."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tf_glimpse.datasets import refuse_wrong_name
from tf_glimpse.types import UserError

WITHOUT_TENSORFLOW = """
import sys
from tf_glimpse.datasets import refuse_wrong_name, whole_name
from tf_glimpse.types import UserError
try:
    refuse_wrong_name(whole_name(sys.argv[1]), *sys.argv[2:])
    print("taken")
except UserError as error:
    print(error)
assert "tensorflow" not in sys.modules, "TensorFlow was loaded"
"""


def said(*arguments, **options):
    command = [sys.executable, "-c", WITHOUT_TENSORFLOW, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, **options)
    return done.stdout.strip()


@pytest.fixture
def folders(write_image, tmp_path):
    for path in ("good/a/1.png", "good/b/1.png", "flat/train/1.png", "flat/test/1.png", "manual/pets/train/a/1.png"):
        write_image(path, np.uint8([[1]]))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("./nowhere", "no such folder: 'nowhere'"),
        ("/nowhere/photos", "no such folder: '/nowhere/photos'"),
        ("flat", "folders named as splits (test, train)"),
        ("good/a", "at least two classes"),
        ("phtos", "no folder and no data set called 'phtos'"),
        ("phtos/mine", "no folder and no data set called 'phtos/mine'"),
        ("pets", "at least two classes"),  # in the folder of downloaded sets
        ("good", "taken"),
        ("mnist", "taken"),
        ("tf_flowers", "taken"),
    ],
)
def test_refused_without_tensorflow(folders, name, words):
    environment = {**os.environ, "TF_GLIMPSE_MANUAL_DIR": str(folders / "manual")}
    assert words in said(name, cwd=folders, env={**environment, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)})


def test_a_path_is_taken_as_load_takes_it():
    with pytest.raises(UserError, match="no folder and no data set called 'nowhere'"):
        refuse_wrong_name(Path("nowhere"))
    refuse_wrong_name(Path("mnist"))
