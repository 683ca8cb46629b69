import contextlib
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from tf_glimpse.server import running_server, serve, wait_until_ready
from tf_glimpse.server.run import _bound
from tf_glimpse.types import UserError

SERVING = Path(__file__).resolve().parents[2] / "serving"
SERVE = (
    "import sys, json; from tf_glimpse.server import serve; "
    "serve(sys.argv[1], port=0, ready=lambda url: print(url, flush=True), **json.loads(sys.argv[2])); print('ended')"
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


def test_what_is_no_model_server_is_one_line(tmp_path):
    class Proxy(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            status = 502 if "broken" in self.path else 200
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"<html>")

        do_POST = do_GET
        log_message = None

    (tmp_path / "picture.png").write_bytes(b"")
    with http.server.HTTPServer(("127.0.0.1", 0), Proxy) as server:
        Proxy.log_message = lambda *_: None
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        for command, name, words in (
            (["client.py", tmp_path / "picture.png", "--url", url], "broken", f"client: {url} is no model server: it answered b'<html>'"),
            (["client.py", tmp_path / "picture.png", "--url", url], "fine", f"client: {url} is no model server: it answered b'<html>'"),
            (["smoke_test.py", url], "broken", "FAILED: AssertionError("),
        ):
            done = subprocess.run([sys.executable, SERVING / command[0], *command[1:], "--name", name], capture_output=True, text=True)
            assert done.returncode == 1 and done.stderr.startswith(words) and done.stderr.count("\n") == 1
        server.shutdown()


@pytest.mark.parametrize(
    "number, options, host",
    [(signal.SIGINT, {}, "127.0.0.1"), pytest.param(signal.SIGTERM, {"host": "::1"}, "[::1]", marks=pytest.mark.slow)],
)
def test_a_signal_ends_it_cleanly(base_path, number, options, host):
    if options and not os.path.exists("/proc/net/if_inet6"):
        pytest.skip("this machine has no IPv6")
    command = [sys.executable, "-c", SERVE, base_path, json.dumps(options)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    url = process.stdout.readline().strip()
    wait_until_ready(url, process=process)
    assert url.rpartition(":")[0] == f"http://{host}" and urllib.request.urlopen(url).status == 200
    with pytest.raises(ConnectionRefusedError):  # not on every address of the machine
        socket.create_connection(("127.0.0.2", int(url.rpartition(":")[2])))
    process.send_signal(number)
    assert process.communicate(timeout=30) == ("ended\n", "")
    assert process.returncode == 0


def test_a_taken_port_is_one_line():
    with contextlib.closing(_bound("127.0.0.1", 0)) as taken:  # as by a server that still loads
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


def test_a_name_fits_a_url(tmp_path):
    with pytest.raises(UserError, match=r"may hold no '/' or ':', got 'a/b'"):
        serve(tmp_path, name="a/b")


def test_missing_extras_are_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(UserError, match=r"needs the package uvicorn: pip install tf_glimpse\[serve\]"):
        serve(tmp_path)


def test_the_error_of_a_server_in_another_process_comes_through(tmp_path):
    with pytest.raises(UserError, match=r"^a model's name stands in a URL .* got 'a/b'$"), running_server(tmp_path, name="a/b"):
        raise AssertionError("it started")


def test_a_server_that_is_slow_is_stopped(base_path):
    start = time.monotonic()
    with pytest.raises(UserError, match=r"^the server was not ready within 0.2 s$"), running_server(base_path, timeout=0.2):
        raise AssertionError("it started")
    assert time.monotonic() - start < 10


def test_waiting_has_an_end():
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
    with pytest.raises(UserError, match=r"no model 'model' was ready at http.* within 0.2 s"):
        wait_until_ready(url, timeout=0.2)
