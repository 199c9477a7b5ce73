"""A machine is lost and its backup put back elsewhere: nobody gets a second mail, and it is said what is not known (F52)."""

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from time_machine import TimeMachineFixture

from bench.kill import Desk as Commands
from bench.kill import make_addresses, make_desk
from bench.recorder import Recorder
from newsletter.cli import run
from newsletter.store.database import Store
from newsletter.store.slots import find_slot
from newsletter.workspace.database import open_database
from newsletter.workspace.files import Workspace
from newsletter.workspace.load import read_config
from tests.databases import new_postgresql
from tests.faults.test_kill import addresses, doubts, look, wait_until
from tests.faults.test_processes import told
from tests.serving import Desk, running_desk
from tests.store.desk import url_of
from tests.test_backup import empty_server
from tests.test_docs import commands_of

READERS = [f"r{number}@example.org" for number in range(50)]
SLUG = "2025-07-07-weekly"
CALENDAR = (None, "2025-07-06 05:00", "2025-07-07 05:00")  # planned, drafted, sent


@pytest.fixture
def call(time_machine: TimeMachineFixture, capsys: pytest.CaptureFixture[str]) -> Any:
    """`newsletter … --json`, on the day of the issue → exit code and document."""
    time_machine.move_to("2025-07-07 05:30Z", tick=True)

    def call(*arguments: str) -> tuple[int, dict[str, Any]]:
        code = run([*arguments, "--json"])
        document: dict[str, Any] = json.loads(capsys.readouterr().out)
        return code, document

    return call


def readers_mails(desk: Desk) -> Counter[str]:
    return Counter(str(mail["To"]).strip("<>") for mail in desk.mails if "@example.org" in str(mail["To"]))


@pytest.mark.parametrize("taken", [0, 1, 2], ids=["before the draft", "before the send", "after the send"])
def test_c7_a_lost_machine_that_is_restored_within_late_mails_nobody_twice(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch, call: Any, taken: int
) -> None:
    """As documented, with 50 readers: back up, lose everything, restore on a new machine, start serve and send by hand."""
    old, new, backup = tmp_path / "old", tmp_path / "new", tmp_path / "b.backup"
    if not store.is_sqlite:
        monkeypatch.setenv("NEWSLETTER_DATABASE__URL", url_of(store))
    with running_desk(old, store=None if store.is_sqlite else store) as desk:
        if not store.is_sqlite:
            shutil.move(tmp_path / "newsletter.key", old / "newsletter.key")
        desk.add(*READERS)
        for number, moment in enumerate(CALENDAR):
            desk.tick(to=moment)
            if number == taken:
                code, document = call("--workspace", str(old), "backup", str(backup))
                assert (code, document["rows"]["subscriber"]) == (0, 50)
        assert set(readers_mails(desk).values()) == {1}
        mails, smtp = list(desk.smtp.mails), desk.smtp
        # --- everything is lost -----------------------------------------------------------------------------------
        desk.store.close()
        shutil.rmtree(old)
        if not store.is_sqlite:
            (tmp_path / "server").mkdir()
            url, _ = new_postgresql(tmp_path / "server")
            empty_server(url)
            monkeypatch.setenv("NEWSLETTER_DATABASE__URL", url)
        code, document = call("--workspace", str(new), "restore", str(backup))
        assert code == 0
        assert document["may_be_sent"] == ([SLUG] if taken < 2 else [])
        workspace = Workspace(new)
        config = read_config(workspace)
        config = replace(config, smtp=desk.config.smtp)
        again = Desk(workspace, config, open_database(workspace, config), desk.clock, smtp)
        for moment in ("2025-07-07 06:00", "2025-07-07 06:01", "2025-07-07 20:00"):
            again.tick(to=moment)
        assert list(smtp.mails) == mails
        if taken < 2:
            row = find_slot(again.store, "weekly/2025-07-07")
            assert row
            assert row.state in ("held", "skipped", "planned")
        again.store.close()
        monkeypatch.setenv("NEWSLETTER_SMTP__PORT", str(smtp.port))
        monkeypatch.setenv("NEWSLETTER_SMTP__SECURITY", "none")
        code, document = call("--workspace", str(new), "send", SLUG, "--yes")
        assert code in (1, 2, 3)
        if taken:
            assert document["error"]["code"] == "NL100"
        # --- a person takes back what has gone out, and lets it send again ----------------------------------------
        if taken < 2:
            assert call("--workspace", str(new), "cancel", SLUG, "--yes")[0] == 0
        again = Desk(workspace, config, open_database(workspace, config), desk.clock, smtp)
        accept(again)
        (new / "posts" / "more.md").write_text("---\ntitle: Yerevan and Baku again\n---\n\nBaku and Yerevan talk.\n")
        for moment in ("2025-07-07 21:00", "2025-07-13 05:00", "2025-07-14 05:00", "2025-07-14 05:05"):
            again.tick(to=moment)
        counts = readers_mails(again)
        assert set(counts.values()) == {2}, "the next issue, and no second copy of the one before"
        assert {str(mail["Message-ID"]).partition(".")[0] for mail in again.mails if "r7@" in str(mail["To"])} == {
            f"<{SLUG}", "<2025-07-14-weekly"
        }  # fmt: skip
        again.store.close()


def accept(desk: Desk) -> None:
    """What `--i-know` does."""
    from newsletter.store.restore_guard import accept_restore
    from newsletter.workspace.database import mark_path

    accept_restore(desk.store, mark_path(desk.workspace, desk.store))


def test_c50_a_backup_that_is_made_while_an_issue_is_sent_is_of_one_moment(tmp_path: Path) -> None:
    """Sending goes on, and the restored books balance: whoever was accepted by then gets nothing more from them."""
    readers = 400
    with Recorder(tmp_path / "log", delay_s=0.3) as recorder:
        desk = make_desk(tmp_path / "desk", readers, recorder.port, SMTP__CONNECTIONS="4")
        issue = desk.draft(0)
        process = desk.send(issue)
        wait_until(lambda: len(recorder.copies) >= 80)
        made = [desk.ask("backup", str(tmp_path / f"{number}.backup")) for number in range(2)]
        assert process.poll() is None, "it was too quick to back up meanwhile"
        assert told(process)["accepted"] == readers
        assert sorted(addresses(recorder)) == make_addresses(readers)
        assert made[1]["rows"]["delivery"] == readers
        other = Commands(tmp_path / "other", desk.environment)
        restored = desk.ask("--workspace", str(other.folder), "restore", str(tmp_path / "1.backup"))
        assert restored["may_be_sent"] == [issue]
        books = look(other, "verify", issue)
        assert books["ok"]
        assert 0 < books["accepted"] < readers
        open_ones = readers - books["accepted"]
        refused = other.send(issue)
        assert told(refused)["error"]["code"] == "NL100"
        assert refused.returncode == 1
        assert len(recorder.copies) == readers
        process = other.start("send", issue, "--yes", "--json", "--i-know")
        assert told(process)["accepted"] == readers
        # Those who got it after the backup get it again, as the person was told; nobody else does.
        assert len(recorder.copies) == readers + open_ones
        assert len(doubts(other, issue)) <= open_ones


def test_c7_a_question_that_is_answered_with_no_accepts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Any
) -> None:
    """`--i-know` holds from the moment on at which something is really sent."""
    with running_desk(tmp_path / "desk") as desk:
        desk.add("r@example.org")
        desk.tick()
        desk.tick(to="2025-07-06 05:00")
        folder = str(tmp_path / "desk")
        assert call("--workspace", folder, "backup", str(tmp_path / "b"))[0] == 0
    restored = str(tmp_path / "new")
    assert call("--workspace", restored, "restore", str(tmp_path / "b"))[0] == 0
    code, document = call("--workspace", restored, "send", SLUG, "--i-know")  # nobody can be asked, and no --yes
    assert (code, document["error"]["code"]) == (2, "NL095")
    code, document = call("--workspace", restored, "send", SLUG, "--yes")
    assert (code, document["error"]["code"]) == (1, "NL100")


def test_c7_the_procedure_of_the_guide_is_what_works(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each `newsletter …` line of the guide's section is run as it stands, with folders of the test for those of a server."""
    guide = (root / "docs/operate.md").read_text(encoding="utf-8")
    part = guide.partition("## Backup and restore")[2].partition("\n## ")[0]
    commands = [command for command in commands_of(part) if command[0] != "docker"]
    assert [command[2] for command in commands] == ["backup", "restore", "doctor"]
    with running_desk(tmp_path / "lib") as desk:
        desk.add(*READERS)
        for moment in CALENDAR:
            desk.tick(to=moment)
    (tmp_path / "backups").mkdir()
    folders = {"/var/lib/newsletter": str(tmp_path / "lib"), "/var/backups/newsletter": str(tmp_path / "backups")}
    for command in commands:
        words = command
        for name, folder in folders.items():
            words = [word.replace(name, folder) for word in words]
        if words[2] == "restore":
            shutil.rmtree(tmp_path / "lib")
        capsys.readouterr()
        code = run(words)
        assert code == (4 if words[2] == "doctor" else 0), capsys.readouterr().err
    assert "is a backup of" in capsys.readouterr().out  # `doctor` says why nothing is sent
