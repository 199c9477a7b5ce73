"""Faults while an issue is sent: after each, the books balance, nobody is lost, and only the right ones are charged."""

import email
import email.policy
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from newsletter.config.settings import Throttle
from newsletter.delivery.relay import Relay
from newsletter.delivery.sender import Rules, SendReport
from newsletter.errors import NothingToDo
from newsletter.flows.relays import make_composer
from newsletter.model import Claim, SubscriberRow
from newsletter.store import issues
from newsletter.store.database import Store
from newsletter.store.lease import take_lease
from newsletter.store.subscribers import count_by_state, find_person, unsubscribe
from tests.sending import QUICK, Desk, in_thread, make_desk
from tests.smtp_server import LOCK_STEP, Mail, SmtpServer


@pytest.fixture
def desk(tmp_path: Path, store: Store) -> Desk:
    folder = tmp_path / "desk"
    folder.mkdir()
    return make_desk(folder, store)


def send(desk: Desk, server: SmtpServer, **options: Any) -> Any:
    with in_thread(server):
        desk.port = server.port
        return desk.send(**options)


def taken(server: SmtpServer) -> list[str]:
    return sorted(mail.recipient for mail in server.mails)


def text_of(mail: Mail) -> str:
    part = email.message_from_bytes(mail.data, policy=email.policy.default).get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


EVERYBODY = [f"r{n}@example.org" for n in range(5)]


def for_one(reader: str, reply: Any) -> Any:
    """Something else for one recipient."""
    return lambda server, wire, argument: reply if reader in (argument or wire.recipient or "") else ...


def subscribers_unchanged(desk: Desk) -> bool:
    return count_by_state(desk.store) == {"active": 5, "suppressed": 0}


@pytest.mark.parametrize("ehlo", [None, LOCK_STEP], ids=["pipelining", "lock-step"])
def test_everybody_gets_it_once_and_a_second_send_does_nothing(desk: Desk, ehlo: bytes | None) -> None:
    server = SmtpServer(ehlo=ehlo) if ehlo else SmtpServer()
    assert send(desk, server).books.counts == {"accepted": 5}
    assert taken(server) == EVERYBODY
    assert desk.issue().state == "done"
    again = SmtpServer()
    assert send(desk, again).books.counts == {"accepted": 5}
    assert not again.mails


def test_who_chose_themes_gets_just_these_sections(desk: Desk) -> None:
    desk.add(
        SubscriberRow("c@example.org", "c@example.org", themes="caucasus"),
        SubscriberRow("n@example.org", "n@example.org", themes="no-such-theme"),
    )
    server = SmtpServer()
    sent = send(desk, server)
    assert sent.books.planned == 6  # nothing of this issue is for the last one
    bodies = {mail.recipient: text_of(mail) for mail in server.mails}
    assert "EU–China" in bodies["r0@example.org"]
    assert "EU–China\n" not in bodies["c@example.org"]
    assert "Caucasus\n========" in bodies["c@example.org"]


def test_f17_a_relay_that_is_not_there_charges_nobody(desk: Desk) -> None:
    sent = desk.send(relay=Relay("127.0.0.1", 1, "none", timeouts=QUICK))
    assert sent.report.relay is not None
    assert desk.counts() == {"pending": 5}
    assert desk.issue().state == "sending"


@pytest.mark.parametrize("banner", [b"554 no\r\n", b"421 busy\r\n"])
def test_f18_a_relay_that_does_not_want_to_talk_charges_nobody(desk: Desk, banner: bytes) -> None:
    server = SmtpServer(banner=banner)
    assert send(desk, server).report.relay is not None
    assert desk.counts() == {"pending": 5}
    assert server.connections <= 3


def test_f23_a_refused_password_pauses_the_issue_at_once(desk: Desk) -> None:
    relay = Relay("127.0.0.1", 1, "none", username="u", password="p", timeouts=QUICK)
    server = SmtpServer(ehlo=b"250-x\r\n250 AUTH PLAIN\r\n")
    with in_thread(server):
        sent = desk.send(relay=replace(relay, port=server.port))
    assert sent.report.paused
    assert desk.issue().state == "paused"
    assert server.connections <= 2
    assert desk.counts() == {"pending": 5}


def test_f24_a_refused_sender_pauses_the_issue_and_changes_no_subscriber(desk: Desk) -> None:
    server = SmtpServer(on={"MAIL": b"550 5.7.1 you may not send\r\n"})
    sent = send(desk, server)
    assert "you may not send" in sent.report.paused
    assert desk.counts().get("rejected", 0) == 0
    assert subscribers_unchanged(desk)
    assert desk.issue().state == "paused"
    # Mended and resumed, everybody gets it.
    issues.set_state(desk.store, desk.issue(), "sending")
    desk.clock.advance(minutes=15)
    assert send(desk, SmtpServer()).books.counts == {"accepted": 5}


def test_f25_greylisting_is_accepted_on_the_retry(desk: Desk) -> None:
    sent = send(desk, SmtpServer(on={"RCPT": for_one("r2@", b"450 4.7.1 greylisted, try again in 5 minutes\r\n")}))
    assert sent.books.counts == {"accepted": 4, "deferred": 1}
    desk.clock.advance(minutes=4)
    early = SmtpServer()
    send(desk, early)
    assert not early.mails
    desk.clock.advance(minutes=4)
    late = SmtpServer()
    assert send(desk, late).books.counts == {"accepted": 5}
    assert taken(late) == ["r2@example.org"]


def test_f26_one_wrong_address_stops_nobody_else(desk: Desk) -> None:
    server = SmtpServer(on={"RCPT": for_one("r2@", b"550 5.1.1 user unknown\r\n")})
    assert send(desk, server).books.counts == {"accepted": 4, "rejected": 1}
    assert taken(server) == [one for one in EVERYBODY if one != "r2@example.org"]
    assert subscribers_unchanged(desk)
    person = find_person(desk.store, "r2@example.org")
    assert person
    assert person.deliveries[0][1:4:2] == ("rejected", "5.1.1 user unknown")


@pytest.mark.parametrize(
    "reply", [b"550 5.7.1 policy\r\n", b"550 5.7.515 Access denied\r\n", b"550 5.7.26 unauthenticated\r\n"]
)
def test_f27_refusals_that_are_about_us_pause_after_five_and_suppress_nobody(
    tmp_path: Path, store: Store, reply: bytes
) -> None:
    (tmp_path / "many").mkdir()
    desk = make_desk(tmp_path / "many", store, readers=40)
    server = SmtpServer(on={"RCPT": reply})
    sent = send(desk, server)
    assert sent.report.paused
    counts = desk.counts()
    assert counts.get("rejected", 0) == 0
    assert 5 <= counts["deferred"] <= 5 + 2 * 3  # those that were under way when it tripped
    assert count_by_state(store)["active"] == 40


def test_f34_a_refused_content_pauses_after_five(tmp_path: Path, store: Store) -> None:
    (tmp_path / "many").mkdir()
    desk = make_desk(tmp_path / "many", store, readers=40)
    sent = send(desk, SmtpServer(on={"DOT": b"554 5.6.0 content rejected\r\n"}))
    assert "content" in sent.report.paused
    assert 5 <= desk.counts()["rejected"] <= 5 + 2 * 3


def test_f28_a_limit_of_messages_per_connection_is_no_error(desk: Desk) -> None:
    def third(server: SmtpServer, wire: Any, argument: str) -> Any:
        wire.count = getattr(wire, "count", 0) + 1
        return b"421 4.7.0 too many messages on this connection\r\n" if wire.count > 2 else ...

    server = SmtpServer(on={"MAIL": third})
    assert send(desk, server).books.counts == {"accepted": 5}
    assert taken(server) == EVERYBODY
    assert server.connections >= 3


def test_a_connection_is_renewed_after_as_many_messages_as_the_settings_say(desk: Desk) -> None:
    server = SmtpServer()
    assert send(desk, server, connections=1, rules=Rules(messages_per_connection=2)).books.counts == {"accepted": 5}
    assert server.connections == 3


def test_a_connection_is_renewed_when_it_is_old(desk: Desk) -> None:
    def slowly(server: SmtpServer, wire: Any, argument: str) -> Any:
        time.sleep(0.05)
        return ...

    server = SmtpServer(on={"DOT": slowly})
    assert send(desk, server, connections=1, rules=Rules(seconds_per_connection=0.01)).books.counts == {"accepted": 5}
    assert taken(server) == EVERYBODY
    assert server.connections > 1


@pytest.mark.parametrize("accepted", [True, False], ids=["F31 it was accepted", "F32 it was not"])
def test_f31_f32_a_break_after_the_dot_is_resent_once_and_listed(desk: Desk, accepted: bool) -> None:
    broken: list[str] = []

    def dot(server: SmtpServer, wire: Any, argument: str) -> Any:
        if "r1@" in wire.recipient and not broken:
            broken.append(wire.recipient)
            if accepted:
                server.mails.append(Mail("", "r1@example.org", b""))
            return None
        return ...

    server = SmtpServer(on={"DOT": dot})
    assert send(desk, server).books.counts == {"accepted": 5}
    assert taken(server).count("r1@example.org") == (2 if accepted else 1)
    assert set(taken(server)) == set(EVERYBODY)
    assert [row[0] for row in issues.in_doubt_list(desk.store, desk.issue())] == ["r1@example.org"]


@pytest.mark.parametrize("policy", ["hold", "skip"])
def test_mail_in_doubt_is_not_sent_again_by_a_policy_that_says_so(desk: Desk, policy: str) -> None:
    desk.set(on_uncertain=policy)
    server = SmtpServer(on={"DOT": lambda server, wire, argument: None if "r1@" in wire.recipient else ...})
    assert send(desk, server).books.counts == {"accepted": 4, "in_doubt": 1}
    assert send(desk, SmtpServer()).books.counts == {"accepted": 4, "in_doubt": 1}
    assert issues.resend(desk.store, desk.issue(), "uncertain", desk.clock() + timedelta(hours=72)) == 1
    assert send(desk, SmtpServer()).books.counts == {"accepted": 5}


def test_f50_what_breaks_every_connection_is_held_at_last(desk: Desk) -> None:
    server = SmtpServer(on={"DOT": lambda server, wire, argument: None if "r1@" in wire.recipient else ...})
    assert send(desk, server).books.counts == {"accepted": 4, "held": 1}
    assert len(issues.in_doubt_list(desk.store, desk.issue())) == 3
    assert issues.resend(desk.store, desk.issue(), "missed", desk.clock() + timedelta(hours=72)) == 1
    assert send(desk, SmtpServer()).books.counts == {"accepted": 5}


def test_f46_who_left_after_the_freeze_is_not_mailed(desk: Desk) -> None:
    desk.freeze()
    unsubscribe(desk.store, "r3@example.org", source="test", now=desk.clock())
    server = SmtpServer()
    assert send(desk, server).books.counts == {"accepted": 4, "suppressed": 1}
    assert "r3@example.org" not in taken(server)


def test_f49_one_address_that_cannot_be_written_holds_one_row(desk: Desk) -> None:
    from sqlalchemy import update

    from newsletter.store.schema import subscriber

    with desk.store.writing() as connection:
        connection.execute(
            update(subscriber).where(subscriber.c.canonical == "r2@example.org").values(address="r2@x> RCPT TO:<evil@x")
        )
    server = SmtpServer()
    assert send(desk, server).books.counts == {"accepted": 4, "held": 1}
    assert not any("evil" in command for command in server.commands)


def test_news_that_is_too_late_is_not_sent(desk: Desk) -> None:
    later = SmtpServer(on={"RCPT": for_one("r2@", b"450 4.2.0 later\r\n")})
    send(desk, later)
    desk.clock.advance(hours=71, minutes=59)
    assert send(desk, later).books.counts == {"accepted": 4, "deferred": 1}
    tries = len([command for command in later.commands if "r2@" in command])
    assert tries == 2
    desk.clock.advance(minutes=1)
    server = SmtpServer()
    assert send(desk, server).books.counts == {"accepted": 4, "expired": 1}
    assert not server.mails


def test_f41_a_second_process_does_not_send_beside_the_first(desk: Desk) -> None:
    desk.freeze()
    lease = take_lease(desk.store)
    try:
        with pytest.raises(NothingToDo, match="is sending already"):
            send(desk, SmtpServer())
    finally:
        lease.release()
    assert send(desk, SmtpServer()).books.counts == {"accepted": 5}


def test_a_pause_by_another_process_stops_a_send_that_is_running(tmp_path: Path, store: Store) -> None:
    (tmp_path / "many").mkdir()
    desk = make_desk(tmp_path / "many", store, readers=200)
    desk.freeze()

    def pause(server: SmtpServer, wire: Any, argument: str) -> Any:
        if len(server.mails) == 20:
            issues.set_state(store, desk.issue(), "paused", "by hand")
        return ...

    server = SmtpServer(on={"DOT": pause})
    send(desk, server)
    counts = desk.counts()
    assert counts["accepted"] < 60
    assert counts["accepted"] + counts["pending"] == 200
    issues.set_state(store, desk.issue(), "sending")
    send(desk, server)
    assert sorted(mail.recipient for mail in server.mails) == sorted(f"r{n}@example.org" for n in range(200))


def test_f55_the_rate_is_kept_over_restarts(desk: Desk) -> None:
    desk.set(rate="2/h")
    server = SmtpServer()
    rules = Rules(patience_s=0)
    for _ in range(3):
        _stopped_soon(desk, server, rules, mails=1)
    assert len(server.mails) == 1
    desk.clock.advance(hours=1, minutes=1)
    _stopped_soon(desk, server, rules, mails=2)
    assert len(server.mails) == 2


def _stopped_soon(desk: Desk, server: SmtpServer, rules: Rules, mails: int) -> None:
    """A send that is stopped when that many mails were taken in all and the ledger, asked for more, says that the rate
    holds it: whatever it had given out by then is under way and still comes.
    """
    stops: list[Any] = []

    def watch(report: SendReport) -> None:
        if report.held_by and len(server.mails) >= mails:
            stops[0]()

    with in_thread(server):
        desk.port = server.port
        desk.send(rules=rules, arm=stops.append, watch=watch)


def test_d42_a_provider_that_is_full_does_not_hold_the_others_up(desk: Desk) -> None:
    desk.config = replace(desk.config, throttles=(Throttle(domains=("slow.example",), rate="1/h"),))
    desk.add(*(SubscriberRow(f"s{n}@slow.example", f"s{n}@slow.example") for n in range(3)))
    server = SmtpServer()
    _stopped_soon(desk, server, Rules(patience_s=0), mails=6)
    assert [one for one in taken(server) if "slow" not in one] == EVERYBODY
    assert len(server.mails) == 6


def test_a_stop_lets_what_is_under_way_finish(tmp_path: Path, store: Store) -> None:
    (tmp_path / "many").mkdir()
    desk = make_desk(tmp_path / "many", store, readers=300)
    stops: list[Any] = []

    def dot(server: SmtpServer, wire: Any, argument: str) -> Any:
        if len(server.mails) == 50:
            stops[0]()
        time.sleep(0.001)
        return ...

    server = SmtpServer(on={"DOT": dot})
    sent = send(desk, server, arm=stops.append)
    assert sent.report.stopped
    counts = desk.counts()
    assert counts["accepted"] == len(server.mails) < 300
    assert counts["accepted"] + counts["pending"] == 300
    assert not issues.in_doubt_list(store, desk.issue())


def test_later_edits_change_nothing_of_what_was_frozen(desk: Desk) -> None:
    desk.freeze()
    path = desk.workspace.path("issues/2025-07-07-weekly/issue.md")
    path.write_text(path.read_text(encoding="utf-8").replace("Caucasus", "Elsewhere"), encoding="utf-8")
    server = SmtpServer()
    send(desk, server)
    assert all(b"Elsewhere" not in mail.data for mail in server.mails)


def test_a_second_copy_is_byte_for_byte_the_first(desk: Desk) -> None:
    frozen = desk.freeze()
    claim = Claim(3, 1, 0, 0, 0, "r2@example.org")
    copies = set()
    for attempt in (1, 2):
        messages = issues.read_variants(desk.store, frozen)
        moment = datetime.fromisoformat(frozen.frozen_at)
        composer = make_composer(desk.workspace, desk.config, desk.store, messages, frozen.id, moment)
        copies.add(composer.write(claim._replace(attempt=attempt)).data)
        desk.clock.advance(hours=1)
    assert len(copies) == 1


def test_while_one_relay_cannot_be_used_the_other_carries_on(desk: Desk) -> None:
    server = SmtpServer()
    with in_thread(server):
        there = Relay("127.0.0.1", server.port, "none", timeouts=QUICK)
        assert desk.send(relays=[(replace(there, port=1), 1), (there, 1)]).books.counts == {"accepted": 5}
    assert taken(server) == EVERYBODY


def test_two_relays_share_the_work(tmp_path: Path, store: Store) -> None:
    (tmp_path / "many").mkdir()
    desk = make_desk(tmp_path / "many", store, readers=100)
    first, second = SmtpServer(), SmtpServer()
    with in_thread(first), in_thread(second):
        relays = [(Relay("127.0.0.1", server.port, "none", timeouts=QUICK), 2) for server in (first, second)]
        assert desk.send(relays=relays).books.counts == {"accepted": 100}
    assert len(first.mails) > 10
    assert len(second.mails) > 10
    assert len(first.mails) + len(second.mails) == 100


def test_a_fault_of_our_own_ends_the_send_and_loses_nobody(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(claim: Any, result: Any) -> Any:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr("newsletter.delivery.sender.accept", fail)
        with pytest.raises(ZeroDivisionError):
            send(desk, SmtpServer())
    assert sum(desk.counts().values()) == 5
    assert send(desk, SmtpServer()).books.counts == {"accepted": 5}
    assert issues.in_doubt_list(desk.store, desk.issue())
