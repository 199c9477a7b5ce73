"""The floors of the house: imports go down, stages and siblings never import each other, flows have their order. No exceptions.

docs/flow.md prints the floors as they stand here.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# From the ground up: a floor's name, and its rooms. Rooms of the ground may import each other; those of other floors never do.
FLOORS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("ground", ("model", "errors", "links", "resources", "phrases", "stopping", "text")),
    (
        "stages",
        ("config", "calendar", "sources", "editing", "rendering", "checking", "audience", "delivery", "store"),
    ),
    ("workspace", ("workspace",)),
    ("flows", ("flows",)),
    ("web", ("web",)),
    ("serve", ("serve",)),
    ("cli", ("cli",)),
)
# Within `workspace` and `flows`, too, imports go down only.
STOREYS: dict[str, tuple[tuple[str, ...], ...]] = {
    "workspace": (
        ("locks", "whole_files"),
        ("files",),
        ("backup_file", "database", "heartbeat", "last_text", "load", "shown_notes", "source_memory", "templates"),
        ("past_issues",),
    ),
    "flows": (
        (
            "approval_scope",
            "backup",
            "collect",
            "erase",
            "learn",
            "published",
            "relays",
            "reload",
            "render_warnings",
            "subscribers",
            "webhooks",
        ),
        ("doctor", "draft", "restore", "send", "theme_report", "visits"),
        ("build", "desk"),
        ("approval_record", "archive", "check", "check_links", "freeze"),
        ("approve", "dry_run", "preview", "rehearse", "send_one"),
        ("schedule", "transactional_mail"),
    ),
}
# Two of one choice never import each other; what they share lies beside them.
SIBLINGS = ({"sources.folder", "sources.feed"},)
# Only these know the network; `session` is the lock of the door `fetch`, `dial` that of `smtp`, `wire` sets an option of those
# that come in.
DOORS = (
    "newsletter.sources.fetch",
    "newsletter.sources.session",
    "newsletter.delivery.smtp",
    "newsletter.web.wire",
    "newsletter.delivery.dial",
)
LEVEL = {room: level for level, (_, rooms) in enumerate(FLOORS) for room in rooms}
STOREY = {
    f"{floor}.{room}": level
    for floor, storeys in STOREYS.items()
    for level, rooms in enumerate(storeys)
    for room in rooms
}


# As they were when the run began, all read at once: a run takes minutes, and whoever saves a file meanwhile shall not make a
# test fail that has looked at one half of it before and at the other one after.
SOURCES = {
    path: path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "newsletter").rglob("*.py"))
    if "_data" not in path.parts
}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in SOURCES}


def modules() -> list[Path]:
    return list(SOURCES)


def room(dotted: str) -> str:
    return dotted.split(".")[1] if "." in dotted else ""


def storey(dotted: str) -> str:
    """`flows.send`: the room inside of a floor that has storeys."""
    return ".".join(dotted.split(".")[1:3])


def imports(path: Path) -> Iterator[str]:
    """The modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(SOURCES[path])):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "newsletter")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "newsletter":
            assert node.level == 0
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES or node.module == "newsletter" else str(node.module)


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_go_down(path: Path) -> None:
    mine = room(name_of(path))
    if mine in ("", "__main__"):
        return
    assert mine in LEVEL, f"{mine} has no floor; add it to FLOORS here"
    for target in imports(path):
        theirs = room(target)
        if theirs in ("", "__version__"):
            continue
        if theirs == mine:
            here, there = storey(name_of(path)), storey(target)
            if mine in STOREYS and here != there and "." in here:
                assert STOREY[there] < STOREY[here], f"{name_of(path)} imports {target}"
            continue
        below = LEVEL[theirs] < LEVEL[mine]
        ground = LEVEL[theirs] == LEVEL[mine] == 0
        assert below or ground, f"{name_of(path)} imports {target}"


def test_every_room_has_its_floor_and_every_floor_its_rooms() -> None:
    """`ls newsletter/` is what FLOORS says, and so are the files of the floors that have storeys."""
    # A folder without a module is what an older version has left behind.
    top = {name.split(".")[1] for name in MODULES if "." in name}
    assert top - {"__main__"} == set(LEVEL)
    for floor in STOREYS:
        inside = {storey(name) for name in MODULES if name.startswith(f"newsletter.{floor}.")}
        assert inside == {name for name in STOREY if name.startswith(f"{floor}.")}


def test_the_documentation_prints_the_floors() -> None:
    text = (ROOT / "docs/flow.md").read_text(encoding="utf-8")
    assert write_floors() in text, f"docs/flow.md does not say:\n{write_floors()}"


def write_floors() -> str:
    """The floors as a drawing, from the roof down."""
    lines = [f"{name:10} {'  '.join(rooms)}" for name, rooms in reversed(FLOORS)]
    for floor, storeys in STOREYS.items():
        lines += ["", f"inside {floor}:"]
        lines += [f"  {'  '.join(rooms)}" for rooms in reversed(storeys)]
    return "\n".join(["```text", *lines, "```"])


def test_siblings_never_import_each_other() -> None:
    for family in SIBLINGS:
        for path in modules():
            mine = name_of(path).removeprefix("newsletter.")
            if mine in family:
                for target in imports(path):
                    other = target.removeprefix("newsletter.")
                    assert other == mine or other not in family


def test_no_two_classes_share_a_name() -> None:
    """With or without an underscore: `_Line` beside `Line` has to be asked about, too."""
    places = defaultdict(list)
    for path, source in SOURCES.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ClassDef):
                places[node.name.lstrip("_")].append(name_of(path))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_every_public_function_says_what_it_does() -> None:
    silent = []
    for path, source in SOURCES.items():
        tree = ast.parse(source)
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
        for node in [*tree.body, *(inner for one in classes for inner in one.body)]:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith(
                "_"
            ):
                is_setter = any(isinstance(one, ast.Attribute) and one.attr == "setter" for one in node.decorator_list)
                silent += [] if is_setter or ast.get_docstring(node) else [f"{name_of(path)}.{node.name}"]
    assert silent == []


def test_there_is_no_circle() -> None:
    graph = {name_of(path): set(imports(path)) for path in modules()}
    done: set[str] = set()

    def visit(node: str, trail: tuple[str, ...]) -> None:
        assert node not in trail, " → ".join((*trail, node))
        if node in done:
            return
        for target in sorted(graph.get(node, ())):
            # A package's face imports its rooms, and they may name the package: only modules make circles.
            if target in graph and target != node and not node.startswith(f"{target}."):
                visit(target, (*trail, node))
        done.add(node)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_the_clock_is_read_in_the_faces_only(path: Path) -> None:
    mine = room(name_of(path))
    source = SOURCES[path]
    if mine not in ("cli", "serve", "web") and name_of(path) != "newsletter.sources.fetch":
        assert "datetime.now(" not in source
        assert "date.today(" not in source
        assert "time.time(" not in source


def test_two_doors_lead_to_the_network() -> None:
    for path in modules():
        tree = ast.parse(SOURCES[path])
        names = {
            alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
        }
        names |= {(node.module or "").split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        if names & {"requests", "urllib3", "httpx", "socket", "http"}:
            assert name_of(path) in DOORS, path
        if "asyncio" in names:
            assert room(name_of(path)) in ("delivery", "web"), path


def test_every_file_begins_with_a_sentence_and_holds_no_todo() -> None:
    for path in modules():
        source = SOURCES[path]
        docstring = ast.get_docstring(ast.parse(source))
        assert docstring, path
        assert not any(word in source for word in ("TODO", "FIXME", "XXX")), path


def test_nothing_is_pickled_or_evaluated() -> None:
    for path in modules():
        source = SOURCES[path]
        for word in ("import pickle", "yaml.load(", "eval(", "exec(", "shell=True"):
            assert word not in source, path
