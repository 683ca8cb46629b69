"""What griffe, which reads the package for the site, must be told: names that load on first use, and our own sections of a docstring."""

import ast
import re
import textwrap

import griffe

# Sections that griffe does not know, as one that it knows with the title that we gave it.
TITLES = {"Example": "Examples: Example", "Call arguments": "Other parameters: Call arguments"}
HEADING = re.compile(rf"^({'|'.join(TITLES)}):$", flags=re.M)
# Sections of one text, which need no list; a call's arguments are one too where they only say "as the model's".
TEXT = re.compile(r"^(Returns|Yields|Output|Output shape|Call arguments(?=:\n +[^:\n]+$)):\n((?: +.*\n?)+)", flags=re.M)


class HouseDocstrings(griffe.Extension):
    """Brings our sections into griffe's words, and shows every room's public names where users import them."""

    def on_object(self, *, obj, **_):
        """Changes the sections of one docstring, and makes one line of its first paragraph, the summary that lists show."""
        if obj.docstring:
            first, *rest = obj.docstring.value.split("\n\n", 1)
            obj.docstring.value = "\n\n".join([first.replace("\n", " "), *rest])
            text = TEXT.sub(lambda found: f"**{found[1]}:** {textwrap.dedent(found[2])}", obj.docstring.value)
            obj.docstring.value = HEADING.sub(lambda found: f"{TITLES[found[1]]}:", text)

    def on_module(self, *, mod, **_):
        """Gives a room the names that `late.on_first_use` loads, and tells which of its names are public."""
        homes = ast.literal_eval(str(mod["_HOME"].value)) if "_HOME" in mod.members else {}
        for name, home in homes.items():
            if name not in mod.members:
                mod.set_member(name, griffe.Alias(name, f"{mod.path}.{home}.{name}", parent=mod))
        if "__all__" in mod.members:
            mod.exports = eval(str(mod["__all__"].value), {"__builtins__": {}}, {"sorted": sorted, "_HOME": homes})

    def on_package(self, *, pkg, **_):
        """Puts a public function in the place of the module of its name, such as `layers.unroll`, once all other names are found."""
        public = {(room, name): room.members.get(name) for room in pkg.modules.values() for name in room.exports or ()}
        for member in public.values():
            if member is not None and member.is_alias:
                _ = member.final_target
        for (room, name), member in public.items():
            if member is not None and member.is_module and name in member.members:
                room.members[name] = member[name]
