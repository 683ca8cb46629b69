"""TF-Serving's REST API over one servable, as a Starlette application."""

import functools
import logging
import os
import re

import anyio
import numpy as np
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route

from tf_glimpse.export.signatures import CLASSIFY_METHOD
from tf_glimpse.server.errors import RequestError, one_line
from tf_glimpse.server.formats import parse, read_examples, read_inputs, write_outputs
from tf_glimpse.server.json_tensor import dump
from tf_glimpse.server.limits import check_pixels, read_body

_LOG = logging.getLogger(__name__)
_ASK = re.compile(r"/v1/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?:(classify|regress|predict)", re.IGNORECASE)
_STATUS = re.compile(r"/v1/models(?:/([^/:]+))?(?:/versions/(\d+)|/labels/([^/:]+))?(/metadata)?", re.IGNORECASE)
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def make_app(servable, max_body_bytes, max_pixels):
    """A Starlette application that answers for `servable`; TensorFlow runs in threads, so that the event loop never waits for it."""
    threads = anyio.CapacityLimiter(os.cpu_count() or 1)

    async def endpoint(request):
        try:
            body = await read_body(request, max_body_bytes)
            answer = functools.partial(_answer, servable, request.method, request.scope["path"], body, max_pixels)
            return Response(await anyio.to_thread.run_sync(answer, limiter=threads), media_type="application/json")
        except RequestError as error:
            return _refusal(str(error), error.status)
        except ClientDisconnect:
            return Response()  # nobody is left to read it
        except Exception as error:
            _LOG.error("%s %r failed: %s: %s", request.method, request.scope["path"], type(error).__name__, one_line(error))
            return _refusal(f"the server failed on this request ({type(error).__name__}); its log says more", 500)

    return Starlette(routes=[Route("/{path:path}", endpoint, methods=_METHODS)])


def _refusal(message, status):
    return Response(dump({"error": message}), status, media_type="application/json")


def _answer(servable, method, path, body, max_pixels):
    if method == "GET" and path == "/":
        return dump(_hint(servable))
    asked, status = _ASK.fullmatch(path), _STATUS.fullmatch(path)
    if method == "POST" and asked:
        parsed = parse(body)
        _check_servable(servable, *asked.groups()[:3])
        return _VERBS[asked[4].lower()](servable, parsed, max_pixels)
    if method == "GET" and status:
        return dump(_status(servable, *status.groups()))
    raise RequestError(f"Malformed request: {method} {path}")


def _hint(servable):
    base = f"/v1/models/{servable.name}"
    return {
        "model": servable.name,
        "version": servable.version,
        "status": base,
        "metadata": f"{base}/metadata",
        "predict": f"POST {base}:predict",
    }


def _check_servable(servable, name, version, label):
    if label is not None:
        raise RequestError(f"Unrecognized servable version label: {label}")
    if name != servable.name or version not in (None, servable.version):
        asked = f"Latest({name})" if version is None else f"Specific({name}, {version})"
        raise RequestError(f"Servable not found for request: {asked}", 404)


def _status(servable, name, version, label, metadata):
    if name is None:
        raise RequestError("Missing model name in request.")
    if metadata or label is not None:
        _check_servable(servable, name, version, label)
    if metadata:
        return servable.metadata()
    if name != servable.name:
        raise RequestError(f"Could not find any versions of model {name}", 404)
    if version not in (None, servable.version):
        raise RequestError(f"Could not find version {version} of model {name}", 404)
    state = {"version": servable.version, "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    return {"model_version_status": [state]}


def _run(servable, signature_name, inputs, max_pixels):
    check_pixels(servable.images_in(signature_name, inputs), max_pixels)
    return servable.run(signature_name, inputs)


def _predict(servable, request, max_pixels):
    signature_name = request.get("signature_name", "")
    inputs, in_rows = read_inputs(request, servable.dtypes(signature_name))
    return write_outputs(_run(servable, signature_name, inputs, max_pixels), in_rows)


def _classify(servable, request, max_pixels):
    signature_name = _signature_for(servable, request, "classification", CLASSIFY_METHOD)
    inputs = {"inputs": np.array([example.SerializeToString() for example in read_examples(request)], dtype=object)}
    outputs = _run(servable, signature_name, inputs, max_pixels)
    rows = zip(outputs["classes"], outputs["scores"], strict=True)
    return dump({"results": [[[name.decode(), score] for name, score in zip(*row, strict=True)] for row in rows]})


def _regress(servable, request, _):
    _signature_for(servable, request, "regression", "tensorflow/serving/regress")
    raise RequestError("this server answers :predict and :classify only", 501)


_VERBS = {"predict": _predict, "classify": _classify, "regress": _regress}


def _signature_for(servable, request, task, method_name):
    signature_name = request.get("signature_name", "")
    was = servable.definition(signature_name).method_name
    if was != method_name:
        raise RequestError(f"Expected {task} signature method_name to be {method_name}. Was: {was}")
    return signature_name
