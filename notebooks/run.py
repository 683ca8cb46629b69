"""Runs notebooks and keeps their outputs in them, so that they can be read where they lie: python notebooks/run.py [NAME …]

Texts and pictures are kept, pictures of at most 900 px and 256 colours; what goes to stderr, times and counters are not. Each notebook
keeps the fingerprint of the code that made its outputs, so that a test tells when they are older than the code. All of them take about half
an hour on two cores.
"""

import argparse
import base64
import hashlib
import io
import pathlib
import re
import tempfile
import time

import nbformat
from nbclient import NotebookClient
from PIL import Image

FOLDER = pathlib.Path(__file__).resolve().parent
WIDTH, COLOURS = 900, 256  # of pictures
CELL_SECONDS = 3600  # after which a cell counts as stuck


def main():
    """Runs the notebooks named on the command line, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="such as 01_quickstart (all of them)")
    names = parser.parse_args().names or sorted(path.stem for path in FOLDER.glob("*.ipynb"))
    for name in names:
        start = time.monotonic()
        size = run(FOLDER / f"{pathlib.Path(name).stem}.ipynb")
        print(f"{name}: {time.monotonic() - start:.0f} s, {size / 1000:.0f} kB", flush=True)


def run(path):
    """Runs one notebook in an empty folder and writes its outputs into it; returns its size in bytes. An error leaves it as it was."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        place, quiet = {"metadata": {"path": folder}}, ["--log-level=ERROR"]
        NotebookClient(notebook, timeout=CELL_SECONDS, kernel_name="python3", resources=place, extra_arguments=quiet).execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = kept(cell.outputs), None
            cell.metadata.pop("execution", None)
    notebook.metadata = {name: notebook.metadata[name] for name in ("kernelspec",)}
    notebook.metadata.update(language_info={"name": "python"}, outputs_of=fingerprint(notebook))
    nbformat.write(notebook, path)
    return path.stat().st_size


def fingerprint(notebook):
    """Names the code of a notebook: two with the same are equal but for their texts and outputs."""
    code = "\0".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return hashlib.sha256(code.encode()).hexdigest()[:16]


def kept(outputs):
    """The outputs that are worth keeping: no stderr, neighbouring texts in one, pictures small, no names of temporary folders."""
    results = []
    for output in outputs:
        if output.output_type == "stream":
            if output.name != "stdout":
                continue
            output.text = _plain(output.text)
            if results and results[-1].output_type == "stream":
                results[-1].text += output.text
                continue
        elif "image/png" in output.data:
            output.data, output.metadata = {"image/png": small(output.data["image/png"])}, {}
        else:
            output.data = {"text/plain": _plain(output.data["text/plain"])}
        output.pop("execution_count", None)
        results.append(output if output.output_type == "stream" else nbformat.v4.new_output("display_data", output.data))
    return results


def small(encoded):
    """A PNG in base64, brought to at most so many pixels a side and so many colours."""
    image = Image.open(io.BytesIO(base64.b64decode(encoded)))
    if image.mode == "P" and image.width <= WIDTH:
        return encoded  # it was made here
    image = image.convert("RGBA")
    image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")  # readers with a dark page too
    if image.width > WIDTH:
        image = image.resize((WIDTH, round(image.height * WIDTH / image.width)), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    image.quantize(palette=_palette(image), dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    return base64.b64encode(stream.getvalue()).decode()


def _palette(image):
    """An image with the picture's colours, and with greys from black to white, so that what is grey stays grey."""
    greys = [level for grey in (*range(0, 252, 4), 255) for level in (grey,) * 3]  # Pillow looks colours up by their upper six bits
    colours = image.quantize(COLOURS - len(greys) // 3, Image.Quantize.MAXCOVERAGE).getpalette()
    palette = Image.new("P", (1, 1))
    palette.putpalette((greys + colours)[: 3 * COLOURS])
    return palette


def _plain(text):
    return re.sub(re.escape(tempfile.gettempdir()) + r"/tmp\w+", "/tmp/folder", text)


if __name__ == "__main__":
    main()
