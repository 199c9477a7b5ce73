"""`newsletter backup` and `newsletter restore`: everything that cannot be made again, in one file, and back."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from newsletter.cli.common import Context, in_workspace, speaking
from newsletter.cli.ui import Ui, program, size
from newsletter.errors import SettingsError
from newsletter.text.words import count_of
from newsletter.workspace.files import find_workspace


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@in_workspace
def backup(here: Context, file: Path) -> int:
    """Write everything that cannot be made again into FILE, while the workspace is in use, and read it again to verify it.

    An older backup of that name is replaced when the new one is whole; any other file is not.

    Example: newsletter backup /var/backups/newsletter.backup
    """
    from newsletter.flows.backup import write_backup

    done = write_backup(here.workspace, here.config, file, here.now)
    document = {
        "path": str(done.path),
        "made_at": done.made_at,
        "files": list(done.files),
        "bytes": done.bytes,
        "rows": done.rows,
        "left_out": list(done.left_out),
        "not_in_it": list(done.not_in_it),
    }
    here.ui.answer(document, [(str(done.path), f"{len(done.files)} files", size(done.bytes))])
    readers = done.rows.get("subscriber")
    here.ui.say(
        "no database yet" if readers is None else f"the database with {count_of(readers, 'subscriber')}; verified"
    )
    if done.not_in_it:
        here.ui.say(f"not in it: {', '.join(done.not_in_it)}")
    for one in done.left_out:
        here.ui.say(f"left out: {one}", "yellow")
    return 5 if done.left_out else 0


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--overwrite", is_flag=True, help="Also over what stands there and is other; that is kept beside.")
@click.option(
    "--outside", is_flag=True, help="Also where the settings put the database or its key outside of the folder."
)
@speaking
def restore(ui: Ui, root: str | None, file: Path, overwrite: bool, outside: bool) -> int:
    """Put a backup back into the workspace: the nearest one, this folder if there is none, or --workspace DIR.

    Nothing is sent afterwards until you say --i-know: nobody knows here who has got a mail since the backup was made.

    Example: newsletter --workspace /var/lib/newsletter restore /var/backups/newsletter.backup
    """
    from newsletter.flows.restore import restore_backup

    now = datetime.now(UTC)
    done = restore_backup(file, _choose_folder(root), now, overwrite=overwrite, outside=outside)
    gap = now - datetime.fromisoformat(done.made_at)
    document = {
        "workspace": str(done.workspace),
        "made_at": done.made_at,
        "gap_s": int(gap.total_seconds()),
        "files": list(done.files),
        "bytes": done.bytes,
        "rows": done.rows,
        "kept": done.kept,
        "stayed_away": done.stayed_away,
        "may_be_sent": list(done.may_be_sent),
    }
    ui.answer(document, [(str(done.workspace), f"{len(done.files)} files", done.made_at)])
    ui.say(
        f"a backup of {done.made_at}, {_write_span(gap)} ago; with {count_of(done.rows.get('subscriber', 0), 'subscriber')}"
    )
    if done.kept:
        ui.say(f"what stood here lies in {done.kept}")
    if done.rows:
        _say_what_is_not_known(ui, done.stayed_away, done.may_be_sent)
    return os.EX_OK


def _say_what_is_not_known(ui: Ui, stayed_away: int | None, may_be_sent: tuple[str, ...]) -> None:
    if stayed_away is None:
        ui.say(
            "who joined, changed, left or was erased since is not known here: who left since then is active again",
            "yellow",
        )
    else:
        told = f"{count_of(stayed_away, 'subscriber')} had left since then, says the database that stood here, and stay away"
        ui.say(f"{told}; who joined or changed since is not known here")
    ui.say("nothing is sent until you say --i-know, because nobody knows here who has got a mail since", "yellow")
    for issue in may_be_sent:
        ui.say(f"may have gone out: {issue}; if it has: {program()} cancel {issue}", "yellow")


def _choose_folder(root: str | None) -> Path:
    if root is not None:
        return Path(root)
    try:
        return find_workspace(Path.cwd()).root
    except SettingsError:
        return Path.cwd()


def _write_span(span: timedelta) -> str:
    hours, minutes = divmod(int(span.total_seconds()) // 60, 60)
    if hours >= 24:
        return f"{count_of(hours // 24, 'day')} {count_of(hours % 24, 'hour')}"
    return f"{count_of(hours, 'hour')} {count_of(minutes, 'minute')}" if hours else count_of(minutes, "minute")
