"""The instruments are true: the sink counts what was sent, the proxy delays, every rival sends. No speed is judged here."""

import email
import email.policy
import json
import shutil
import smtplib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench import compare
from bench.proxy import DelayProxy
from bench.recorder import read_log
from bench.rivals import message
from bench.sink import Sink, build_sink, make_certificate
from newsletter.delivery.segments import compile_message

ENVELOPE = b"MAIL FROM:<a@desk.example>\r\nRCPT TO:<b@reader.example>\r\n"
BODY = b"Subject: x\r\n\r\n.\rone\r\n..two\r\n.three\r\n.. \r\n"
NO_COMPILER = "no C compiler here (or no epoll): the sink is the one in Python"


@pytest.fixture(params=["c", "python"])
def form(request: pytest.FixtureRequest) -> Any:
    if request.param == "c" and build_sink() is None:
        pytest.skip(NO_COMPILER)
    return request.param


@pytest.fixture
def sink(form: Any, tmp_path: Path) -> Iterator[Sink]:
    with Sink(form=form, chunking=True, record=tmp_path / "record", flush=True) as running:
        assert running.form == form
        yield running


class Wire:
    """A socket that can wait for a number of replies."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")

    def __enter__(self) -> "Wire":
        assert self.codes(1) == [220]
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.socket.close()

    def codes(self, count: int) -> list[int]:
        found: list[int] = []
        while len(found) < count:
            line = self.file.readline()
            assert line.endswith(b"\r\n"), f"the connection ended after {found}"
            found += [int(line[:3])] if line[3:4] == b" " else []
        return found

    def say(self, octets: bytes, replies: int) -> list[int]:
        self.socket.sendall(octets)
        return self.codes(replies)


# --- the sink -----------------------------------------------------------------------------------------------------


def test_the_sink_counts_what_smtplib_sends(sink: Sink, tmp_path: Path) -> None:
    with smtplib.SMTP("127.0.0.1", sink.port, "localhost") as client:
        client.ehlo()
        offered = {name for name in ("pipelining", "size", "8bitmime", "chunking") if client.has_extn(name)}
        assert offered == {"pipelining", "size", "8bitmime", "chunking"}
        for number in range(20):
            text = f"Subject: {number}\r\n\r\n" + ".\r\n..\r\n.x\r\n" * number + "y" * 5_000 * number
            assert client.sendmail("a@desk.example", [f"reader{number}@r.example"], text.encode()) == {}
    assert sink.stop() == 20
    assert (tmp_path / "record").read_text().split() == [f"reader{number}@r.example" for number in range(20)]


def test_a_recipient_is_on_record_before_its_250(sink: Sink, tmp_path: Path) -> None:
    with Wire(sink.port) as wire:
        wire.say(ENVELOPE + b"DATA\r\n", 3)
        assert (tmp_path / "record").read_text() == ""
        wire.say(BODY + b".\r\n", 1)
        assert (tmp_path / "record").read_text() == "b@reader.example\n"


def test_commands_and_bodies_may_be_cut_anywhere(sink: Sink) -> None:
    transaction = ENVELOPE + b"DATA\r\n" + BODY + b".\r\n" + ENVELOPE + b"BDAT 5\r\n\r\n.\r\nBDAT 3 LAST\r\n.\r\n"
    replies = [250, 250, 354, 250, 250, 250, 250, 250]
    with Wire(sink.port) as wire:
        for octet in transaction:
            wire.socket.sendall(bytes([octet]))
        assert wire.codes(len(replies)) == replies
        for cut in range(1, len(transaction)):
            wire.socket.sendall(transaction[:cut])
            if cut % 8 == 0:  # so that the two halves seldom come in one read
                time.sleep(0.001)
            assert wire.say(transaction[cut:], len(replies)) == replies
    assert sink.stop() == 2 * len(transaction)


@pytest.mark.parametrize("body", [b"", b"\r\n", BODY, b"." + b"x" * 300_000 + b"\r\n" + BODY], ids=len)
def test_a_pipelined_burst_is_answered_command_by_command(sink: Sink, body: bytes) -> None:
    count = 200 if len(body) < 1_000 else 30
    burst = (ENVELOPE + b"DATA\r\n" + body + b".\r\n") * count
    with Wire(sink.port) as wire:
        writer = threading.Thread(target=wire.socket.sendall, args=(burst + b"NOOP\r\nRSET\r\nQUIT\r\n",))
        writer.start()
        assert wire.codes(4 * count + 3) == [250, 250, 354, 250] * count + [250, 250, 221]
        writer.join()
        assert wire.file.read() == b"", "the sink hangs up after QUIT"
    assert sink.stop() == count


def test_a_client_that_does_not_read_yet_loses_no_reply(sink: Sink) -> None:
    count = 20_000
    with Wire(sink.port) as wire:
        writer = threading.Thread(target=wire.socket.sendall, args=(b"NOOP\r\n" * count,))
        writer.start()
        time.sleep(0.05)  # the replies pile up; how far does not matter
        assert wire.codes(count) == [250] * count
        writer.join()


@pytest.mark.parametrize(
    ("commands", "replies"),
    [
        (b"RCPT TO:<a@b.c>\r\n", [503]),
        (b"MAIL FROM:<a@b.c>\r\nDATA\r\n", [250, 503]),
        (b"MAIL FROM:<a@b.c>\r\nMAIL FROM:<a@b.c>\r\n", [250, 503]),
        (b"MAIL FROM:<a@b.c>\r\nRCPT TO:<>\r\n", [250, 501]),
        (b"MAIL FROM:<a@b.c>\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", [250, 503, 250]),
        (ENVELOPE + b"RSET\r\nDATA\r\n", [250, 250, 250, 503]),
        (b"NOOP\nNOOP\r\n", [500, 250]),
        (b"HELLO?\r\n", [500]),
    ],
)
def test_what_is_out_of_order_is_refused_and_not_counted(sink: Sink, commands: bytes, replies: list[int]) -> None:
    with Wire(sink.port) as wire:
        assert wire.say(commands, len(replies)) == replies
    assert sink.stop() == 0


def test_without_chunking_there_is_no_bdat(form: Any) -> None:
    with Sink(form=form) as sink, Wire(sink.port) as wire:
        wire.socket.sendall(b"EHLO x\r\n")
        lines = [wire.file.readline() for _ in range(4)]
        assert lines == [b"250-sink\r\n", b"250-PIPELINING\r\n", b"250-SIZE 52428800\r\n", b"250 8BITMIME\r\n"]
        assert wire.say(ENVELOPE + b"BDAT 3 LAST\r\n", 3) == [250, 250, 501]


def test_a_changed_source_is_built_anew(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if build_sink() is None:
        pytest.skip(NO_COMPILER)
    source = tmp_path / "sink.c"
    shutil.copy(root / "bench/sink.c", source)
    monkeypatch.setattr("bench.sink.SOURCE", source)
    monkeypatch.setattr("bench.sink.CACHE", tmp_path / "cache")
    first = build_sink()
    assert first is not None
    assert first == build_sink()
    source.write_text("int main(void) { return 0; }\n")
    assert first != build_sink()
    source.write_text("int main(void) { return 0 }\n")
    with pytest.raises(RuntimeError, match="expected"):
        build_sink()


def test_without_a_compiler_the_sink_is_the_one_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.sink.shutil.which", lambda name: None)
    assert build_sink() is None
    assert Sink().form == "python"
    with pytest.raises(RuntimeError, match="compiler"):
        Sink(form="c")


# --- the way there ------------------------------------------------------------------------------------------------


def test_over_the_proxy_every_reply_takes_a_round_trip_longer() -> None:
    rtt_s, asked = 0.05, 4
    with Sink() as sink, DelayProxy(sink.port, rtt_s) as proxy:
        took = {}
        for port in (sink.port, proxy.port):
            with Wire(port) as wire:
                started = time.perf_counter()
                for _ in range(asked):
                    assert wire.say(b"NOOP\r\n", 1) == [250]
                took[port] = time.perf_counter() - started
        assert took[proxy.port] >= asked * rtt_s


def test_the_proxy_keeps_the_order_and_delays_a_burst_as_one() -> None:
    count, rtt_s = 5_000, 0.05
    with Sink() as sink, DelayProxy(sink.port, rtt_s) as proxy, Wire(proxy.port) as wire:
        started = time.perf_counter()
        writer = threading.Thread(target=wire.socket.sendall, args=((b"NOOP\r\nHELLO?\r\n" * count) + b"QUIT\r\n",))
        writer.start()
        assert wire.codes(2 * count + 1) == [250, 500] * count + [221]
        assert time.perf_counter() - started < rtt_s * count, "each reply waited for the one before it"
        writer.join()
        assert wire.file.read() == b"", "that the server hung up comes through"


def test_the_proxy_hangs_up_where_no_server_is() -> None:
    with Sink() as sink:
        port = sink.port
    with DelayProxy(port, 0.01) as proxy, socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as wire:
        assert wire.recv(1) == b""


# --- the rivals ---------------------------------------------------------------------------------------------------


def test_the_message_is_forty_kilobytes_with_five_places_per_reader() -> None:
    segments = compile_message(message.write_template(7), tokens=message.TOKENS, addresses=message.ADDRESSES)
    assert len(segments.slots) == 5
    first, second = message.write_messages(7, 2)
    assert 39_000 < len(first) < 41_500
    assert len(first) == len(second)
    assert first != second
    assert message.write_messages(7, 1) == [first], "the same seed makes the same bytes"
    parsed = email.message_from_bytes(first, policy=email.policy.default)
    assert parsed["To"] == "reader0@r.example.org"
    sizes = [len(part.get_payload(decode=True)) for part in parsed.walk() if not part.is_multipart()]
    assert 8_000 < sizes[0] < 10_000
    assert 26_000 < sizes[1] < 30_000


@pytest.mark.parametrize("name", ["smtplib_alone", "aiosmtplib_alone", "typical", "naive"])
def test_each_rival_sends_every_message_once(name: str) -> None:
    measurement = compare.against_sink(compare.rival(name, 5, connections=2), 5)()
    assert measurement.sent == 5
    assert measurement.cpu_us > 0
    assert measurement.seconds > 0


@pytest.mark.parametrize("name", ["smtplib_alone", "aiosmtplib_alone"])
def test_rivals_send_over_tls(name: str, tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    send = compare.rival(name, 5, connections=2, tls_ca=certificate.ca)
    assert compare.against_sink(send, 5, tls=certificate)().sent == 5


def test_rivals_send_over_a_longer_way() -> None:
    measurement = compare.against_sink(compare.rival("smtplib_alone", 2), 2, rtt_s=0.01)()
    assert measurement.seconds >= 2 * 4 * 0.01, "four round trips a message"


def test_a_rival_prints_one_line(root: Path) -> None:
    command = [sys.executable, "-m", "bench.rivals.typical", "--count", "2", "--seed", "8"]
    with Sink() as sink:
        done = subprocess.run(
            [*command, "--port", str(sink.port)], cwd=root, capture_output=True, text=True, check=True
        )
        assert sink.stop() == 2
    assert json.loads(done.stdout).keys() == {"sent", "cpu_us", "seconds", "connections"}


# --- comparing ----------------------------------------------------------------------------------------------------


def measurement(cpu_us: float, seconds: float = 1.0) -> compare.Measurement:
    return compare.Measurement(sent=100, cpu_us=cpu_us, seconds=seconds)


def test_a_run_that_the_sink_counted_otherwise_is_void() -> None:
    def send_one_and_say_two(port: int) -> compare.Measurement:
        with Wire(port) as wire:
            wire.say(ENVELOPE + b"DATA\r\n" + BODY + b".\r\n", 4)
        return compare.Measurement(sent=2, cpu_us=1.0, seconds=1.0)

    with pytest.raises(compare.VoidRun, match="2 sent, 1 counted"):
        compare.against_sink(send_one_and_say_two, 2)()


def test_a_rival_that_fails_makes_a_void_run() -> None:
    with pytest.raises(compare.VoidRun, match="ended with 3"):
        compare.run_script([sys.executable, "-c", "raise SystemExit(3)"])


def test_rounds_take_the_candidates_in_turn() -> None:
    order: list[str] = []

    def candidate(name: str) -> compare.Candidate:
        def measure() -> compare.Measurement:
            order.append(name)
            return measurement(len(order))

        return measure

    results = compare.rounds({"ours": candidate("ours"), "theirs": candidate("theirs")}, 3)
    assert order == ["ours", "theirs"] * 3
    assert compare.cpu_us(results["ours"]) == compare.Spread(3, 1, 5)


def test_ratios_are_taken_round_by_round() -> None:
    ours, theirs = [measurement(10), measurement(100, 10.0)], [measurement(50), measurement(900, 40.0)]
    assert compare.cpu_ratio(theirs, ours) == compare.Spread(7, 5, 9)
    assert compare.rate_ratio(ours, theirs) == compare.Spread(2.5, 1, 4)


def test_the_table_has_a_line_for_each_candidate() -> None:
    lines = compare.table({"ours": [measurement(10)], "theirs": [measurement(1_234), measurement(1_236)]}).splitlines()
    assert len(lines) == 3
    assert "10.0 (10.0–10.0)" in lines[1]
    assert "1,235 (1,234–1,236)" in lines[2]


def test_a_floor_is_met_from_its_limit_upwards() -> None:
    assert compare.Floor("times smtplib", 10, 10).met
    assert not compare.Floor("times smtplib", 9.9, 10).met
    assert "at least 10" in str(compare.Floor("times smtplib", 9.9, 10))


def test_a_line_that_is_being_written_is_no_copy_yet(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("1.5\ta@example.org\t<1@example.org>\tabc\n2.5\tb@example.org\t<2@exam")
    assert [copy.address for copy in read_log(log)] == ["a@example.org"]
