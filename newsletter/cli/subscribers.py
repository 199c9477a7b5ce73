"""`newsletter subscribers`: the audience, in and out."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:  # both load the tables of words, which most commands do not need
    from newsletter.audience.columns import Answers
    from newsletter.flows.subscribers import Imported

from newsletter.audience.addresses import check_address
from newsletter.cli.common import Context, in_workspace, shared_options
from newsletter.errors import Mistake, UsageError
from newsletter.flows.erase import erase_person, find_copies
from newsletter.store.database import Store
from newsletter.store.subscribers import count_by_state, export_rows, find_person
from newsletter.store.subscribers import unsubscribe as unsubscribe_person
from newsletter.text.words import count_of
from newsletter.workspace.database import has_database, open_database, open_or_create, show_database

STATES = ("pending", "active", "unsubscribed", "bounced", "complained")
SHOWN = 1000


@contextmanager
def database(here: Context) -> Iterator[Store]:
    """The workspace's database, for the time of a command."""
    store = open_database(here.workspace, here.config)
    try:
        yield store
    finally:
        store.close()


@click.group("subscribers")
@shared_options
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """The audience: who reads, with what consent, and who never must be mailed again.

    Example: newsletter subscribers import people.csv --consent "web form, 2025"
    """
    above = ctx.obj or {}
    ctx.obj = {**above, **{name: value for name, value in options.items() if value}}


def parse_pairs(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> list[tuple[str, str]]:
    """`--map email=E-Mail` → field and column."""
    pairs = [value.partition("=") for value in values]
    for field, mark, _ in pairs:
        if not mark:
            example = "email=Contact" if parameter.name == "given" else '"Marketing contact=active"'
            raise click.BadParameter(
                f"{field!r}: write it as in --{parameter.opts[0].lstrip('-')} {example}", ctx, parameter
            )
    return [(field.strip(), value.strip()) for field, _, value in pairs]


def read_answers(given: list[tuple[str, str]], words: list[tuple[str, str]], everybody: str | None) -> "Answers":
    """What the options say about a file."""
    from newsletter.audience.columns import ANSWERS, Answers
    from newsletter.audience.systems import fold

    strange = [state for _, state in words if state not in STATES]
    if strange:
        raise click.BadParameter(f"{strange[0]!r} is no state; the states are {', '.join(STATES)}", param_hint="--word")
    columns = {answer: tuple(column for field, column in given if field == answer) for answer in ANSWERS}
    return Answers(
        fields={field: column for field, column in given if field not in ANSWERS},
        wanted=columns["subscribed"],
        left=columns["unsubscribed"],
        nothing=columns["attribute"],
        words={fold(word): state for word, state in words},
        everybody=everybody or "",
    )


@command.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--consent", metavar="TEXT", help="Where these people said yes; kept with each of them. Needed.")
@click.option(
    "--map", "given", multiple=True, metavar="FIELD=COLUMN", callback=parse_pairs, help="Which column is what."
)
@click.option(
    "--word", "words", multiple=True, metavar="WORD=STATE", callback=parse_pairs, help="What a cell's word means."
)
@click.option("--everybody", type=click.Choice(STATES), help="The state of all rows of which no column says less.")
@click.option("--dry-run", is_flag=True, help="Read and count; change nothing.")
@in_workspace
def import_command(
    here: Context,
    file: Path,
    consent: str | None,
    given: list[tuple[str, str]],
    words: list[tuple[str, str]],
    everybody: str | None,
    dry_run: bool,
) -> int:
    """Take in a CSV file of any tool: delimiter, encoding and columns are found out and shown.

    Nobody who left, bounced or complained comes back by it. If a column may say who must not be mailed and is not
    understood, the import stops and asks. Rows that cannot be used go to FILE.rejected.csv.

    Example: newsletter subscribers import people.csv --consent "web form, 2025"
    """
    from newsletter.flows.subscribers import import_file

    if not (consent or "").strip() and not dry_run:
        raise UsageError(
            Mistake(code="NL096", message="say where these people said yes: --consent TEXT", help="the law asks for it")
        )
    answers = read_answers(given, words, everybody)
    store = None
    if not dry_run or has_database(here.workspace, here.config):
        store, made = open_or_create(here.workspace, here.config, here.now)
        if made:
            here.ui.say(
                f"made {show_database(here.workspace, here.config)} and {here.config.database.key_file}: back up both, together"
            )
    try:
        done = import_file(
            store, file, here.config, consent=(consent or "").strip(), answers=answers, now=here.now, dry_run=dry_run
        )
    finally:
        if store:
            store.close()
    _answer_import(here, file, done, dry_run=dry_run)
    return 5 if done.rejected else 0


def _answer_import(here: Context, file: Path, done: "Imported", *, dry_run: bool) -> None:
    names = ("added", "updated", "unchanged", "suppressed")
    counts = {name: done.counts.get(name, 0) for name in names} | {"rejected": done.rejected}
    delimiter = {"\t": "tab", " ": "blank"}.get(done.delimiter, done.delimiter)
    here.ui.say(f"{file.name}: {done.system}, {done.encoding}, delimiter {delimiter!r}")
    for column, meaning in done.columns.items():
        here.ui.say(f"  {column}: {meaning}")
    told = ", ".join(f"{done.states[state]:,} {state}" for state in STATES if done.states.get(state))
    if set(done.states) - {"active"}:
        here.ui.say(f"the file says: {told}")
    if done.several_addresses:
        here.ui.say(
            f"several addresses in {count_of(done.several_addresses, 'row')}: the first one was taken", "yellow"
        )
    document = {"rows": done.rows, **counts, "encoding": done.encoding, "delimiter": done.delimiter}
    document |= {"system": done.system, "dry_run": dry_run, "columns": dict(done.columns), "states": dict(done.states)}
    document["several_addresses"] = done.several_addresses
    document["rejected_file"] = str(done.rejected_file) if done.rejected_file else None
    here.ui.answer(document, [("rows", done.rows), *counts.items()])
    if done.rejected_file:
        here.ui.say(f"rejected rows with their reasons: {done.rejected_file}; correct it and import it", "yellow")
    _warn_of_git(here, file)
    if dry_run:
        here.ui.say("a dry run: nothing was changed")


@command.command("recheck")
@click.option("--unsubscribe", is_flag=True, help="Unsubscribe all of them.")
@in_workspace
def recheck_command(here: Context, unsubscribe: bool) -> int:
    """List active subscribers of whom an imported column says that they left. Do this once after an update from 0.1.

    Version 0.1 kept columns that it did not know, those about permission too, and made their readers active.

    Example: newsletter subscribers recheck
    """
    from newsletter.flows.subscribers import find_doubts, take_off_doubts

    with database(here) as store:
        doubts = take_off_doubts(store, here.now) if unsubscribe else list(find_doubts(store))
    people = [{"address": one.row.address, "column": one.column, "cell": one.cell} for one in doubts]
    here.ui.answer(
        {"doubtful": people, "unsubscribed": len(doubts) if unsubscribe else 0},
        [(one.row.address, one.column, one.cell) for one in doubts],
    )
    if doubts and not unsubscribe:
        here.ui.say(
            f"{count_of(len(doubts), 'reader')}: newsletter subscribers recheck --unsubscribe takes them off", "yellow"
        )
    if not doubts:
        here.ui.say("nobody: no kept column says that an active reader left")
    return 0


def _warn_of_git(here: Context, file: Path) -> None:
    """Addresses of readers in a repository stay in it for ever, an erasure or not."""
    if here.workspace.is_in_git(file):
        name = here.workspace.relative(file)
        here.ui.say(f"note: {name} holds addresses, and git would take it along: add /{name} to .gitignore", "yellow")


@command.command("export")
@click.argument("file", required=False, type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--raw", is_flag=True, help="Without the ' that keeps spreadsheets from running a cell as a formula.")
@in_workspace
def export_command(here: Context, file: Path | None, state: str | None, raw: bool) -> int:
    """Write all subscribers as CSV to FILE or stdout; importing it gives the same again.

    Example: newsletter subscribers export people.csv
    """
    from newsletter.flows.subscribers import export_file
    from newsletter.workspace.whole_files import writing_whole

    with database(here) as store:
        if file is None or str(file) == "-":
            if here.ui.json:
                raise click.UsageError("name a FILE: stdout holds the JSON document")
            count = export_file(store, sys.stdout, raw=raw, state=state)
        else:
            # Addresses are in it: for nobody else to read (security T51).
            with writing_whole(file, mode=0o600) as stream:
                count = export_file(store, stream, raw=raw, state=state)
            here.ui.answer({"rows": count, "file": str(file)}, [("rows", count), ("file", file)])
            _warn_of_git(here, file)
    return 0


@command.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@in_workspace
def list_command(here: Context, state: str | None) -> int:
    """Count subscribers by state, and list the first thousand.

    Example: newsletter subscribers list --state active
    """
    from itertools import islice

    with database(here) as store:
        counts = count_by_state(store)
        rows = list(islice(export_rows(store, state), SHOWN))
    told = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    here.ui.say(told, "bold")
    people = [
        {"address": row.address, "state": row.state, "themes": row.themes.split(), "name": row.name} for row in rows
    ]
    here.ui.answer(
        {"counts": counts, "subscribers": people},
        [(row.address, row.state, row.themes or "all", row.name) for row in rows],
    )
    shown = counts.get(state, 0) if state else sum(count for name, count in counts.items() if name != "suppressed")
    if shown > SHOWN:
        here.ui.say(f"and {shown - SHOWN:,} more: newsletter subscribers export")
    return 0


@command.command("add")
@click.argument("address")
@click.option("--name", default="", help="Their name.")
@click.option("--theme", "themes", multiple=True, metavar="SLUG", help="Only these themes (default: all).")
@click.option("--consent", metavar="TEXT", required=True, help="Where they said yes.")
@click.option("--again", is_flag=True, help="They left, and asked for it anew.")
@in_workspace
def add_command(here: Context, address: str, name: str, themes: tuple[str, ...], consent: str, again: bool) -> int:
    """Add one subscriber.

    Example: newsletter subscribers add reader@example.org --consent "asked by mail"
    """
    from newsletter.flows.subscribers import add_one

    store, _ = open_or_create(here.workspace, here.config, here.now)
    try:
        done = add_one(
            store, here.config, address, name=name, themes=themes, consent=consent, again=again, now=here.now
        )
    finally:
        store.close()
    here.ui.answer({"address": address, "result": done}, [(address, done)])
    return 0


@command.command("show")
@click.argument("address")
@in_workspace
def show_command(here: Context, address: str) -> int:
    """All that is known about one address: consent, what they got, and why they get nothing.

    Example: newsletter subscribers show reader@example.org
    """
    from newsletter.store.subscribers import suppression_reason

    who = check_address(address)
    with database(here) as store:
        person = find_person(store, who.canonical)
        with store.reading() as connection:
            suppressed = suppression_reason(store, connection, who.canonical)
    if person is None:
        known = f"is no subscriber, and suppressed: {suppressed}" if suppressed else "is no subscriber"
        raise UsageError(Mistake(code="NL096", message=f"{who.typed} {known}"))
    row = person.row
    document = {
        "address": row.address,
        "state": row.state,
        "name": row.name,
        "themes": row.themes.split(),
        "language": row.language,
        "timezone": row.timezone,
        "since": person.created_at,
        "suppressed": suppressed or None,
        "consent": [{"at": at, "event": event, "source": source} for at, event, source in person.consents],
        "deliveries": [
            {"issue": issue, "state": state, "at": at, "reply": reply} for issue, state, at, reply in person.deliveries
        ],
    }
    here.ui.answer(
        document,
        [
            ("address", row.address),
            ("state", row.state + (f" (suppressed: {suppressed})" if suppressed else "")),
            ("name", row.name),
            ("themes", row.themes or "all"),
            ("since", person.created_at),
            *(("consent", at, event, source) for at, event, source in person.consents),
            *(("mail", *one) for one in person.deliveries),
        ],
    )
    return 0


@command.command("unsubscribe")
@click.argument("address")
@in_workspace
def unsubscribe_command(here: Context, address: str) -> int:
    """Take somebody off, at once; no import brings them back.

    Example: newsletter subscribers unsubscribe reader@example.org
    """
    who = check_address(address)
    with database(here) as store:
        done = unsubscribe_person(store, who.canonical, source="operator", now=here.now)
    told = "unsubscribed" if done else "was no active subscriber; suppressed all the same"
    here.ui.answer({"address": who.typed, "changed": done}, [(who.typed, told)])
    return 0


@command.command("forget")
@click.argument("address")
@click.option("--yes", is_flag=True, help="Do not ask.")
@in_workspace
def forget_command(here: Context, address: str, yes: bool) -> int:
    """Erase a person. A keyed hash of the address stays, so that no import mails them again.

    Example: newsletter subscribers forget reader@example.org --yes
    """
    who = check_address(address)
    if not yes and not click.confirm(f"Erase all about {who.typed}?", err=True):
        raise click.Abort
    with database(here) as store:
        done = erase_person(here.workspace, store, who, here.now)
    told = "erased" if done else "was not known; suppressed all the same"
    copies = list(find_copies(here.workspace, who))
    here.ui.answer({"address": who.typed, "erased": done, "copies": copies}, [(who.typed, told)])
    for path in copies:
        here.ui.say(f"note: {path} may still hold the address; delete it, or take it out there", "yellow")
    return 0
