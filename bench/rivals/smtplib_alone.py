"""The standard library's smtplib with nothing to do but send: finished bytes, one thread and one connection each."""

import smtplib
import sys
from concurrent.futures import ThreadPoolExecutor

from bench.rivals.message import SENDER, make_reader, write_messages
from bench.rivals.race import POOL, Options, Stopwatch, read_options


def main(arguments: list[str]) -> int:
    """Connect and greet first; then the clock runs."""
    options = read_options("smtplib_alone", arguments)
    messages = write_messages(options.seed, min(options.count, POOL))
    recipients = [make_reader(number).address for number in range(options.count)]
    clients = [connect(options) for _ in range(options.connections)]

    def send_share(first: int) -> int:
        client, sent = clients[first], 0
        for number in range(first, options.count, options.connections):
            client.sendmail(SENDER, [recipients[number]], messages[number % POOL])
            sent += 1
        return sent

    with ThreadPoolExecutor(options.connections) as threads, Stopwatch() as watch:
        sent = sum(threads.map(send_share, range(options.connections)))
    for client in clients:
        client.quit()
    watch.report(sent, options.connections)
    return 0


def connect(options: Options) -> smtplib.SMTP:
    """A client that is greeted."""
    context = options.tls
    client = (
        smtplib.SMTP_SSL("127.0.0.1", options.port, "localhost", context=context)
        if context
        else smtplib.SMTP("127.0.0.1", options.port, "localhost")
    )
    client.ehlo()
    return client


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
