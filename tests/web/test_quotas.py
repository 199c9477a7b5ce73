"""Who uses up what: one visitor, one network and one mailbox may cost the others nothing."""

import re
from dataclasses import replace

import pytest

from newsletter.flows.doctor import examine
from newsletter.flows.doctor.visitor_limits import VISITOR_LIMITS
from newsletter.store.subscribers import find_person, unsubscribe
from newsletter.web import forms, refusals
from newsletter.web.stamps import FILLED_IN_S, Stamps
from tests.sending import Clock
from tests.serving import THURSDAY, Answer, Desk, Pages
from tests.web.test_subscribe import stamp_of

READER = "reader@example.net"
OFFICE, HOME = "203.0.113.9", "198.51.100.7"


@pytest.fixture(autouse=True)
def one_clock(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> None:
    """Answers come at once, and the shares of networks fill up by the test's clock."""
    monkeypatch.setattr(forms, "SAME_TIME_S", 0.0)
    monkeypatch.setattr("newsletter.web.quotas.monotonic", lambda: desk.clock.now.timestamp())


def press(pages: Pages, address: str, stamp: str, client: str = OFFICE) -> Answer:
    return Pages(pages.app, client=client).post("/subscribe", {"address": address, "stamp": stamp})


def mails(desk: Desk) -> int:
    desk.server.send_letters()
    return len(desk.mails)


# --- C42: one visitor, one network --------------------------------------------------------------------------------------


def test_c42_one_stamp_used_215_times_makes_one_mail_and_leaves_the_form_to_others(desk: Desk) -> None:
    pages = desk.pages()
    stamp = stamp_of(desk, pages)
    for number in range(215):
        answer = press(pages, f"r{number}@example.org", stamp)
        assert answer.status == 200
        assert number == 0 or "One more step" in answer.text
        desk.clock.advance(seconds=16)  # so that it is no matter of speed: an hour in all
    assert mails(desk) == 1
    other = stamp_of(desk, pages)
    assert "Look into your inbox" in press(pages, READER, other, HOME).text
    assert mails(desk) == 2


def test_c42_one_network_with_a_new_stamp_each_time_gets_its_share_only(desk: Desk) -> None:
    """200 an hour for all: a network gets ten at once, and ten an hour after that."""
    pages = desk.pages()
    stamps = [desk.server.public.stamps.make() for _ in range(240)]
    statuses = []
    for number, stamp in enumerate(stamps):
        desk.clock.advance(seconds=15)
        statuses.append(press(pages, f"r{number}@example.org", stamp, f"203.0.113.{number}").status)
    assert statuses.count(200) <= 20
    assert statuses.count(429) >= 220
    assert press(pages, READER, stamp_of(desk, pages), HOME).status == 200
    assert READER in str(mails(desk) and desk.mails[-1]["To"])


def test_c42_a_double_click_is_answered_like_one(desk: Desk) -> None:
    pages = desk.pages()
    stamp = stamp_of(desk, pages)
    first, second = press(pages, READER, stamp), press(pages, READER, stamp)
    assert (first.status, first.body) == (second.status, second.body)
    assert mails(desk) == 1


def test_c42_a_stamp_that_was_used_is_used_after_a_restart_too(desk: Desk) -> None:
    pages = desk.pages()
    stamp = stamp_of(desk, pages)
    press(pages, READER, stamp)
    desk.restart()
    pages = desk.pages()
    answer = press(pages, "other@example.net", stamp)
    again = re.search(r'name="stamp" value="([^"]+)"', answer.text)
    assert again
    assert mails(desk) == 1
    desk.clock.advance(seconds=3)  # whoever had the form open has one press more
    press(pages, "other@example.net", again[1])
    assert mails(desk) == 2


def test_stamps_that_were_forgotten_are_not_taken_again() -> None:
    clock = Clock(THURSDAY)
    stamps = Stamps(b"key", clock, most=3)
    made = []
    for _ in range(10):
        made.append(stamps.make())
        clock.advance(seconds=10)
    for stamp in made:
        stamps.use(stamp, READER)
    assert {stamps.judge(stamp, "other@example.net") for stamp in made} == {"used", "no"}
    fresh = stamps.make()
    clock.advance(seconds=10)
    assert stamps.judge(fresh, READER) == "ready"


def test_c42_links_to_preferences_have_a_quota_of_their_own(desk: Desk) -> None:
    desk.config = replace(desk.config, web=replace(desk.config.web, confirmations="5/h"))
    desk.restart()
    desk.add(*(f"member{number}@example.org" for number in range(9)))
    pages = desk.pages()
    statuses = [
        Pages(pages.app, client=f"198.51.{number}.1")
        .post("/preferences", {"address": f"member{number}@example.org"})
        .status
        for number in range(9)
    ]
    assert statuses == [200] * 5 + [429] * 4
    assert press(pages, READER, stamp_of(desk, pages)).status == 200
    assert mails(desk) == 6


@pytest.mark.parametrize("path", ["/subscribe", "/preferences"])
def test_c42_who_comes_when_all_is_used_up_is_told_whoever_they_are(desk: Desk, path: str) -> None:
    """No mail and a page that says one was sent: that is the worst answer. It is the same for everybody (T25)."""
    desk.config = replace(desk.config, web=replace(desk.config.web, confirmations="3/h"))
    desk.restart()
    desk.add("active@example.org", "gone@example.org", "m1@example.org", "m2@example.org", "m3@example.org")
    unsubscribe(desk.store, "gone@example.org", source="test", now=desk.clock(), state="complained")
    pages = desk.pages()
    for number in range(1, 4):
        press(pages, f"r{number}@example.org", stamp_of(desk, pages), f"192.0.{number}.1")
        Pages(pages.app, client=f"192.0.{number}.1").post("/preferences", {"address": f"m{number}@example.org"})
    answers = set()
    for number, address in enumerate(("active@example.org", "gone@example.org", "new@example.org")):
        some = Pages(pages.app, client=f"198.51.{number}.1")
        answer = some.post(path, {"address": address, "stamp": stamp_of(desk, pages)})
        answers.add((answer.status, answer.body))
    assert len(answers) == 1
    assert answers.pop()[0] == 429


def test_c42_the_log_the_numbers_and_doctor_say_which_limit_was_reached(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = desk.pages()
    for number in range(13):
        press(pages, f"r{number}@example.org", stamp_of(desk, pages))
    told = [note for note in desk.notes if note["event"] == "refused"]
    assert [(note["limit"], note["network"]) for note in told] == [("network-forms", "203.0.113.0/24")]
    text = Pages(pages.app, client="127.0.0.1").get("/metrics").text
    assert 'newsletter_refused_total{limit="network-forms"} 3.0' in text
    assert set(re.findall(r'newsletter_refused_total{limit="([^"]+)"}', text)) == set(VISITOR_LIMITS)
    desk.server.keep_calendar()
    found = [
        check for check in examine(desk.workspace, desk.config, desk.clock(), online=False) if check.name == "limits"
    ]
    assert [check.level for check in found] == ["warning"]
    assert "network-forms" in found[0].detail
    monkeypatch.setattr(refusals, "SAY_EVERY_S", 0.0)
    press(pages, "r99@example.org", stamp_of(desk, pages))
    assert [note["times"] for note in desk.notes if note["event"] == "refused"] == [1, 3]


# --- C59: the second press -----------------------------------------------------------------------------------------------


def test_c59_who_presses_too_soon_again_and_again_is_let_through_after_two_seconds(desk: Desk) -> None:
    pages = desk.pages()
    found = re.search(r'name="stamp" value="([^"]+)"', pages.get("/subscribe").text)
    assert found
    presses = 0
    while True:
        assert presses < 5, "it repeats for ever"
        answer = press(pages, READER, found[1])
        if "One more step" not in answer.text:
            break
        presses += 1
        desk.clock.advance(seconds=FILLED_IN_S / 2)
        found = re.search(r'name="stamp" value="([^"]+)"', answer.text)
        assert found
    assert mails(desk) == 1


# --- C43: one mailbox ----------------------------------------------------------------------------------------------------

SPELLINGS = {
    "gmail": [
        "jane.doe@gmail.com", "janedoe@gmail.com", "j.a.n.e.doe@gmail.com", "JaneDoe@GMail.com", "janedoe+a@gmail.com",
        "jane.doe+b.c@gmail.com", "janedoe@googlemail.com", "jane.doe+x+y@googlemail.com", "janedoe@gmail.com.",
        "mailto:janedoe@gmail.com", "janedoe+@gmail.com", "jan\u200bedoe@gmail.com",
    ],
    "any provider": ["jane@example.org", "jane+1@example.org", "JANE+2@EXAMPLE.org", "jane+a+b@example.org"],
    "a domain beyond ascii": ["joerg@bücher.example", "joerg+1@bücher.example", "Joerg+2@xn--bcher-kva.example"],
}  # fmt: skip


@pytest.mark.parametrize("name", SPELLINGS)
def test_c43_all_spellings_of_one_mailbox_get_one_mail(desk: Desk, name: str) -> None:
    pages = desk.pages()
    for number, address in enumerate(SPELLINGS[name]):
        answer = press(pages, address, stamp_of(desk, pages), f"198.51.{number}.1")
        assert answer.status == 200, address
    assert mails(desk) == 1


def test_c43_two_spellings_stay_two_subscribers(desk: Desk) -> None:
    """Counted as one mailbox, and never taken for one person: elsewhere a tag may be somebody else's."""
    desk.subscribe("jane+news@example.org")
    desk.clock.advance(days=2)
    desk.subscribe("jane@example.org")
    unsubscribe(desk.store, "jane@example.org", source="test", now=desk.clock())
    states = [find_person(desk.store, address) for address in ("jane+news@example.org", "jane@example.org")]
    assert [person.row.state for person in states if person] == ["active", "unsubscribed"]


def test_c43_links_to_preferences_are_counted_by_mailbox_too(desk: Desk) -> None:
    desk.add("jane@example.org", *(f"jane+{number}@example.org" for number in range(9)))
    pages = desk.pages()
    for number in range(9):
        desk.clock.advance(minutes=11)
        some = Pages(pages.app, client=f"198.51.{number}.1")
        assert some.post("/preferences", {"address": f"jane+{number}@example.org"}).status == 200
    assert mails(desk) == 3
