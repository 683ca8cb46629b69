"""Asks a glimpse model over REST what is on a picture and where it looked. Standard library only: copy it.

python client.py photo.png --url http://127.0.0.1:8501 --name model
"""

import argparse
import base64
import json
import sys
import urllib.error
import urllib.request


def ask(path, url="http://127.0.0.1:8501", name="model", timeout=30.0):
    """Sends a PNG or JPEG file.

    Returns:
        dict: "classes" (the name of the likeliest class), "labels" (its number), "scores" (of all classes, they add up to 1), "locations"
        (one [y, x] a look, from [-1, -1], the upper left corner, to [1, 1]; [0, 0] is the centre), "num_glimpses".

    Raises:
        RuntimeError: the server's words, if it refused; or what came, if that is no answer of a model server.
    """
    with open(path, "rb") as file:
        instance = {"b64": base64.b64encode(file.read()).decode()}
    request = urllib.request.Request(
        f"{url}/v1/models/{name}:predict",
        data=json.dumps({"instances": [instance]}).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            body = response.read()
    except urllib.error.HTTPError as error:
        body = error.read()
    try:
        answer = json.loads(body)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["predictions"][0]
    except (ValueError, TypeError, LookupError):
        raise RuntimeError(f"{url} is no model server: it answered {body[:100]!r}") from None


def main():
    """What the command line runs."""
    parser = argparse.ArgumentParser(description="Send a picture to a glimpse model and print what it saw.")
    parser.add_argument("image", help="a PNG or JPEG file")
    parser.add_argument("--url", default="http://127.0.0.1:8501", help="the server (%(default)s)")
    parser.add_argument("--name", default="model", help="the model's name (%(default)s)")
    arguments = parser.parse_args()
    try:
        answer = ask(arguments.image, arguments.url, arguments.name)
    except (RuntimeError, OSError, ValueError) as error:  # urllib says ValueError to what is no URL
        sys.exit(f"client: {error}")
    print(f"label: {answer['classes']}")
    print(f"score: {answer['scores'][answer['labels']]:.3f}")
    print("looked at (y, x):", " ".join(f"({y:+.2f}, {x:+.2f})" for y, x in answer["locations"][: answer["num_glimpses"]]))


if __name__ == "__main__":
    main()
