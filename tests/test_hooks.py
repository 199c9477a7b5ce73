"""What other programs are told: signed, at last or never, and no one on a private address (security T10, T37)."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from newsletter.config import Config
from newsletter.config.settings import Fetch, Hook
from newsletter.errors import InputError
from newsletter.flows.webhooks import WAITS_MIN, after, listeners, sign, tell_next
from newsletter.model import Publication
from newsletter.sources.fetch import post
from newsletter.sources.http_types import PostRequest, PostResult
from newsletter.store.database import Store, stamp
from newsletter.store.schema import hook as hook_table
from newsletter.store.subscribers import forget
from newsletter.store.webhooks import count_hooks, queue_hooks
from newsletter.workspace.files import Workspace
from tests.databases import NOW
from tests.store.desk import number_of, reader, take_in
from tests.web_server import WebServer, serve

KEY = b"a key of thirty-two bytes, agreed"
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
ANNA = reader(1, address="Anna.Kern@Example.org")
FAR = "https://hooks.example/in"


@dataclass
class Desk:
    """A workspace with one hook, its database, and what was posted."""

    workspace: Workspace
    store: Store
    config: Config

    def listen(self, *hooks: Hook, allow_hosts: tuple[str, ...] = ()) -> None:
        self.config = replace(self.config, hooks=hooks, fetch=Fetch(allow_hosts=allow_hosts))

    def happens(self, event: str = "confirmed", **body: object) -> None:
        with self.store.writing() as connection:
            queue_hooks(connection, listeners(self.config), event, [body or {"issue": "2026-11-23-weekly"}], NOW)

    def tell(self, now: datetime = NOW, ask: Callable[[PostRequest], PostResult] = post) -> bool:
        return tell_next(self.workspace, self.config, self.store, now, ask) is not None

    def row(self) -> Any:
        with self.store.reading() as connection:
            return connection.execute(select(hook_table)).one()


@pytest.fixture
def desk(tmp_path: Path, store: Store) -> Desk:
    (tmp_path / "hook.secret").write_text(SECRET + "\n")
    publication = Publication(title="B", url="https://b.example", sender="B <desk@b.example>")
    one = Desk(Workspace(tmp_path), store, Config(publication=publication))
    one.listen(Hook(url=FAR, secret_file="hook.secret"))
    return one


@pytest.fixture
def server() -> Iterator[WebServer]:
    with serve() as one:
        yield one


class Receiver:
    """Somebody who answers as the test says, and keeps what came."""

    def __init__(self, *answers: PostResult) -> None:
        self.answers = list(answers)
        self.posts: list[PostRequest] = []

    def __call__(self, request: PostRequest) -> PostResult:
        self.posts.append(request)
        return self.answers.pop(0) if self.answers else PostResult(outcome="done")

    @property
    def told(self) -> Any:
        return json.loads(self.posts[-1].body)


FAILED = PostResult(outcome="failed", reason="the server answers 500")


# --- who is told what -----------------------------------------------------------------------------------------------


def test_each_event_has_the_addresses_that_want_it_once(desk: Desk) -> None:
    desk.listen(
        Hook(url="https://a.example/", secret_file="a", events=("confirmed",)),
        Hook(url="https://b.example/", secret_file="b", events=("confirmed", "issue.sent")),
        Hook(url="https://b.example/", secret_file="new", events=("confirmed",)),
    )
    assert listeners(desk.config) == {
        "confirmed": ("https://a.example/", "https://b.example/"),
        "issue.sent": ("https://b.example/",),
    }
    assert listeners(replace(desk.config, hooks=())) == {}


def test_nothing_due_is_nothing_told(desk: Desk) -> None:
    receiver = Receiver()
    assert not desk.tell(ask=receiver)
    desk.happens()
    assert not desk.tell(NOW - timedelta(seconds=1), ask=receiver)
    assert desk.tell(ask=receiver)
    assert not desk.tell(NOW + timedelta(days=30), ask=receiver)
    assert len(receiver.posts) == 1


def test_a_subscriber_is_named_with_address_and_state(desk: Desk) -> None:
    take_in(desk.store, [ANNA])
    number = number_of(desk.store, ANNA.canonical)
    desk.happens(subscriber=number)
    assert ANNA.canonical not in desk.row().body.lower()
    receiver = Receiver()
    assert desk.tell(ask=receiver)
    assert receiver.posts[0].url == FAR
    assert receiver.told == {
        "id": f"2026-11-23T070000Z-{desk.row().id}",
        "event": "confirmed",
        "at": "2026-11-23T07:00:00Z",
        "subscriber": {"id": number, "address": "Anna.Kern@Example.org", "state": "active"},
    }
    assert count_hooks(desk.store) == {"sent": 1}


def test_one_who_was_erased_meanwhile_is_not_named(desk: Desk) -> None:
    take_in(desk.store, [ANNA])
    number = number_of(desk.store, ANNA.canonical)
    desk.happens("unsubscribed", subscriber=number)
    forget(desk.store, ANNA.canonical, NOW)
    receiver = Receiver()
    desk.tell(ask=receiver)
    assert receiver.told["subscriber"] == {"id": number, "address": None, "state": "erased"}
    assert b"anna" not in receiver.posts[0].body.lower()


def test_an_issue_is_told_as_it_was_queued(desk: Desk) -> None:
    desk.happens("issue.sent", issue="2026-11-23-weekly")
    receiver = Receiver()
    desk.tell(ask=receiver)
    assert list(receiver.told) == ["id", "event", "at", "issue"]
    assert receiver.told["issue"] == "2026-11-23-weekly"


def test_an_address_that_is_no_longer_in_the_settings_hears_nothing(desk: Desk) -> None:
    desk.happens()
    desk.listen(Hook(url="https://other.example/", secret_file="hook.secret"))
    receiver = Receiver()
    assert desk.tell(ask=receiver)
    assert receiver.posts == []
    assert count_hooks(desk.store) == {"failed": 1}


# --- the signature --------------------------------------------------------------------------------------------------


def test_the_signature_is_that_of_the_specifications_example() -> None:
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    moment = datetime.fromtimestamp(1614265330, UTC)
    headers = sign((key,), "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', moment)
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def expected_signature(key: bytes, headers: dict[str, str], body: bytes) -> str:
    """As a receiver computes it (RFC 2104 by hand, not by our function)."""
    padded = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded))
    inner.update(headers["webhook-id"].encode() + b"." + headers["webhook-timestamp"].encode() + b"." + body)
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded) + inner.digest())
    return "v1," + base64.b64encode(outer.digest()).decode()


def test_what_is_signed_is_what_arrives(desk: Desk, server: WebServer) -> None:
    url = server.give("/in", b"ok")
    desk.listen(Hook(url=url, secret_file="hook.secret"), allow_hosts=("127.0.0.1",))
    take_in(desk.store, [reader(1, address="ännchen@bücher.example")])
    desk.happens(subscriber=number_of(desk.store, "ännchen@bücher.example"))
    assert desk.tell()
    (_, headers), body = server.hits[0], server.bodies[0]
    assert json.loads(body)["subscriber"]["address"] == "ännchen@bücher.example"
    assert headers["webhook-id"] == json.loads(body)["id"]
    assert headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert headers["webhook-signature"] == expected_signature(KEY, headers, body)
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"] == "newsletter-desk (+https://b.example)"
    assert count_hooks(desk.store) == {"sent": 1}


def test_a_repetition_has_the_same_name_and_body_and_a_new_time(desk: Desk) -> None:
    desk.happens()
    receiver, later = Receiver(FAILED), NOW + timedelta(minutes=1)
    desk.tell(ask=receiver)
    desk.tell(later, ask=receiver)
    first, second = receiver.posts
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert second.headers["webhook-timestamp"] == str(int(later.timestamp()))
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


def test_while_a_secret_is_changed_both_sign(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "new.secret").write_text(base64.b64encode(b"n" * 32).decode())  # libraries take it without its mark too
    desk.listen(Hook(url=FAR, secret_file="hook.secret"), Hook(url=FAR, secret_file="new.secret"))
    desk.happens()
    receiver = Receiver()
    assert [desk.tell(ask=receiver), desk.tell(ask=receiver)] == [True, False]
    headers, body = dict(receiver.posts[0].headers), receiver.posts[0].body
    assert headers["webhook-signature"].split(" ") == [
        expected_signature(KEY, headers, body),
        expected_signature(b"n" * 32, headers, body),
    ]


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"whsec_",
        b"password",
        b"whsec_c2hvcnQ=",
        b"whsec_not base64 at all!",
        b"\xff\xfe\x00",
        SECRET[:-3].encode(),
    ],
    ids=["missing", "empty", "mark only", "password", "short", "no Base64", "bytes", "cut off"],
)
def test_a_secret_that_cannot_be_used_stops_before_anything_is_lost(
    desk: Desk, tmp_path: Path, content: bytes | None
) -> None:
    desk.happens()
    file = tmp_path / "hook.secret"
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    receiver = Receiver()
    with pytest.raises(InputError, match=r"hook\.secret: ") as raised:
        desk.tell(ask=receiver)
    assert content in (None, b"", b"whsec_") or content.decode("latin-1") not in str(raised.value)
    assert receiver.posts == []
    assert (desk.row().state, desk.row().attempt) == ("waiting", 0)
    file.write_text(SECRET)
    assert desk.tell(ask=receiver)
    assert count_hooks(desk.store) == {"sent": 1}


def test_t37_what_is_posted_does_not_show_itself(desk: Desk) -> None:
    take_in(desk.store, [ANNA])
    desk.happens(subscriber=number_of(desk.store, ANNA.canonical))
    receiver = Receiver()
    desk.tell(ask=receiver)
    assert "anna" not in repr(receiver.posts[0]).lower()
    assert "v1," not in repr(receiver.posts[0])


# --- tried again ----------------------------------------------------------------------------------------------------


def test_a_call_is_tried_again_for_two_days_and_then_given_up(desk: Desk) -> None:
    desk.happens()
    receiver, now, waits = Receiver(*[FAILED] * 20), NOW, []
    while desk.row().state == "waiting":
        assert desk.tell(now, ask=receiver)
        due = datetime.fromisoformat(desk.row().next_at)
        waits.append((due - now) // timedelta(minutes=1))
        assert not desk.tell(max(due - timedelta(seconds=1), now), ask=receiver) or due == now
        now = due
    assert waits == [1, 5, 30, 120, 300, 600, 1440, 0]
    assert len(receiver.posts) == 8
    assert count_hooks(desk.store) == {"failed": 1}


def test_one_that_is_gone_is_not_asked_again(desk: Desk) -> None:
    desk.happens()
    desk.tell(ask=Receiver(PostResult(outcome="gone")))
    assert count_hooks(desk.store) == {"failed": 1}


def test_a_server_that_asks_to_wait_longer_is_given_the_time(desk: Desk) -> None:
    desk.happens()
    desk.tell(ask=Receiver(replace(FAILED, retry_after_s=3600)))
    assert desk.row().next_at == stamp(NOW + timedelta(hours=1))


def test_a_process_that_dies_while_it_tells_leaves_the_call_for_later(desk: Desk) -> None:
    def die(request: PostRequest) -> PostResult:
        raise KeyboardInterrupt

    desk.happens()
    with pytest.raises(KeyboardInterrupt):
        desk.tell(ask=die)
    receiver = Receiver()
    assert not desk.tell(NOW + timedelta(minutes=14), ask=receiver)
    assert desk.tell(NOW + timedelta(minutes=15), ask=receiver)


OUTCOMES = st.builds(
    PostResult, outcome=st.sampled_from(["done", "gone", "failed"]), retry_after_s=st.none() | st.integers(0, 604_800)
)


@given(OUTCOMES, st.integers(1, 40))
def test_every_call_ends(posted: PostResult, tries: int) -> None:
    state, due = after(posted, tries, NOW)
    assert state == {"done": "sent", "gone": "failed"}.get(
        posted.outcome, "waiting" if tries <= len(WAITS_MIN) else "failed"
    )
    assert due > NOW if state == "waiting" else due == NOW


# --- the real way out ---------------------------------------------------------------------------------------------


def test_t10_this_machine_hears_something_only_if_the_settings_name_it(desk: Desk, server: WebServer) -> None:
    hook = Hook(url=server.give("/in"), secret_file="hook.secret")
    desk.listen(hook)
    desk.happens()
    assert desk.tell()
    assert server.hits == []
    assert count_hooks(desk.store) == {"waiting": 1}
    desk.listen(hook, allow_hosts=("127.0.0.1",))
    assert desk.tell(NOW + timedelta(minutes=1))
    assert len(server.hits) == 1
    assert count_hooks(desk.store) == {"sent": 1}
