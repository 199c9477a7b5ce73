"""`newsletter send` and the books, as people call them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Call
from tests.sending import in_thread
from tests.smtp_server import SmtpServer

SLUG = "2025-07-07-weekly"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmtpServer]:
    with in_thread(SmtpServer()) as one:
        monkeypatch.setenv("NEWSLETTER_SMTP__HOST", "127.0.0.1")
        monkeypatch.setenv("NEWSLETTER_SMTP__PORT", str(one.port))
        monkeypatch.setenv("NEWSLETTER_SMTP__SECURITY", "none")
        yield one


@pytest.fixture
def desk(call: Call, sample: Path) -> Path:
    (sample / "people.csv").write_text(
        "email,themes\na@example.org,\nb@example.org,caucasus\nc@example.org,\n", encoding="utf-8"
    )
    call("subscribers", "import", "people.csv", "--consent", "x")
    call("draft", "--date", "2025-07-07")
    return sample


def test_send_shows_its_card_and_wants_an_answer(call: Call, desk: Path, server: SmtpServer) -> None:
    done = call("send", SLUG)
    assert done.code == 2
    assert "--yes" in done.err
    assert "2 the whole issue" in done.err
    assert "1 just caucasus" in done.err
    assert not server.mails


def test_send_prints_the_books_and_does_nothing_the_second_time(call: Call, desk: Path, server: SmtpServer) -> None:
    done = call("send", SLUG, "--yes", "--json")
    assert done.code == 0
    assert (done.json["planned"], done.json["accepted"], done.json["state"], done.json["balanced"]) == (
        3,
        3,
        "done",
        True,
    )
    again = call("send", SLUG, "--yes", "--json")
    assert (again.code, again.json["accepted"]) == (6, 3)
    assert len(server.mails) == 3


def test_a_test_mail_is_marked_and_in_no_books(call: Call, desk: Path, server: SmtpServer) -> None:
    assert call("send", SLUG, "--to", "me@example.org").code == 0
    assert b"Subject: =?utf-8?q?=5BTEST=5D" in server.mails[0].data or b"Subject: [TEST]" in server.mails[0].data
    assert b"__READER" not in server.mails[0].data
    assert call("status", "--json").json["issues"] == []


def test_a_dry_run_writes_what_would_go_out(call: Call, desk: Path, server: SmtpServer) -> None:
    done = call("send", SLUG, "--dry-run", "--json")
    assert done.code == 0
    messages = [(desk / path).read_bytes() for path in done.json["files"]]
    assert len(messages) == 3
    assert b"To: a@example.org\r\n" in messages[0]
    assert len(messages[1]) < len(messages[0])
    assert not server.mails


def test_one_reader_refused_is_no_failure_and_shown(call: Call, desk: Path, server: SmtpServer) -> None:
    server.on["RCPT"] = lambda server, wire, argument: b"550 5.1.1 user unknown\r\n" if "b@" in argument else ...
    done = call("send", SLUG, "--yes", "--json")
    assert (done.code, done.json["accepted"], done.json["rejected"]) == (0, 2, 1)
    shown = call("subscribers", "show", "b@example.org", "--json").json
    assert shown["state"] == "active"
    assert shown["deliveries"][0]["reply"] == "5.1.1 user unknown"


def test_deferred_mail_ends_with_5(call: Call, desk: Path, server: SmtpServer) -> None:
    server.on["RCPT"] = lambda server, wire, argument: b"450 4.7.1 greylisted\r\n" if "b@" in argument else ...
    done = call("send", SLUG, "--yes", "--json")
    assert (done.code, done.json["deferred"]) == (5, 1)


def test_a_pause_holds_until_it_is_lifted(call: Call, desk: Path, server: SmtpServer) -> None:
    server.on["MAIL"] = b"550 5.7.1 not you\r\n"
    assert call("send", SLUG, "--yes").code == 1
    refused = call("send", SLUG, "--yes")
    assert refused.code == 2
    assert "not you" in refused.err
    assert f"newsletter resume {SLUG}" in refused.err
    assert call("resume", SLUG, "--json").json["state"] == "sending"
    assert call("cancel", SLUG, "--yes", "--json").json["expired"] == 3
    assert "was cancelled" in call("send", SLUG, "--yes").err


def test_resend_is_for_those_who_missed_it_only(call: Call, desk: Path, server: SmtpServer) -> None:
    server.on["RCPT"] = lambda server, wire, argument: b"550 5.1.1 user unknown\r\n" if "b@" in argument else ...
    call("send", SLUG, "--yes")
    server.on.clear()
    assert call("resend", SLUG, "--only", "missed", "--yes", "--json").json["pending"] == 1
    assert call("send", SLUG, "--yes", "--json").json["accepted"] == 3
    assert sorted(mail.recipient for mail in server.mails) == ["a@example.org", "b@example.org", "c@example.org"]
    assert call("resend", SLUG, "--only", "missed", "--yes").code == 6


def test_verify_recounts(call: Call, desk: Path, server: SmtpServer) -> None:
    import sqlite3

    call("send", SLUG, "--yes")
    assert call("verify", SLUG, "--json").json["ok"] is True
    connection = sqlite3.connect(desk / "newsletter.db")
    connection.execute("DELETE FROM delivery WHERE subscriber_id = 1")
    connection.commit()
    connection.close()
    done = call("verify", SLUG, "--json")
    assert (done.code, done.json["missing"], done.json["ok"]) == (1, 1, False)


def test_an_issue_that_changed_after_the_freeze_is_told(call: Call, desk: Path, server: SmtpServer) -> None:
    server.on["RCPT"] = b"450 4.7.1 greylisted\r\n"
    call("send", SLUG, "--yes")
    path = desk / f"issues/{SLUG}/issue.md"
    path.write_text(
        path.read_text(encoding="utf-8").replace("subject:", "subject: New") + "\nMore.\n", encoding="utf-8"
    )
    assert "has changed since it was frozen" in call("send", SLUG, "--yes").err


def test_a_relay_that_is_not_there_is_told_with_69(call: Call, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_SMTP__PORT", "1")
    monkeypatch.setenv("NEWSLETTER_SMTP__SECURITY", "none")
    done = call("send", SLUG, "--to", "a@example.org")
    assert done.code == 69
    assert "cannot be reached" in done.err


def test_nobody_to_send_to_is_nothing_to_do(call: Call, desk: Path, server: SmtpServer) -> None:
    for name in "abc":
        call("subscribers", "unsubscribe", f"{name}@example.org")
    assert call("send", SLUG, "--yes").code == 6


def test_a_rehearsal_mails_nobody_and_leaves_the_books_alone(call: Call, desk: Path) -> None:
    lines = [f"r{number}@example.org" for number in range(300)]
    (desk / "more.csv").write_text("email\n" + "\n".join(lines) + "\n", encoding="utf-8")
    call("subscribers", "import", "more.csv", "--consent", "x")
    done = call("rehearse", SLUG, "--json")
    assert done.code == 0
    assert done.json["good"] is True
    assert done.json["planned"] == 303
    assert done.json["accepted"] + done.json["rejected"] == 303
    assert done.json["server"]["greylisted"] > 0
    assert done.json["retries_s"] >= 300
    assert call("status", "--json").json["issues"] == []


def leave_over(desk: Path) -> None:
    path = desk / f"issues/{SLUG}/issue.md"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("### Moscow and Baku", "### {#p-0123abcd} and Baku", 1), encoding="utf-8")


def test_errors_stop_a_send_before_anything_is_fixed(call: Call, desk: Path, server: SmtpServer) -> None:
    leave_over(desk)
    done = call("send", SLUG, "--yes")
    first, second, fix = done.err.splitlines()
    assert done.code == 4
    assert first == f"{SLUG} is not sent: the checks found an error  [NL102]"
    assert second.startswith(f"issues/{SLUG}/issue.md:")
    assert "'{#p-0123abcd}' was left over" in second
    assert f"newsletter send {SLUG} --despite-errors" in fix
    assert call("status", "--json").json["issues"] == []
    assert not server.mails


def test_errors_that_stop_a_send_are_in_the_json(call: Call, desk: Path, server: SmtpServer) -> None:
    leave_over(desk)
    done = call("send", SLUG, "--yes", "--json")
    document = json.loads(done.out)
    line = (
        (desk / f"issues/{SLUG}/issue.md").read_text(encoding="utf-8").splitlines()[document["errors"][1]["line"] - 1]
    )
    assert (done.code, document["error"]["code"], len(document["errors"])) == (4, "NL102", 2)
    assert "{#p-0123abcd} and Baku" in line


def test_errors_are_sent_by_who_says_so(call: Call, desk: Path, server: SmtpServer) -> None:
    leave_over(desk)
    done = call("send", SLUG, "--yes", "--despite-errors")
    assert done.code == 0
    assert "error: " in done.err
    assert "1 errors" not in done.err
    assert "1 error, " in done.err
    assert "sent all the same" in done.err
    assert len(server.mails) == 3


def test_the_card_holds_what_check_says(call: Call, desk: Path, server: SmtpServer) -> None:
    settings = desk / "newsletter.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + '\n[checks]\nflag = ["Baku"]\n', encoding="utf-8")
    checked = call("check", SLUG, "--json").json
    assert checked["warnings"] > 0
    done = call("send", SLUG, "--yes")
    assert done.code == 0
    assert f"checks  0 errors, {checked['warnings']} warning" in done.err
    for finding in checked["findings"]:
        assert f"note: {finding['where']}: {finding['message']}" in done.err
    assert "sent all the same" not in done.err


def test_a_test_mail_is_not_checked_and_a_dry_run_tells_and_writes(call: Call, desk: Path, server: SmtpServer) -> None:
    leave_over(desk)
    assert call("send", SLUG, "--to", "me@example.org").code == 0
    done = call("send", SLUG, "--dry-run", "--json")
    assert (done.code, len(done.json["files"])) == (0, 3)
    assert [one["rule"] for one in done.json["findings"] if one["level"] == "error"] == ["leftover"]
    assert "error: " in call("send", SLUG, "--dry-run").err


def test_what_is_fixed_already_goes_on_whatever_the_file_says_now(call: Call, desk: Path, server: SmtpServer) -> None:
    server.on["RCPT"] = b"450 4.7.1 greylisted\r\n"
    assert call("send", SLUG, "--yes").code == 5
    leave_over(desk)
    assert call("send", SLUG, "--yes").code == 5


def test_the_command_line_starts_without_what_only_a_send_needs() -> None:
    """requests and the guard of the network are for hooks and feeds, and take long to load."""
    code = "import sys, newsletter.cli.send, newsletter.cli.approve; print(sorted({'requests', 'AntiSSRF'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
