"""The dialogue without a socket: octets in any pieces, breaks anywhere; every message gets one result, and the right one."""

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.dialogue import Dialogue, Outgoing, Result, check_envelope, make_wire
from newsletter.delivery.replies import ProtocolFault, Reply, ReplyReader, read_capabilities
from newsletter.errors import InputError


def message(number: int) -> Outgoing:
    return Outgoing(number, "b@desk.example", f"r{number}@example.org", b"Subject: x\r\n\r\nMAIL FROM:<evil>\r\n")


class Server:
    """A correct server as a function: commands in, replies out; `answers` says what each command gets, in order."""

    def __init__(self, answers: Iterator[int]) -> None:
        self.answers = answers
        self.buffer = b""
        self.sender = self.recipient = ""
        self.in_data = False
        self.taken: list[str] = []

    def receive(self, data: bytes) -> bytes:
        self.buffer += data
        out = b""
        while b"\r\n" in self.buffer:
            line, self.buffer = self.buffer.split(b"\r\n", 1)
            out += self.line(line.decode())
        return out

    def line(self, line: str) -> bytes:
        if self.in_data:
            return self.dot() if line == "." else b""
        verb = line.split(" ")[0]
        code = next(self.answers)
        if verb == "RSET":
            self.sender = self.recipient = ""
            return b"250 ok\r\n"
        if verb == "MAIL":
            ok, self.sender = (not self.sender, line) if code == 250 else (False, self.sender)
            return b"503 nested\r\n" if code == 250 and not ok else f"{code} x\r\n".encode()
        if verb == "RCPT":
            if not self.sender:
                return b"503 no MAIL\r\n"
            self.recipient = line.partition("<")[2].rstrip(">") if code == 250 else ""
            return f"{code} x\r\n".encode()
        if not self.recipient:
            return b"503 no RCPT\r\n"
        self.in_data = code == 250
        return b"354 go\r\n" if code == 250 else f"{code} x\r\n".encode()

    def dot(self) -> bytes:
        self.in_data = False
        code = next(self.answers)
        if code == 250:
            self.taken.append(self.recipient)
        self.sender = self.recipient = ""
        return f"{code} x\r\n".encode()


def answers(codes: list[int]) -> Iterator[int]:
    yield from codes
    while True:
        yield 250


def pieces(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    for cut in cuts:
        size = cut % (len(data) + 1)
        yield data[:size]
        data = data[size:]
    yield data


CODES = st.lists(st.sampled_from([250, 250, 250, 450, 550]), max_size=30)


@given(codes=CODES, cuts=st.lists(st.integers(0, 60), max_size=4), count=st.integers(1, 8), pipelining=st.booleans())
def test_every_message_has_the_result_that_the_server_gave(
    codes: list[int], cuts: list[int], count: int, pipelining: bool
) -> None:
    server, dialogue = Server(answers(codes)), Dialogue(pipelining=pipelining)
    source, results = [message(n) for n in range(count)], []
    while source or not dialogue.is_idle:
        out = b""
        while source and dialogue.wants_message:
            out += dialogue.offer(source.pop(0))
        for piece in pieces(server.receive(out), cuts):
            written, more = dialogue.receive(piece)
            dialogue.handed_over()
            results += more
            answered = server.receive(written)
            while answered:
                written, more = dialogue.receive(answered)
                dialogue.handed_over()
                results += more
                answered = server.receive(written)
    assert sorted(result.message.id for result in results) == list(range(count))
    assert [one.message.recipient for one in results if one.status == "accepted"] == server.taken
    assert {one.status for one in results} <= {"accepted", "refused"}


@given(codes=CODES, steps=st.integers(0, 40), count=st.integers(1, 6), pipelining=st.booleans(), handed=st.booleans())
def test_a_break_anywhere_leaves_one_in_doubt_at_most(
    codes: list[int], steps: int, count: int, pipelining: bool, handed: bool
) -> None:
    server, dialogue = Server(answers(codes)), Dialogue(pipelining=pipelining)
    source, results, offered = [message(n) for n in range(count)], [], 0
    answered = b""
    for _ in range(steps):
        out = b""
        while source and dialogue.wants_message:
            out += dialogue.offer(source.pop(0))
            offered += 1
        answered += server.receive(out)
        piece, answered = answered[:7], answered[7:]
        written, more = dialogue.receive(piece)
        if handed:
            dialogue.handed_over()
        results += more
        answered += server.receive(written)
    results += dialogue.end()
    by_status = Counter(result.status for result in results)
    assert sorted(result.message.id for result in results) == list(range(offered))
    assert by_status["in_doubt"] <= (1 if handed else 0)
    accepted = {one.message.recipient for one in results if one.status == "accepted"}
    doubtful = {one.message.recipient for one in results if one.status in ("in_doubt", "unsent")}
    assert accepted <= set(server.taken) <= accepted | doubtful
    if handed:  # what the server took and we do not know of is in doubt, never "unsent"
        assert set(server.taken) <= accepted | {one.message.recipient for one in results if one.status == "in_doubt"}


@given(st.lists(st.binary(max_size=30), max_size=30))
def test_noise_ends_in_a_fault_and_loses_no_message(noise: list[bytes]) -> None:
    dialogue = Dialogue(pipelining=True)
    results: list[Result] = []
    dialogue.offer(message(1))
    dialogue.offer(message(2))
    try:
        for data in noise:
            results += dialogue.receive(data)[1]
    except ProtocolFault:
        pass
    results += dialogue.end()
    assert sorted(result.message.id for result in results) == [1, 2]


# --- addresses and bodies ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "a@b.c> AUTH=<",
        "a@b.c>\r\nRCPT TO:<evil@x.example",
        "a@b.c, d@e.f",
        '"a b"@c.d',
        "a@b.c\n",
        "a@b.c\0",
        " a@b.c",
        "<a@b.c>",
        "a@[127.0.0.1]",
        "ä@b.c",
        "a@ä.c",
        "a..b@c.d",
        "@b.c",
        "a@",
        "",
        "x" * 65 + "@b.c",
        "a@" + "b" * 260 + ".c",
        "@relay:a@b.c",
    ],
)
def test_t19_an_address_carries_nothing_but_an_address(address: str) -> None:
    with pytest.raises(InputError):
        check_envelope(address)
    with pytest.raises(InputError):
        Dialogue(pipelining=True).offer(Outgoing(1, address, "a@b.example", b"x\r\n"))
    with pytest.raises(InputError):
        Dialogue(pipelining=True).offer(Outgoing(1, "a@b.example", address, b"x\r\n"))


@pytest.mark.parametrize(
    "address", ["a@b.example", "a+b=c/d@b.c", "x" * 64 + "@b-c.example", "o'neil@xn--bcher-kva.example"]
)
def test_plain_addresses_may_be_written(address: str) -> None:
    assert check_envelope(address) == address


@pytest.mark.parametrize("body", [b"a\nb\r\n", b"a\r.\r\n", b"a\n.\r\n", b"\n.\n", b"a\r\r\n", b"a", b"a\r\n.\n"])
def test_t18_a_body_that_could_end_twice_is_refused(body: bytes) -> None:
    with pytest.raises(InputError):
        make_wire(body)


@given(
    st.lists(st.text(st.characters(codec="ascii", exclude_characters="\r\n"), max_size=5) | st.just("."), min_size=1)
)
def test_a_body_comes_out_as_it_went_in(lines: list[str]) -> None:
    body = "".join(f"{line}\r\n" for line in lines).encode()
    wire = make_wire(body)
    assert b"\r\n.\r\n" not in b"\r\n" + wire
    assert b"".join(line.removeprefix(b".") for line in wire.splitlines(keepends=True)) == body


# --- replies ----------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 20), max_size=6))
def test_replies_are_whole_wherever_the_octets_are_cut(cuts: list[int]) -> None:
    data = b"250-mail.example\r\n250-SIZE 1000\r\n250 2.0.0 ok\r\n550 5.1.1 nobody\r\n"
    reader = ReplyReader()
    replies = [reply for piece in pieces(data, cuts) for reply in reader.feed(piece)]
    assert replies == [Reply(250, ("mail.example", "SIZE 1000", "2.0.0 ok")), Reply(550, ("5.1.1 nobody",))]
    assert (reader.is_empty, replies[1].enhanced, str(replies[1])) == (True, "5.1.1", "550 5.1.1 nobody")


def test_memory_stays_flat_on_a_line_without_an_end() -> None:
    reader = ReplyReader()
    for _ in range(4):
        assert list(reader.feed(b"2" * 1000)) == []
    with pytest.raises(ProtocolFault, match="longer than 4096"):
        list(reader.feed(b"2" * 1000))


def test_what_a_server_offers_is_read_in_any_case() -> None:
    offered = read_capabilities(Reply(250, ("mail", "pipelining", "Size 5000", "AUTH plain XOAUTH2", "AUTH LOGIN", "")))
    assert "PIPELINING" in offered
    assert "CHUNKING" not in offered
    assert (offered.size, offered.auth) == (5000, frozenset(("PLAIN", "XOAUTH2", "LOGIN")))
