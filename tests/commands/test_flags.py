"""Arguments that messages name become the flags of the command that was called, and of no other."""

import warnings

import pytest

from tf_glimpse import cli
from tf_glimpse.commands.flags import in_flags
from tf_glimpse.types import DataWarning, UserError

SEARCH = ["search", "ram", "--data", "D", "--workdir", "W"]
SPELLED = {
    "a value": (SEARCH, "raise `budget_mflops` or `max_trials=9`", "raise --budget-mflops or --max-trials 9"),
    "no value": (["evaluate", "RUN"], "or `skip_corrupt=True`", "or --skip-corrupt"),
    "another name": (["explain", "RUN"], "leave out `fit_epochs`", "leave out --fit-vae"),
    "a flag for a value": (["export", "RUN", "--out", "O"], "or `warm_up_batch_sizes=()`", "or --no-warm-up"),
    "no flag of this command": (["evaluate", "RUN"], "`channels=4` and `workdir`", "`channels=4` and `workdir`"),
    "no backticks": (["evaluate", "RUN"], "the data of seed=3", "the data of seed=3"),
}


@pytest.mark.parametrize("case", SPELLED)
def test_arguments_are_spelled_as_the_command_takes_them(case):
    words, message, spelled = SPELLED[case]
    assert in_flags(UserError(message), cli._parsed(words).flags) == spelled


def test_errors_and_notes_are_printed_with_flags(monkeypatch, capsys):
    def run(options):
        assert "flags" not in vars(options)
        warnings.warn(DataWarning("3 files have transparent parts; `channels=4` keeps them"), stacklevel=1)
        raise UserError("cannot decode a.png; or `skip_corrupt=True`")

    monkeypatch.setattr("tf_glimpse.commands.train.run", run)
    assert cli.main(["train", "testing", "--workdir", "W"]) == 2
    note, error = capsys.readouterr().err.splitlines()
    assert note == "note: 3 files have transparent parts; --channels 4 keeps them"
    assert error == "tf-glimpse: cannot decode a.png; or --skip-corrupt"
