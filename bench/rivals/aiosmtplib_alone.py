"""aiosmtplib with nothing to do but send: finished bytes, many connections on one uvloop."""

import asyncio
import sys

import aiosmtplib

from bench.child import run_loop
from bench.rivals.message import SENDER, make_reader, write_messages
from bench.rivals.race import POOL, Options, Stopwatch, read_options


def main(arguments: list[str]) -> int:
    """Connect and greet first; then the clock runs."""
    run_loop(race(read_options("aiosmtplib_alone", arguments)))
    return 0


async def race(options: Options) -> None:
    """Each connection takes its share, one after the other."""
    messages = write_messages(options.seed, min(options.count, POOL))
    recipients = [make_reader(number).address for number in range(options.count)]
    clients = [await connect(options) for _ in range(options.connections)]

    async def send_share(first: int) -> int:
        client, sent = clients[first], 0
        for number in range(first, options.count, options.connections):
            await client.sendmail(SENDER, [recipients[number]], messages[number % POOL])
            sent += 1
        return sent

    with Stopwatch() as watch:
        sent = sum(await asyncio.gather(*map(send_share, range(options.connections))))
    for client in clients:
        await client.quit()
    watch.report(sent, options.connections)


async def connect(options: Options) -> aiosmtplib.SMTP:
    """A client that is greeted."""
    context = options.tls
    client = aiosmtplib.SMTP(
        hostname="127.0.0.1",
        port=options.port,
        local_hostname="localhost",
        use_tls=context is not None,
        start_tls=False,
        tls_context=context,
    )
    await client.connect()
    await client.ehlo()
    return client


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
