import contextlib
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tf_glimpse.server import running_server, serve, wait_until_ready
from tf_glimpse.types import UserError

SERVING = Path(__file__).resolve().parents[2] / "serving"
SERVE = (
    "import sys; from tf_glimpse.server import serve; serve(sys.argv[1], port=0, ready=lambda url: print(url, flush=True)); print('ended')"
)


def test_the_smoke_test_passes(url):
    done = subprocess.run([sys.executable, SERVING / "smoke_test.py", url, "--name", "digits"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("ok  ") == 6


def test_the_smoke_test_can_fail(url):
    done = subprocess.run([sys.executable, SERVING / "smoke_test.py", url, "--name", "other"], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith("FAILED")


def test_the_client_prints_label_score_and_places(url, images, encode, tmp_path):
    picture = tmp_path / "picture.png"
    picture.write_bytes(encode(images[0, ..., 0]))
    command = [sys.executable, SERVING / "client.py", picture, "--url", url, "--name"]
    done = subprocess.run([*command, "digits"], capture_output=True, text=True)
    label, score, places = done.stdout.splitlines()
    assert label.removeprefix("label: ") in ("ant", "bee", "cät") and 1 / 3 <= float(score.removeprefix("score: ")) <= 1
    assert places.startswith("looked at (y, x): (") and places.count("(") == 3
    done = subprocess.run([*command, "other"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "client: Servable not found for request: Latest(other)\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(base_path, number):
    process = subprocess.Popen([sys.executable, "-c", SERVE, base_path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    url = process.stdout.readline().strip()
    wait_until_ready(url, process=process)
    assert urllib.request.urlopen(url).status == 200
    process.send_signal(number)
    assert process.communicate(timeout=30) == ("ended\n", "")
    assert process.returncode == 0


def test_a_taken_port_is_one_line():
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=rf"^cannot listen on 127.0.0.1:{port} \(Address already in use\): give a free port .*$"):
            serve("nowhere", port=port)
    with pytest.raises(UserError, match=r"port must be from 0 .* to 65535, got 123456"):
        serve("nowhere", port=123456)


def test_a_folder_without_a_version_says_how_to_make_one(tmp_path):
    (tmp_path / "tmp-1-x").mkdir()
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(UserError, match=r"no model version .* `tf-glimpse export"):
            serve(path, port=0)
    (tmp_path / "3").mkdir()
    with pytest.raises(UserError, match=r"3 holds no SavedModel that can be loaded; export it again"):
        serve(tmp_path, port=0)


def test_a_name_fits_a_url(tmp_path):
    with pytest.raises(UserError, match=r"may hold no '/' or ':', got 'a/b'"):
        serve(tmp_path, name="a/b")


def test_missing_extras_are_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(UserError, match=r"needs the package uvicorn: pip install tf_glimpse\[serve\]"):
        serve(tmp_path)


def test_the_error_of_a_server_in_another_process_comes_through(tmp_path):
    with pytest.raises(UserError, match=r"^no model version"), running_server(tmp_path):
        raise AssertionError("it started")


def test_waiting_has_an_end():
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
    with pytest.raises(UserError, match=r"no model 'model' was ready at http.* within 0.2 s"):
        wait_until_ready(url, timeout=0.2)
