import shutil
import subprocess

import pytest

from tf_glimpse.cli import main
from tf_glimpse.training import RECIPES
from tf_glimpse.weights import preset_names


def printed(shell, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["--print-completion", shell])
    assert exit_.value.code == 0
    return capsys.readouterr().out


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
def test_bash_completes_with_the_script(tmp_path, capsys):
    """The script in a real bash, asked for the last of some words."""
    (tmp_path / "completion.sh").write_text(printed("bash", capsys))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photo.png").touch()
    asked = {
        "tf-glimpse pre": {"presets", "predict"},
        "tf-glimpse train ram_": {name for name in RECIPES if name.startswith("ram_")},
        "tf-glimpse evaluate --preset saccader_f": {name for name in preset_names() if name.startswith("saccader_f")},
        "tf-glimpse evaluate --split v": {"validation"},
        "tf-glimpse evaluate --policy sobel": {"sobel_mean", "sobel_variance"},
        "tf-glimpse train ram --policy c": {"centre"},
        "tf-glimpse train ram --dat": {"--data", "--data-dir"},
        "tf-glimpse train ram --data ph": {"photos"},
        "tf-glimpse draw --preset ram_digits phot": {"photos"},
        "tf-glimpse draw run photo.": {"photo.png"},
    }
    lines = ["source ./completion.sh"]
    for words in asked:
        lines += [f"COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _shtab_tf_glimpse 2>/dev/null; echo ${{COMPREPLY[@]}}"]
    done = subprocess.run(["bash", "-c", "\n".join(lines)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {words: set(line.split()) for words, line in zip(asked, done.stdout.splitlines(), strict=True)} == asked


@pytest.mark.parametrize("shell", ["zsh", "fish", "tcsh"])
def test_other_shells_get_a_script_too(shell, capsys):
    script = printed(shell, capsys)
    assert "evaluate" in script and "ram_digits" in script
    if shutil.which(shell):
        done = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
