"""The script of an afternoon: per reader the whole issue through Jinja2, premailer and EmailMessage; smtplib and a commit.

One connection. It takes tens of milliseconds a message: ask for few.
"""

import sys
import tempfile
from email.message import EmailMessage
from pathlib import Path

from bench.rivals.message import BASE, SENDER, SUBJECT, render_html, render_text
from bench.rivals.race import Stopwatch, mark_sent, open_ledger, read_options
from bench.rivals.smtplib_alone import connect


def main(arguments: list[str]) -> int:
    """Ledger and connection first; then the clock runs."""
    options = read_options("naive", arguments)
    make_mail(options.seed, "nobody@r.example.org", "warm", "up").as_bytes()  # loads what is loaded at the first mail
    with tempfile.TemporaryDirectory(prefix="newsletter-bench-") as folder:
        ledger = open_ledger(Path(folder), options.count)
        rows = ledger.execute("select id, address, mail, token from subscriber where sent_at is null").fetchall()
        client, sent = connect(options), 0
        with Stopwatch() as watch:
            for number, address, mail, token in rows:
                client.send_message(make_mail(options.seed, address, mail, token))
                mark_sent(ledger, number)
                sent += 1
        client.quit()
        ledger.close()
    watch.report(sent, 1)
    return 0


def make_mail(seed: int, address: str, mail: str, token: str) -> EmailMessage:
    """One reader's message, all of it made for them."""
    message = EmailMessage()
    message["From"] = f"The week in trade <{SENDER}>"
    message["To"] = address
    message["Subject"] = SUBJECT
    message["Date"] = "Mon, 07 Jul 2025 08:00:00 +0000"
    message["Message-ID"] = f"<{mail}@desk.example.org>"
    message["List-Unsubscribe"] = f"<{BASE}/u/{token}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(render_text(seed, token))
    message.add_alternative(render_html(seed, token), subtype="html")
    return message


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
