"""Starts and stops the server: in this process, or in another one."""

import contextlib
import json
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

from tf_glimpse.types import AnyPath, UserError

MAX_BODY_BYTES = 32 * 2**20
MAX_PIXELS = 64_000_000
MAX_CONNECTIONS = 128  # 503 above


def serve(
    base_path: AnyPath,
    name: str = "model",
    port: int = 8501,
    host: str = "127.0.0.1",
    max_body_bytes: int = MAX_BODY_BYTES,
    max_pixels: int = MAX_PIXELS,
    ready: Callable[[str], Any] | None = None,
) -> None:
    """Serves the highest version in a folder until SIGINT or SIGTERM, then returns.

    Args:
        base_path: folder with versions of a SavedModel, as `export_model` makes it.
        name: what requests call the model: `/v1/models/NAME:predict`.
        port: TCP port; 0 takes a free one.
        host: address listened on. The default is reached from this machine only; there is no password.
        max_body_bytes: longest body taken; 413 above.
        max_pixels: most pixels that the images of one request may decode to, by their headers; 413 above.
        ready: called with the server's URL once requests are answered.

    Raises:
        UserError: no version in the folder, the port is taken or is none, a name that fits no URL, or the extra `serve` is not installed.
    """
    if not name or "/" in name or ":" in name:
        raise UserError(f"a model's name stands in a URL and may hold no '/' or ':', got {name!r}")
    if not 0 <= port <= 65535:
        raise UserError(f"port must be from 0 (any free one) to 65535, got {port}")
    try:
        import uvicorn

        from tf_glimpse.server.app import make_app
        from tf_glimpse.server.servable import Servable
    except ModuleNotFoundError as error:
        raise UserError(f"the server needs the package {error.name}: pip install tf_glimpse[serve]") from None

    class Server(uvicorn.Server):
        async def startup(self, sockets=None):
            await super().startup(sockets)
            if ready is not None:
                ready(url)

    with _stopped_by_signals(), contextlib.closing(_bound(host, port)) as listener:
        url = f"http://{_in_url(host)}:{listener.getsockname()[1]}"
        app = make_app(Servable(base_path, name), max_body_bytes, max_pixels)
        options = {"log_level": "warning", "access_log": False, "timeout_graceful_shutdown": 10, "limit_concurrency": MAX_CONNECTIONS}
        Server(uvicorn.Config(app, **options)).run(sockets=[listener])


def _in_url(host):
    return f"[{host}]" if ":" in host else host


@contextlib.contextmanager
def _stopped_by_signals():
    """SIGINT and SIGTERM end the block, whether it loads or serves; uvicorn raises them again when it has closed its connections."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with contextlib.suppress(KeyboardInterrupt):
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _bound(host, port):
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)  # asyncio sends answers at once (TCP_NODELAY) only where TCP is named
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen()  # only now is the port ours: two sockets can bind the same one
        except OSError:
            listener.close()
            raise
        return listener
    except OSError as error:
        message = f"cannot listen on {_in_url(host)}:{port} ({error.strerror or error}): give a free port (`port=0` finds one)"
        raise UserError(message) from None


def wait_until_ready(url: str, name: str = "model", timeout: float = 120.0, process: subprocess.Popen | None = None) -> None:
    """Waits until `/metadata` answers 200, which both this server and TF-Serving do only when the model can be asked.

    Args:
        url: the server's, such as "http://127.0.0.1:8501".
        name: the model's.
        timeout: seconds.
        process: `subprocess.Popen` of the server; its end ends the waiting.

    Raises:
        UserError: the server ended, or was not ready in time.
    """
    deadline = time.monotonic() + timeout
    metadata = f"{url}/v1/models/{urllib.parse.quote(name)}/metadata"
    while True:
        with contextlib.suppress(OSError), urllib.request.urlopen(metadata, timeout=10):
            return
        if process is not None and process.poll() is not None:
            raise UserError(f"the server ended with exit code {process.returncode} before it was ready")
        if time.monotonic() > deadline:
            raise UserError(f"no model {name!r} was ready at {url} within {timeout:g} s")
        time.sleep(0.1)


@contextlib.contextmanager
def running_server(base_path: AnyPath, name: str = "model", timeout: float = 120.0, **options: Any) -> Iterator[str]:
    """A server in a process of its own, on a free port unless `port` is given: yields its URL when it is ready, and stops it at the end.

    Args:
        base_path: as for `serve`.
        name: as for `serve`.
        timeout: seconds to wait for it.
        **options: `port`, `host`, `max_body_bytes` and `max_pixels` of `serve`.

    Raises:
        UserError: what `serve` raised, or not ready in time.
    """
    deadline = time.monotonic() + timeout
    arguments = {"base_path": str(base_path), "name": name, "port": 0, **options}
    with tempfile.TemporaryFile("w+") as complaints:
        command = [sys.executable, "-c", _CHILD, json.dumps(arguments)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints, text=True)
        assert process.stdout  # a pipe
        try:
            if not select.select([process.stdout], [], [], timeout)[0]:
                raise UserError(f"the server was not ready within {timeout:g} s")
            url = process.stdout.readline().strip()
            if not url:
                complaints.seek(0)
                raise UserError((complaints.read().splitlines() or ["the server ended before it was ready"])[-1])
            wait_until_ready(url, name, deadline - time.monotonic(), process)
            yield url
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()


_CHILD = """
import json, sys
from tf_glimpse.server import serve
from tf_glimpse.types import UserError
try:
    serve(**json.loads(sys.argv[1]), ready=lambda url: print(url, flush=True))
except UserError as error:
    sys.exit(str(error))
"""
