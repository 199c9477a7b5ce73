"""Leaving: by the button, by a provider's request, by who only got the mail forwarded."""

import secrets
import sqlite3
import threading
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.audience.tokens import TokenKeys, make_tokens
from newsletter.store.mailed_links import make_link
from newsletter.store.subscribers import find_person, forget
from newsletter.workspace.database import open_database
from tests.serving import Desk, listening
from tests.web.conftest import READER


def state(desk: Desk) -> str:
    known = find_person(desk.store, READER)
    return known.row.state if known else "erased"


MULTIPART = b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'
REQUESTS = {
    "urlencoded": (b"List-Unsubscribe=One-Click", {"content-type": "application/x-www-form-urlencoded"}),
    "multipart": (MULTIPART, {"content-type": "multipart/form-data; boundary=x"}),
    "no type": (b"List-Unsubscribe=One-Click", {}),
    "empty": (b"", {"content-type": "application/x-www-form-urlencoded"}),
    "odd case": (b"list-unsubscribe=one-click", {"content-type": "Application/X-WWW-Form-Urlencoded"}),
    "more fields": (b"List-Unsubscribe=One-Click&a=b", {"content-type": "application/x-www-form-urlencoded"}),
}


FORM_DATA = {"content-type": "multipart/form-data; boundary=x"}
AS_FILE = MULTIPART.replace(b'"List-Unsubscribe"', b'"List-Unsubscribe"; filename="a.txt"')
# What was answered 400 although the address alone says who leaves (RFC 8058 3.2).
ODD_REQUESTS = {
    "no boundary": (MULTIPART, {"content-type": "multipart/form-data"}),
    "empty boundary": (MULTIPART, {"content-type": "multipart/form-data; boundary="}),
    "another boundary": (MULTIPART, {"content-type": "multipart/form-data; boundary=y"}),
    "line feeds only": (MULTIPART.replace(b"\r\n", b"\n"), FORM_DATA),
    "a file": (AS_FILE, FORM_DATA),
    "a file, line feeds only": (AS_FILE.replace(b"\r\n", b"\n"), FORM_DATA),
    "no last boundary": (MULTIPART.removesuffix(b"--x--\r\n"), FORM_DATA),
    "no name": (MULTIPART.replace(b'; name="List-Unsubscribe"', b""), FORM_DATA),
    "text before": (b"preamble\r\n" + MULTIPART, FORM_DATA),
    "multipart that is none": (b"List-Unsubscribe=One-Click", FORM_DATA),
    "empty multipart": (b"", FORM_DATA),
    "unknown charset": (MULTIPART, {"content-type": "multipart/form-data; boundary=x; charset=nonsense"}),
    "two hundred fields": (b"a=b&" * 200, {"content-type": "application/x-www-form-urlencoded"}),
    "json": (b'{"List-Unsubscribe": "One-Click"}', {"content-type": "application/json"}),
    "octets": (bytes(range(256)), {"content-type": "application/x-www-form-urlencoded"}),
    "other words": (b"unsubscribe", {"content-type": "text/plain"}),
    "quoted": (b"List%2DUnsubscribe=One%2DClick", {"content-type": "application/x-www-form-urlencoded"}),
}


@pytest.mark.parametrize("name", ODD_REQUESTS)
def test_c57_whatever_the_body_is_the_address_alone_unsubscribes(sent: Desk, name: str) -> None:
    body, headers = ODD_REQUESTS[name]
    answer = sent.pages().ask("POST", sent.link("/u/", READER), body=body, headers=headers)
    assert answer.status == 200
    assert state(sent) == "unsubscribed"
    assert not [note for note in sent.notes if note["event"] == "fault"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=300)
    | st.lists(
        st.sampled_from(
            [
                b"--x",
                b"--x--",
                b"\r\n",
                b"\n",
                b"Content-Disposition: form-data",
                b'; name="only"',
                b"=",
                b";",
                b"&",
                b"1",
            ]
        )
    ).map(b"".join),
    kind=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
    | st.sampled_from(
        [
            "multipart/form-data; boundary=x",
            "multipart/form-data; boundary=x; charset=utf-16",
            "application/x-www-form-urlencoded; charset=x",
        ]
    ),
)
def test_c57_no_body_makes_a_providers_request_fail(sent: Desk, body: bytes, kind: str) -> None:
    answer = sent.pages().ask("POST", sent.link("/u/", READER), body=body, headers={"content-type": kind})
    assert answer.status == 200
    assert not [note for note in sent.notes if note["event"] == "fault"]
    if b"only" not in body:
        assert state(sent) == "unsubscribed"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"])
def test_c57_no_other_method_changes_anything(sent: Desk, method: str) -> None:
    body, headers = REQUESTS["urlencoded"]
    sent.pages().ask(method, sent.link("/u/", READER), body=body, headers=headers)
    assert state(sent) == "active"


def test_c44_a_request_to_leave_that_was_cut_off_leaves_the_reader_subscribed(sent: Desk) -> None:
    """Over a real connection, and the whole one afterwards."""
    import socket

    token = sent.link("/u/", READER)
    head = f"POST {token} HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n".encode()
    with listening(sent) as port:
        for body in (b"Content-Length: 26\r\n\r\nList-Unsubscribe=One-Clic", b"Content-Length: 26\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(head + body)
                connection.shutdown(socket.SHUT_WR)
                assert connection.recv(100) == b""
        assert state(sent) == "active"
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(head + b"Content-Length: 26\r\n\r\nList-Unsubscribe=One-Click")
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(15) == b"HTTP/1.1 200 OK"
    assert state(sent) == "unsubscribed"


@pytest.mark.parametrize("name", REQUESTS)
def test_t28_a_providers_request_is_answered_200_without_a_redirect(sent: Desk, name: str) -> None:
    """RFC 8058 3.2: no cookie, no referrer, nothing but the address and the body."""
    body, headers = REQUESTS[name]
    pages, token = sent.pages(), sent.link("/u/", READER)
    for _ in range(3):
        answer = pages.ask("POST", token, body=body, headers=headers)
        assert answer.status == 200
        assert "location" not in answer.headers
        assert state(sent) == "unsubscribed"


def test_t28_over_a_real_connection(sent: Desk) -> None:
    import http.client

    token = sent.link("/u/", READER)
    with listening(sent) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("POST", token, REQUESTS["urlencoded"][0], REQUESTS["urlencoded"][1])
        response = connection.getresponse()
        assert response.status == 200
        assert response.getheader("Server") is None
        response.read()
        connection.close()
    assert state(sent) == "unsubscribed"


def test_the_button_unsubscribes_and_says_so(sent: Desk) -> None:
    pages, token = sent.pages(), sent.link("/u/", READER)
    assert "Unsubscribe</button>" in pages.get(token).text
    assert state(sent) == "active"
    assert "You are unsubscribed" in pages.post(token).text
    known = find_person(sent.store, READER)
    assert known
    assert known.suppressed == "unsubscribed"
    assert known.consents[-1][1:] == ("unsubscribed", "the link in issue 1")


def test_fewer_themes_instead(sent: Desk) -> None:
    pages, token = sent.pages(), sent.link("/u/", READER)
    answer = pages.post(token, [("only", "1"), ("themes", "caucasus"), ("themes", "eu-china"), ("themes", "nonsense")])
    assert "Caucasus, EU–China" in answer.text
    assert find_person(sent.store, READER).row.themes == "caucasus eu-china"  # type: ignore[union-attr]
    # Never more than before: whoever holds a mail could otherwise subscribe others to more (T30).
    pages.post(token, [("only", "1"), ("themes", "caucasus"), ("themes", "us-china")])
    assert find_person(sent.store, READER).row.themes == "caucasus"  # type: ignore[union-attr]
    assert "Unsubscribe</button>" in pages.post(token, [("only", "1"), ("themes", "us-china")]).text
    assert "Unsubscribe</button>" in pages.post(token, [("only", "1")]).text
    assert find_person(sent.store, READER).row.themes == "caucasus"  # type: ignore[union-attr]
    assert state(sent) == "active"


def test_who_was_erased_may_leave_too(sent: Desk) -> None:
    token = sent.link("/u/", READER)
    forget(sent.store, READER, sent.clock())
    assert sent.pages().post(token).status == 200


def test_t31_a_link_never_expires(sent: Desk) -> None:
    token = sent.link("/u/", READER)
    sent.clock.advance(days=4000)
    assert sent.pages().post(token).status == 200
    assert state(sent) == "unsubscribed"


def test_t31_links_of_old_keys_go_on_working(sent: Desk) -> None:
    """Twice the key is changed, and every issue goes out with a new one."""
    links = [sent.link("/u/", READER)]
    path = sent.workspace.root / sent.config.database.key_file
    for week in ("14", "21"):
        with path.open("a") as file:
            file.write(f"{secrets.token_hex(32)}\n")
        sent.store.close()
        sent.store = open_database(sent.workspace, sent.config)
        sent.restart()
        (sent.workspace.root / f"posts/{week}.md").write_text(f"# News of the {week}th\n\nFrom Baku, {week}.\n")
        sent.tick(to=f"2025-07-{int(week) - 1} 05:00")
        sent.tick(to=f"2025-07-{week} 05:00")
        links.append(sent.link("/u/", READER))
    assert len(set(links)) == 3
    assert [sent.pages().get(link).status for link in links] == [200] * 3
    assert sent.pages().post(links[0]).status == 200
    assert state(sent) == "unsubscribed"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_t29_a_token_that_was_changed_opens_nothing(sent: Desk, data: st.DataObject) -> None:
    token = sent.link("/u/", READER).removeprefix("/u/")
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."))
    changed = data.draw(
        st.sampled_from(
            [
                token[:place] + letter + token[place + 1 :],
                token[:place],
                token + letter,
                token[place:],
                token.swapcase(),
            ]
        )
    )
    if changed in (token, ""):
        return
    pages = sent.pages()
    dead = pages.get("/u/nonsense")
    answer = pages.ask("POST", f"/u/{changed}", body=b"List-Unsubscribe=One-Click")
    assert (answer.status, answer.body) == (404, dead.body)
    assert state(sent) == "active"


def test_t29_a_token_of_another_purpose_opens_nothing(sent: Desk) -> None:
    keys = TokenKeys.derive(lambda purpose: sent.store.key.derive(f"other {purpose}"))
    number = find_person(sent.store, READER).id  # type: ignore[union-attr]
    pages = sent.pages()
    foreign = make_tokens(keys, 1, number).unsubscribe
    links = {purpose: make_link(sent.store, number, purpose, sent.clock()) for purpose in ("confirm", "preferences")}
    unsubscribe = sent.link("/u/", READER).removeprefix("/u/")
    for path in (f"/u/{foreign}", f"/u/{links['confirm']}", f"/u/{links['preferences']}", f"/p/{unsubscribe}",
                 f"/confirm/{unsubscribe}", f"/p/{links['confirm']}", f"/confirm/{links['preferences']}"):  # fmt: skip
        assert pages.get(path).status == 404, path
        assert pages.post(path, {"action": "erase-sure"}).status == 404, path
    assert state(sent) == "active"


def test_t30_what_the_footers_link_cannot_do(sent: Desk) -> None:
    """The matrix of security §4: a stranger with a forwarded mail sees nothing, exports nothing, erases nothing."""
    pages, token = sent.pages(), sent.link("/u/", READER)
    page = pages.get(token).text
    assert READER not in page
    assert "checked" not in page  # nor which themes they chose
    for action in ("save", "download", "erase", "erase-sure"):
        answer = pages.post(token, {"action": action, "only": "1"})
        assert answer.headers.get("content-disposition") is None
        assert READER not in answer.text
    assert state(sent) == "active"


def test_a_database_that_cannot_be_written_is_told_as_503(sent: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    token = sent.link("/u/", READER)
    assert sent.store.path
    sent.store.engine.dispose()
    sent.store.path.rename(sent.store.path.with_name("gone"))
    answer = sent.pages().post(token)
    assert answer.status == 503
    assert "Something went wrong" in answer.text


def test_many_leave_at_once_while_another_process_writes(sent: Desk) -> None:
    """They share transactions, so a second writer does not make them wait one by one."""
    from newsletter.model import SubscriberRow
    from newsletter.store.subscribers import SubscriberIntake, count_by_state

    people = [f"r{number}@example.org" for number in range(400)]
    with sent.store.writing() as connection:
        SubscriberIntake(sent.store, connection, source="t", event="imported", now=sent.clock()).take(
            [SubscriberRow(address, address) for address in people]
        )
    numbers = [find_person(sent.store, address).id for address in people]  # type: ignore[union-attr]
    tokens = [make_tokens(sent.server.public.keys[-1], 1, number).unsubscribe for number in numbers]
    over = threading.Event()

    def write() -> None:
        assert sent.store.path
        with closing(sqlite3.connect(sent.store.path, timeout=30, isolation_level=None)) as other:
            while not over.wait(0.002):
                other.execute("BEGIN IMMEDIATE")
                other.execute("UPDATE sender SET holder = holder")
                other.execute("COMMIT")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        import asyncio

        pages = sent.pages()

        async def all_leave() -> list[int]:
            body = b"List-Unsubscribe=One-Click"
            answers = await asyncio.gather(*(pages._ask("POST", f"/u/{token}", [body], {}) for token in tokens))
            return [answer.status for answer in answers]

        assert set(asyncio.run(all_leave())) == {200}
    finally:
        over.set()
        writer.join()
    assert count_by_state(sent.store)["unsubscribed"] == 400
