"""The dialogue without a socket: octets in any pieces, breaks anywhere; every message gets one result, and the right one."""

from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.dialogue import Dialogue, Mode, Outgoing, Phase, Result, TooLate, check_envelope, make_wire
from newsletter.delivery.envelope import Extensions, undo_wire
from newsletter.delivery.replies import ProtocolFault, Reply, ReplyReader, read_capabilities
from newsletter.delivery.scopes import judge
from newsletter.delivery.segments import compile_message
from newsletter.errors import InputError


def message(number: int) -> Outgoing:
    return Outgoing(number, "b@desk.example", f"r{number}@example.org", b"Subject: x\r\n\r\nMAIL FROM:<evil>\r\n")


class ListFeed:
    """Messages from a list, results into a list, one each."""

    def __init__(self, messages: list[Outgoing]) -> None:
        self.messages = messages
        self.taken: list[int] = []
        self.results: list[Result] = []

    def take(self) -> Outgoing | None:
        if not self.messages:
            return None
        self.taken.append(self.messages[0].id)
        return self.messages.pop(0)

    def done(self, result: Result) -> None:
        assert result.message.id in self.taken
        assert result.message.id not in [one.message.id for one in self.results]
        self.results.append(result)

    def accepted(self) -> list[str]:
        return [one.message.recipient for one in self.results if one.status == "accepted"]

    def refused(self) -> set[str]:
        return {one.message.recipient for one in self.results if one.status == "refused"}

    def by_id(self) -> list[tuple[int, str, str]]:
        return sorted((one.message.id, one.status, str(one.phase)) for one in self.results)


class Server:
    """A correct and strict server as a function: octets in, replies out; `answers` says what each command gets, in order.

    `refused` are those of whom some command was refused. After a 421 it looks at nothing any more.
    """

    def __init__(self, answers: Iterator[int]) -> None:
        self.answers = answers
        self.buffer = b""
        self.sender = self.recipient = ""
        self.in_data = False
        self.over = False
        self.chunk = -1
        self.taken: list[str] = []
        self.refused: set[str] = set()
        self.replies: list[bytes] = []

    def receive(self, data: bytes) -> bytes:
        self.buffer += data
        out = b""
        while not self.over and (reply := self.step()) is not None:
            out += reply
            self.replies += [reply] if reply else []
            self.over = reply.startswith(b"421")
        return out

    def step(self) -> bytes | None:
        if self.chunk >= 0:
            if len(self.buffer) < self.chunk:
                return None
            self.buffer, self.chunk = self.buffer[self.chunk :], -1
            return self.end_chunk()
        if b"\r\n" not in self.buffer:
            return None
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return self.line(line.decode())

    def line(self, line: str) -> bytes:
        if self.in_data:
            return self.dot() if line == "." else b""
        verb, _, argument = line.partition(" ")
        if verb == "BDAT":
            self.chunk = int(argument.split()[0])
            return b""
        code = next(self.answers)
        if verb == "RSET":
            self.sender = self.recipient = ""
            return b"250 ok\r\n"
        if verb == "MAIL":
            if code == 250 and self.sender:
                return b"503 nested\r\n"
            self.sender = line if code == 250 else self.sender
            return f"{code} x\r\n".encode()
        if verb == "RCPT":
            if not self.sender:
                return b"503 no MAIL\r\n"
            name = line.partition("<")[2].partition(">")[0]
            self.recipient = name if code == 250 else ""
            self.refused |= set() if code == 250 else {name}
            return f"{code} x\r\n".encode()
        if not self.recipient:
            return b"503 no RCPT\r\n"
        self.in_data = code == 250
        self.refused |= set() if code == 250 else {self.recipient}
        return b"354 go\r\n" if code == 250 else f"{code} x\r\n".encode()

    def dot(self) -> bytes:
        self.in_data = False
        reply = self.end()
        self.sender = self.recipient = ""
        return reply

    def end_chunk(self) -> bytes:
        """What fails leaves the envelope as it is: the next MAIL is nested, unless RSET comes before it."""
        if not self.recipient:
            return b"503 no RCPT\r\n"
        reply = self.end()
        if reply.startswith(b"250"):
            self.sender = self.recipient = ""
        return reply

    def end(self) -> bytes:
        code = next(self.answers)
        if code == 250:
            self.taken.append(self.recipient)
        else:
            self.refused.add(self.recipient)
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
MODES = st.sampled_from(Mode)
WINDOWS = st.integers(1, 8)


def begin(count: int, mode: Mode, window: int = 8, **options: object) -> tuple[ListFeed, Dialogue]:
    feed = ListFeed([message(n) for n in range(count)])
    return feed, Dialogue(feed, mode, window=window, **options)  # type: ignore[arg-type]


@given(codes=CODES, cuts=st.lists(st.integers(0, 60), max_size=4), count=st.integers(1, 8), mode=MODES, window=WINDOWS)
def test_every_message_has_the_result_that_the_server_gave(
    codes: list[int], cuts: list[int], count: int, mode: Mode, window: int
) -> None:
    server, (feed, dialogue) = Server(answers(codes)), begin(count, mode, window)
    replies = server.receive(b"".join(dialogue.receive(b"")))
    while replies:
        written = b""
        for piece in pieces(replies, cuts):
            written += b"".join(dialogue.receive(piece))
            dialogue.handed_over()
        replies = server.receive(written)
    assert dialogue.is_idle
    assert feed.taken == list(range(count))
    assert feed.accepted() == server.taken
    assert len(feed.results) == count
    assert {one.status for one in feed.results} <= {"accepted", "refused"}
    assert server.refused <= feed.refused()  # the others were refused at MAIL, before the server knew their names


@given(
    codes=CODES,
    steps=st.integers(0, 40),
    size=st.integers(1, 30),
    count=st.integers(1, 12),
    mode=MODES,
    window=WINDOWS,
    handed=st.booleans(),
    careful=st.booleans(),
)
def test_a_break_anywhere_leaves_no_more_in_doubt_than_the_window(
    codes: list[int], steps: int, size: int, count: int, mode: Mode, window: int, handed: bool, careful: bool
) -> None:
    server, (feed, dialogue) = Server(answers(codes)), begin(count, mode, window)
    dialogue.careful = careful
    answered = b""
    for _ in range(steps):
        piece, answered = answered[:size], answered[size:]
        written = b"".join(dialogue.receive(piece))
        if handed:
            dialogue.handed_over()
        answered += server.receive(written)
    dialogue.end()
    by_status = Counter(result.status for result in feed.results)
    assert sorted(result.message.id for result in feed.results) == feed.taken
    assert by_status["in_doubt"] <= ((window if mode is Mode.CHUNKING else 1) if handed else 0)
    accepted = set(feed.accepted())
    doubtful = {one.message.recipient for one in feed.results if one.status in ("in_doubt", "unsent")}
    assert accepted <= set(server.taken) <= accepted | doubtful
    if handed:  # what the server took and we do not know of is in doubt, never "unsent"
        in_doubt = {one.message.recipient for one in feed.results if one.status == "in_doubt"}
        assert set(server.taken) <= accepted | in_doubt


@given(codes=st.lists(st.sampled_from([250] * 6 + [450, 550, 421]), max_size=40), count=st.integers(1, 12), mode=MODES)
def test_a_421_says_of_those_behind_it_that_they_were_not_taken(codes: list[int], count: int, mode: Mode) -> None:
    server, (feed, dialogue) = Server(answers(codes)), begin(count, mode)
    replies = server.receive(b"".join(dialogue.receive(b"")))
    while replies:
        written = b"".join(dialogue.receive(replies))
        dialogue.handed_over()
        replies = server.receive(written)
    dialogue.end()
    assert feed.accepted() == server.taken
    assert {one.status for one in feed.results} <= {"accepted", "refused", "unsent"}
    assert sorted(one.message.id for one in feed.results) == feed.taken


@given(
    codes=st.lists(st.sampled_from([250, 250, 250, 250, 450, 550]), max_size=40),
    count=st.integers(1, 8),
    mode=st.sampled_from([Mode.PIPELINING, Mode.CHUNKING]),
    swallowed=st.integers(0, 40),
)
def test_f36_a_swallowed_reply_gives_nobody_the_reply_of_another(
    codes: list[int], count: int, mode: Mode, swallowed: int
) -> None:
    """Any reply but that to the last octet, which nothing could make good."""
    server, (feed, dialogue) = Server(answers(codes)), begin(count, mode)
    replies, number = [b""], 0
    try:
        while replies:
            written = b""
            for reply in replies:
                dots = sum(1 for what, one in list(dialogue._expected)[:1] if what is Phase.DOT and one)
                number += bool(reply) and not dots
                if dots or not reply or number != swallowed + 1:
                    written += b"".join(dialogue.receive(reply))
                    dialogue.handed_over()
            before = len(server.replies)
            server.receive(written)
            replies = server.replies[before:]
    except ProtocolFault:
        pass
    dialogue.end(lost_count=True)  # a fault, or the silence in which a swallowed reply ends
    assert sorted(one.message.id for one in feed.results) == feed.taken
    assert set(feed.accepted()) <= set(server.taken)
    in_doubt = {one.message.recipient for one in feed.results if one.status == "in_doubt"}
    assert set(server.taken) <= set(feed.accepted()) | in_doubt


@given(st.lists(st.binary(max_size=30), max_size=30), MODES)
def test_noise_ends_in_a_fault_and_loses_no_message(noise: list[bytes], mode: Mode) -> None:
    feed, dialogue = begin(4, mode)
    try:
        for data in [b"", *noise]:
            dialogue.receive(data)
    except ProtocolFault:
        pass
    dialogue.end()
    assert sorted(one.message.id for one in feed.results) == feed.taken


# --- chunks -----------------------------------------------------------------------------------------------------------

ENVELOPE = b"MAIL FROM:<b@desk.example>\r\nRCPT TO:<r%d@example.org>\r\n"
BODY = message(0).data


def say(dialogue: Dialogue, *replies: int) -> bytes:
    return b"".join(dialogue.receive(b"".join(b"%d x\r\n" % code for code in replies)))


def test_chunks_are_one_write_each_and_no_more_than_the_window() -> None:
    feed, dialogue = begin(9, Mode.CHUNKING, 3)
    assert say(dialogue) == ENVELOPE % 0  # carefully: nobody knows yet whether this server wants our mail
    first = say(dialogue, 250, 250)
    chunk = b"BDAT %d LAST\r\n" % len(BODY) + BODY
    assert first == chunk + b"".join(b"RSET\r\n" + ENVELOPE % n + chunk for n in (1, 2))
    assert say(dialogue, 250) == b"RSET\r\n" + ENVELOPE % 3 + chunk
    assert say(dialogue, 250, 250, 250) == b""
    dialogue.handed_over()
    dialogue.end()
    assert feed.by_id() == [(0, "accepted", "reply")] + [(n, "in_doubt", "reply") for n in (1, 2, 3)]


@pytest.mark.parametrize("codes", [(550, 503, 503), (250, 550, 503), (250, 550, 554), (450, 503, 503)])
def test_a_refused_envelope_is_borne_out_by_its_chunk(codes: tuple[int, ...]) -> None:
    feed, dialogue = begin(3, Mode.CHUNKING)
    dialogue.careful = False
    say(dialogue)
    assert say(dialogue, *codes[:-1]) == b""
    assert feed.results == []
    assert say(dialogue, codes[-1], 250, 250, 250, 250) == b""
    assert [(one.message.id, one.status, one.reply and one.reply.code) for one in feed.results] == [
        (0, "refused", next(code for code in codes if code != 250)),
        (1, "accepted", 250),
    ]


@pytest.mark.parametrize(
    "codes",
    [(250, 550, 250), (550, 250, 250), (250, 550, 354), (250, 250, 503), (250, 250, 500), (250, 250, 550, 500)],
)
def test_f36_a_server_that_loses_count_of_chunks_is_not_believed(codes: tuple[int, ...]) -> None:
    feed, dialogue = begin(2, Mode.CHUNKING)
    dialogue.careful = False
    say(dialogue)
    dialogue.handed_over()
    with pytest.raises(ProtocolFault):
        say(dialogue, *codes)
    dialogue.end()
    assert [status for _, status, _ in feed.by_id()][-1] == "in_doubt"
    assert "accepted" not in [status for _, status, _ in feed.by_id()]


def test_a_250_to_data_is_not_taken_for_a_go_ahead() -> None:
    feed, dialogue = begin(1, Mode.PIPELINING)
    say(dialogue)
    with pytest.raises(ProtocolFault, match="250 in answer to data"):
        say(dialogue, 250, 250, 250)
    dialogue.end()
    assert feed.by_id() == [(0, "unsent", "data")]


def test_nothing_stuffed_goes_into_a_chunk() -> None:
    plain = b".a\r\n..b\r\n.\r\nc\r\n"
    feed = ListFeed([Outgoing(1, "b@desk.example", "r@example.org", make_wire(plain))])
    dialogue = Dialogue(feed, Mode.CHUNKING)
    dialogue.careful = False
    assert say(dialogue).endswith(b"BDAT %d LAST\r\n" % len(plain) + plain)


def talk(dialogue: Dialogue, server: Server, replies: bytes) -> None:
    while replies:
        replies = server.receive(b"".join(dialogue.receive(replies)))


@pytest.mark.parametrize(("line", "stuffed"), [(b"a.\r\n", False), (b".a\r\n", True)])
def test_segments_know_whether_a_dot_was_stuffed(line: bytes, stuffed: bool) -> None:
    segments = compile_message(b"Subject: x\r\n\r\n" + line, tokens=frozenset(), addresses=frozenset())
    one = Outgoing(1, "b@desk.example", "r@example.org", segments.fill({}), stuffed=segments.stuffed)
    assert (segments.stuffed, one.plain) == (stuffed, b"Subject: x\r\n\r\n" + line)


@given(
    st.lists(
        st.sampled_from([b"250 ok\r\n", b"250-a\r\n250 b\r\n", b"354 x\r\n", b"550 x\r\n", b"421 x\r\n"]), max_size=20
    ),
    MODES,
    st.booleans(),
)
def test_the_short_way_of_counting_comes_to_the_same(replies: list[bytes], mode: Mode, careful: bool) -> None:
    def outcome(reply_of: Callable[[bytes], bytes]) -> tuple[bytes, list[tuple[int, str, str]], str]:
        (feed, dialogue), out = begin(5, mode), b""
        dialogue.careful = careful
        try:
            for data in (b"", *replies):
                out += b"".join(dialogue.receive(reply_of(data)))
                dialogue.handed_over()
        except ProtocolFault as fault:
            out += str(fault).encode()
        dialogue.end()
        return out, feed.by_id(), str(dialogue.is_over)

    assert outcome(lambda data: data) == outcome(
        lambda data: data.replace(b"\r\n", b"\n")
    )  # which the short way leaves


@pytest.mark.parametrize("mode", Mode)
def test_f6_after_its_time_no_last_octet_is_written(mode: Mode) -> None:
    now = 100.0
    feed, dialogue = begin(2, mode, clock=lambda: now)
    server = Server(answers([]))
    dialogue.not_after = 100.5
    replies = server.receive(b"".join(dialogue.receive(b"")))
    now = 101.0
    with pytest.raises(TooLate):
        talk(dialogue, server, replies)
    dialogue.handed_over()
    dialogue.end()
    assert server.taken == []
    assert {one.status for one in feed.results} == {"unsent"}


# --- envelopes --------------------------------------------------------------------------------------------------------


def written(one: Outgoing, offered: Extensions) -> tuple[bytes, list[Result]]:
    feed = ListFeed([one])
    return b"".join(Dialogue(feed, Mode.PIPELINING, offered=offered).receive(b"")), feed.results


def test_a_size_that_is_offered_is_told() -> None:
    assert written(message(1), Extensions(size=0))[0].startswith(b"MAIL FROM:<b@desk.example> SIZE=%d\r\n" % len(BODY))


def test_f39_a_message_that_is_too_large_is_not_tried() -> None:
    out, results = written(message(1), Extensions(size=len(BODY) - 1))
    assert out == b""
    assert [(one.status, judge(one).scope, judge(one).label, judge(one).permanent) for one in results] == [
        ("refused", "message", "size", True)
    ]
    stuffed = Outgoing(1, "b@desk.example", "r@example.org", make_wire(b".\r\n" * 10))
    assert written(stuffed, Extensions(size=30))[1] == []


def test_f39_an_address_that_is_not_ascii_goes_where_it_may() -> None:
    one = Outgoing(1, "b@desk.example", "žluť@example.org", BODY)
    out, _ = written(one, Extensions(utf8=True))
    assert out.startswith(b"MAIL FROM:<b@desk.example> SMTPUTF8\r\nRCPT TO:<" + "žluť".encode() + b"@example.org>")
    out, results = written(one, Extensions())
    assert out == b""
    assert [(one.status, judge(one).scope, judge(one).permanent) for one in results] == [("refused", "recipient", True)]
    assert results[0].reply is not None
    assert "5.6.7" in str(results[0].reply)
    assert judge(results[0]).label != "unknown"  # their address is good, it is the relay that cannot


def test_failures_come_back_with_their_message_where_dsn_is_offered() -> None:
    one = Outgoing(1, "b@desk.example", "r@example.org", BODY, envid="a+b=c d.7")
    out, _ = written(one, Extensions(dsn=True))
    assert out.splitlines()[:2] == [
        b"MAIL FROM:<b@desk.example> RET=HDRS ENVID=a+2Bb+3Dc+20d.7",
        b"RCPT TO:<r@example.org> NOTIFY=FAILURE",
    ]
    assert b"ENVID" not in written(message(1), Extensions(dsn=True))[0]


@pytest.mark.parametrize("address", ["žluť@example.org", "用户@xn--fsqu00a.example", "a.é@example.org"])
def test_addresses_beyond_ascii_may_be_written_where_they_are_understood(address: str) -> None:
    assert check_envelope(address, utf8=True) == address
    with pytest.raises(InputError):
        check_envelope(address)


@pytest.mark.parametrize(
    "address",
    [
        "ž> AUTH=<@b.c",
        "ž＞x@b.c",
        "ž＠x@b.c",
        "ž\u2028x@b.c",
        "ž\x85x@b.c",
        "ž\u00a0x@b.c",
        "ž\u202ex@b.c",
        "ž x@b.c",
        'ž"x@b.c',
        "ž..x@b.c",
        "ž,x@b.c",
        "z\u030c@b.c",
        "a@ž.c",
        "ž" * 40 + "@b.c",
        "\ud800@b.c",
        "ž\r\nDATA@b.c",
    ],
)
def test_t19_no_command_hides_in_an_address_beyond_ascii(address: str) -> None:
    with pytest.raises(InputError):
        check_envelope(address, utf8=True)
    out, results = written(Outgoing(1, "b@desk.example", address, BODY), Extensions(utf8=True))
    assert (out, [one.status for one in results]) == (b"", ["refused"])


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
    for one in (Outgoing(1, address, "a@b.example", b"x\r\n"), Outgoing(1, "a@b.example", address, b"x\r\n")):
        out, results = written(one, Extensions())
        assert (out, [result.status for result in results]) == (b"", ["refused"])


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
    assert undo_wire(wire) == body


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
