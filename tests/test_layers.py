"""The floors of the house (DESIGN §3): imports go down, stages never import each other, siblings never import each other."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = (
    {"model", "errors", "links", "text", "resources", "phrases", "visitor_limits", "stopping"},
    {
        "config",
        "workspace",
        "sources",
        "editing",
        "rendering",
        "checking",
        "audience",
        "delivery",
        "store",
        "slots",
        "backup_file",
    },
    {"desk", "templates", "database", "last_text", "noted", "heartbeat", "covered", "source_memory", "past_issues"},
    {
        "collect",
        "learn",
        "report",
        "draft",
        "published",
        "build",
        "subscribers",
        "send",
        "rehearse",
        "hooks",
        "doctor",
        "erase",
        "reload",
        "backup",
        "restore",
    },
    {"approve", "approved", "archive", "arrange", "check", "check_links", "letters", "visits"},
    {"preview"},
    {"schedule", "web"},
    {"serve"},
    {"cli"},
)
# Within a floor, these may be imported by their neighbours: `build` drafts first when there is no issue yet and shows
# what is published, `draft` sorts
# by what was learned, `report` tells how well, and `send` sends what `build` renders.
SAME_FLOOR = {
    ("draft", "learn"),
    ("report", "learn"),
    ("build", "draft"),
    ("build", "published"),
    ("send", "build"),
    ("rehearse", "send"),
    ("rehearse", "build"),
    ("doctor", "send"),
    ("doctor", "reload"),
    ("approve", "approved"),
    ("restore", "backup"),
    ("past_issues", "desk"),  # one issue is read by `desk`, all but one by `past_issues`
}
# Two of one choice never import each other; what they share lies beside them.
SIBLINGS = ({"sources.folder", "sources.feed"},)
SHARED = {("sources.feed", "sources.folder")}  # a feed's collected posts are files of a folder
# Only these know the network; `session` is the lock of the door `fetch`, `dial` that of `smtp`, `wire` sets an option of those
# that come in.
DOORS = (
    "newsletter.sources.fetch",
    "newsletter.sources.session",
    "newsletter.delivery.smtp",
    "newsletter.web.wire",
    "newsletter.delivery.dial",
)
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}


# As they were when the run began, all read at once: a run takes minutes, and whoever saves a file meanwhile shall not make a
# test fail that has looked at one half of it before and at the other one after.
SOURCES = {
    path: path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "newsletter").rglob("*.py"))
    if "_data" not in path.parts
}


def modules() -> list[Path]:
    return list(SOURCES)


def room(dotted: str) -> str:
    parts = dotted.split(".")
    return parts[1] if len(parts) > 1 else ""


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(SOURCES[path])):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "newsletter")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "newsletter":
            assert node.level == 0
            if node.module == "newsletter":
                yield from (f"newsletter.{alias.name}" for alias in node.names)
            else:
                yield node.module or ""


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_go_down(path: Path) -> None:
    mine = room(name_of(path))
    if mine in ("", "__main__"):
        return
    assert mine in LEVEL, f"{mine} has no floor; add it to FLOORS here and to docs/decisions"
    for target in imports(path):
        theirs = room(target)
        if theirs in ("", "__version__") or theirs == mine:
            continue
        assert theirs in LEVEL, target
        below = LEVEL[theirs] < LEVEL[mine]
        ground = LEVEL[theirs] == LEVEL[mine] == 0
        assert below or ground or (mine, theirs) in SAME_FLOOR, f"{name_of(path)} imports {target}"


def test_stages_never_import_each_other() -> None:
    for path in modules():
        mine = room(name_of(path))
        for target in imports(path):
            if mine in FLOORS[1] and room(target) in FLOORS[1]:
                assert room(target) == mine, f"{name_of(path)} imports {target}"


def test_siblings_never_import_each_other() -> None:
    for family in SIBLINGS:
        for path in modules():
            mine = name_of(path).removeprefix("newsletter.")
            if mine in family:
                for target in imports(path):
                    other = target.removeprefix("newsletter.")
                    assert other == mine or other not in family or (mine, other) in SHARED


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
