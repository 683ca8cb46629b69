"""Holds the house's rules by reading the source: who imports whom, what loads late, names, and the README's map."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "tf_glimpse"

# A room may import itself and the rooms of earlier rows; the rooms of one row do not know each other.
ROWS = [
    ["types", "late", "statistics"],
    ["files"],
    ["weights"],
    ["ops"],
    ["layers", "losses", "datasets", "environments"],
    ["tasks"],
    ["models"],
    ["policies"],
    ["boed", "explain", "export"],
    ["training"],
    ["search"],
    ["server"],
    ["demo"],
    ["commands"],
    ["cli"],
]
ROW_OF = {room: row for row, rooms in enumerate(ROWS) for room in rooms}
NEITHER = {"datasets": {"layers", "losses"}, "environments": {"layers", "losses"}, "layers": {"losses"}, "losses": {"layers"}}
LATE = {"official", "matplotlib"}
# Overridden under Keras' own argument names, x and y.
KERAS_METHODS = {"compute_loss", "compute_metrics", "fit", "evaluate", "predict", "train_on_batch", "test_on_batch", "predict_on_batch"}

SOURCES = sorted(PACKAGE.rglob("*.py"))
by_source = pytest.mark.parametrize("source", SOURCES, ids=lambda source: str(source.relative_to(ROOT)))


def parse(source):
    return ast.parse(source.read_text(encoding="utf-8"), filename=str(source))


def module_of(source):
    """The dotted name of a file, and the package that its relative imports start from."""
    parts = source.relative_to(ROOT).with_suffix("").parts
    return (parts[:-1], parts[:-1]) if parts[-1] == "__init__" else (parts, parts[:-1])


def imported(nodes, package):
    """Every module that the nodes import, as dotted names; `from a import b` counts as a.b."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            base += node.module.split(".") if node.module else []
            yield from (".".join([*base, alias.name]) for alias in node.names)


def rooms_imported(tree, package):
    """The rooms of tf_glimpse that a file imports, inside functions too; `import tf_glimpse` alone is the room "" ."""
    for name in imported(ast.walk(tree), package):
        top, *rest = name.split(".")
        if top == "tf_glimpse" and rest != ["__version__"]:
            yield rest[0] if rest else ""


def outside_functions(node):
    """All nodes that run on import; what only type checkers import does not."""
    for child in ast.iter_child_nodes(node):
        typing = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
        if not typing and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from outside_functions(child)


def complaints_about(room, others):
    """What is wrong with a file of the room importing the others, in words."""
    for other in others:
        if other not in ROW_OF:
            yield f"{room} imports {other or 'tf_glimpse itself'!r}: import from the room where the name lives"
        elif other != room and (ROW_OF[other] >= ROW_OF[room] or other in NEITHER.get(room, ())):
            yield f"{room} imports {other}, which is not before it"


def test_there_is_a_package_to_read():
    assert len(SOURCES) > 10


@by_source
def test_imports_go_one_way(source):
    module, package = module_of(source)
    if len(module) < 2 or module[1] == "__main__":  # the root itself names every room
        return
    assert module[1] in ROW_OF, f"{module[1]} has no place in ROWS: say here, and in CONTRIBUTING.md, what it may import"
    assert not list(complaints_about(module[1], rooms_imported(parse(source), package)))


@pytest.mark.parametrize(
    ("room", "line", "right"),
    [
        ("models", "from tf_glimpse.layers.retina import Retina", True),
        ("models", "from tf_glimpse import losses", True),
        ("models", "from tf_glimpse.tasks import Classification", True),
        ("tasks", "from tf_glimpse import losses", True),
        ("losses", "from tf_glimpse.tasks import Classification", False),
        ("models", "def run():\n    from tf_glimpse.training import run", False),
        ("layers", "from tf_glimpse.losses import reinforce", False),
        ("layers", "from ..losses import reinforce", False),
        ("layers", "from .retina import Retina", True),
        ("datasets", "import tf_glimpse.layers", False),
        ("server", "import tf_glimpse.cli", False),
        ("ops", "import tf_glimpse", False),
        ("ops", "from tf_glimpse import __version__", True),
    ],
)
def test_the_reader_sees_wrong_imports(room, line, right):
    complaints = list(complaints_about(room, rooms_imported(ast.parse(line), ("tf_glimpse", room))))
    assert (not complaints) == right, complaints


@by_source
def test_heavy_libraries_load_where_they_are_used(source):
    _, package = module_of(source)
    early = {name.split(".")[0] for name in imported(outside_functions(parse(source)), package)} & LATE
    assert not early, f"import {', '.join(sorted(early))} inside the function that uses it"


@by_source
def test_arguments_have_words_for_names(source):
    for node in ast.walk(parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            name = getattr(node, "name", "lambda")
            named = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
            allowed = {"_", "x", "y"} if name in KERAS_METHODS else {"_"}
            short = [argument.arg for argument in named if argument and len(argument.arg) == 1 and argument.arg not in allowed]
            assert not short, f"line {node.lineno}: {name} takes {short}; write what they are"


# What Keras calls, under Keras' own signatures.
KERAS_OVERRIDES = KERAS_METHODS | {"build", "call", "compile", "compile_from_config", "compute_output_shape", "compute_output_spec"}
KERAS_OVERRIDES |= {"from_config", "get_compile_config", "get_config", "metrics", "on_epoch_end", "test_step", "train_step"}
KERAS_OVERRIDES |= {"trainable_variables"}
PUBLIC = [source for source in SOURCES if source.name == "__init__.py" and re.search("^__all__ =", source.read_text("utf-8"), flags=re.M)]


def homes(init):
    """`(name, file)` of all that a package imports, defines, or loads on first use."""
    package = init.parent
    for node in parse(init).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, init
        elif isinstance(node, ast.ImportFrom) and node.module.startswith("tf_glimpse"):
            yield from ((alias.name, ROOT.joinpath(*node.module.split("."))) for alias in node.names)
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_HOME":
            yield from ((name, package.joinpath(*home.split("."))) for name, home in ast.literal_eval(node.value).items())


def without_types(node):
    """Functions and public methods in a definition whose arguments or return have no types."""
    methods = node.body if isinstance(node, ast.ClassDef) else [node]
    for function in methods:
        name = getattr(function, "name", "_")
        if (
            not isinstance(function, ast.FunctionDef)
            or name in KERAS_OVERRIDES
            or (name[0] == "_" and name not in ("__init__", "__call__"))
        ):
            continue
        given = [argument for argument in ast.walk(function.args) if isinstance(argument, ast.arg) and argument.arg not in ("self", "cls")]
        if function.returns is None or not all(argument.annotation for argument in given):
            yield name


@pytest.mark.parametrize("init", PUBLIC, ids=lambda init: init.parent.name)
def test_what_is_public_has_types(init):
    for name, home in homes(init):
        home = home / "__init__.py" if home.is_dir() else home.with_suffix(".py")
        found = [node for node in parse(home).body if getattr(node, "name", None) == name]
        missing = [f"{home.relative_to(ROOT)}: {name}: {each}" for node in found for each in without_types(node)]
        assert not missing, "write the types of all arguments and of what it returns"


@pytest.mark.parametrize(
    ("lines", "missing"),
    [
        ("def find(name: str, *rest: int) -> None: ...", []),
        ("def find(name: str, *rest) -> None: ...", ["find"]),
        ("def find(name: str): ...", ["find"]),
        ("class Model:\n    def __init__(self, size): ...\n    def call(self, inputs): ...\n    def _look(self): ...", ["__init__"]),
    ],
)
def test_the_reader_sees_missing_types(lines, missing):
    assert list(without_types(ast.parse(lines).body[0])) == missing


# Rooms whose users are commands' users, and files whose flags are not this program's, or are no message.
SPEAKS_FLAGS = ("commands/", "cli.py")
OTHER_FLAGS = {
    "explain/page.py": "names of CSS",
    "training/code_version.py": "git's",
    "training/publish.py": "a program with flags of its own",
    "training/publish_autoencoder.py": "a program with flags of its own",
    "training/ram_recipes.py": "what recipes are for, as the notes of runs hold it",
    "weights/cards.py": "the commands that a preset's card tells",
}


def messages(tree):
    """`(line, text)` of every string but for docstrings."""
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, documented) and node.body]
    docstrings = {body[0].value for body in bodies if isinstance(body[0], ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docstrings:
            yield node.lineno, node.value


def flags_in(tree):
    return [f"line {line}: {text}" for line, text in messages(tree) if re.search(r"(?<![\w-])--[a-z]", text)]


@by_source
def test_messages_name_arguments_and_no_flags(source):
    path = source.relative_to(PACKAGE).as_posix()
    if path.startswith(SPEAKS_FLAGS):
        return
    found = flags_in(parse(source))
    if path in OTHER_FLAGS:
        assert found, f"{path} is no exception any more"
    else:
        assert not found, "name Python's argument in backticks, `skip_corrupt=True`; commands/flags.py makes a flag of it"


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ('raise UserError("give --data")', False),
        ('raise UserError(f"{name}: leave out --num-glimpses")', False),
        ('raise UserError("give `data`")', True),
        ('print("a -- b, --", "-----BEGIN")', True),
        ('def run():\n    """On the command line --data."""', True),
    ],
)
def test_the_reader_sees_flags(line, right):
    assert (not flags_in(ast.parse(line))) == right


def folders(parent):
    """Folders with something of ours in them."""
    hidden = {"build", "dist", "__pycache__"}
    candidates = [path for path in parent.iterdir() if path.is_dir() and path.name not in hidden and not path.name.endswith(".egg-info")]
    return {path.name for path in candidates if path.name[0] != "." and any(file.suffix != ".pyc" for file in path.rglob("*.*"))}


def test_readme_map_lists_the_folders_that_exist():
    paragraphs = (ROOT / "README.md").read_text(encoding="utf-8").split("\n\n")
    maps = [paragraph for paragraph in paragraphs if re.search(r"^\s*tf_glimpse/\s*$", paragraph, flags=re.M)]
    assert len(maps) == 1, "README.md needs one block with a line for tf_glimpse/ and one for each folder"
    named = set(re.findall(r"(?<![\w/.])(\w+)/(?=[\s,]|$)", maps[0]))
    assert named >= folders(PACKAGE) | {"tf_glimpse", "tests", "serving", "notebooks", "benchmarks"}
    assert named <= folders(PACKAGE) | folders(ROOT)
