"""What others see of us: the records of our domain, and our pages."""

from collections.abc import Callable, Iterator
from functools import partial
from html import unescape
from urllib.parse import urlsplit

from newsletter.delivery import records
from newsletter.delivery.dkim import DkimKey, read_key
from newsletter.delivery.records import Judgement, NoAnswer
from newsletter.errors import InputError
from newsletter.flows.doctor.installation import Check, Installation, tell
from newsletter.links import unsubscribe_url
from newsletter.sources.fetch import fetch
from newsletter.sources.http_types import Request, Response, hosts

CLOCK_LIMIT_S = 60


# --- the DNS ------------------------------------------------------------------------------------------------------


def check_mx(case: Installation) -> Iterator[Check]:
    """Whether answers and bounces can arrive."""
    for domain in dict.fromkeys((case.sender, case.envelope)):
        yield _ask("mx", partial(_judge_mx, case, domain))


def _judge_mx(case: Installation, domain: str) -> Judgement:
    found = case.resolver(domain, "MX")
    has_host = not found and bool(case.resolver(domain, "A") or case.resolver(domain, "AAAA"))
    return records.judge_mx(domain, found, has_host=has_host)


def check_spf(case: Installation) -> Iterator[Check]:
    """Whether the domain of our envelopes says who may send for it."""
    yield _ask("spf", lambda: records.judge_spf(case.envelope, case.resolver(case.envelope, "TXT")))


def check_dkim_keys(case: Installation) -> Iterator[Check]:
    """Whether our private keys can be used (security T55)."""
    for _, _, found in _keys(case):
        if isinstance(found, InputError):
            yield from tell(found, "dkim")
    if not case.config.dkim:
        yield Check(
            "dkim", "ok", "no [[dkim]]: the relay signs (newsletter send ISSUE --to YOU shows in its headers if so)"
        )


def check_dkim(case: Installation) -> Iterator[Check]:
    """Whether the public halves of our keys are published."""
    for selector, domain, found in _keys(case):
        name, key = f"{selector}._domainkey.{domain}", found if isinstance(found, DkimKey) else None
        yield _ask("dkim", partial(_judge_dkim, case, name, key))


def _judge_dkim(case: Installation, name: str, key: DkimKey | None) -> Judgement:
    return records.judge_dkim(name, case.resolver(name, "TXT"), key)


def check_dmarc(case: Installation) -> Iterator[Check]:
    """Whether the domain that readers see says what to do with forged mail, and whether ours passes."""
    yield _ask("dmarc", lambda: records.judge_dmarc(case.sender, *records.find_dmarc(case.sender, case.resolver)))


def check_alignment(case: Installation) -> Iterator[Check]:
    """Whether SPF or DKIM are of the domain that readers see."""
    signers = [domain for _, domain, _ in _keys(case)]
    yield _as_check("alignment", records.judge_alignment(case.sender, case.envelope, signers))


def _keys(case: Installation) -> Iterator[tuple[str, str, DkimKey | InputError]]:
    """Selector, domain, and the key or why it cannot be used."""
    for one in case.config.dkim:
        domain = (one.domain or case.sender).lower()
        try:
            yield one.selector, domain, read_key(case.workspace.root / one.key_file, domain, one.selector)
        except InputError as error:
            yield one.selector, domain, error


def _ask(name: str, judge: Callable[[], Judgement]) -> Check:
    try:
        return _as_check(name, judge())
    except NoAnswer as error:
        return Check(name, "warning", str(error), "try again; if it stays so, look at this machine's name server")


def _as_check(name: str, judgement: Judgement) -> Check:
    return Check(name, judgement.level, judgement.detail, judgement.fix)


# --- the web ------------------------------------------------------------------------------------------------------


def check_clock(case: Installation) -> Iterator[Check]:
    """Whether this clock agrees with that of the publication's web server."""
    url = case.config.publication.url
    answer = _fetch(case, url + "/")
    if answer.server_time is None:
        told = f"cannot be compared: {url}: {answer.reason or 'does not say what time it is'}"
        yield Check("clock", "warning", told, "see that the clock is set by the network (NTP)")
        return
    wrong_s = abs((case.now - answer.server_time).total_seconds())
    if wrong_s > CLOCK_LIMIT_S:
        told = f"{wrong_s:,.0f} s away from that of {url}"
        yield Check("clock", "warning", told, "let the network set the clock (NTP): issues go out by it")
    else:
        yield Check("clock", "ok", f"agrees with that of {url}")


def check_unsubscribe(case: Installation) -> Iterator[Check]:
    """Whether a way out that we mail leads to our pages. The token is nobody's, so 404 is right if the page is ours."""
    url = case.config.publication.url
    answer = _fetch(case, unsubscribe_url(url, "x" * 32))
    ours = case.config.publication.title in unescape(answer.data.decode("utf-8", "replace"))
    where = unsubscribe_url(url, "…")
    if answer.status == 200 or (answer.status == 404 and ours):
        yield Check("unsubscribe", "ok", f"{where} leads to our pages")
        return
    why = "answers 404 with a page that is not ours" if answer.status == 404 else answer.reason or "cannot be used"
    fix = f"let newsletter serve answer at {url}: readers must be able to leave"
    yield Check("unsubscribe", "error", f"{where}: {why}", fix)


def check_metrics(case: Installation) -> Iterator[Check]:
    """Whether the numbers of the inside are kept from who asks from outside."""
    url = f"{case.config.publication.url}/metrics"
    answer = _fetch(case, url)
    if answer.status == 200 and b"newsletter_" in answer.data:
        fix = "answer it with 404 in the proxy (deploy/nginx.conf), and let the proxy set X-Forwarded-For"
        yield Check("metrics", "error", f"{url}: everybody can read the numbers of this installation", fix)
    else:
        yield Check("metrics", "ok", f"{url} tells strangers nothing")


def _fetch(case: Installation, url: str) -> Response:
    # Our own site may be on this machine, at any port: no stranger has chosen its address.
    own = urlsplit(case.config.publication.url).hostname or ""
    fetching = case.config.fetch
    return fetch(
        Request(
            url=url,
            accept="text/html",
            allow_hosts=hosts([*fetching.allow_hosts, own]),
            agent=fetching.agent,
            any_status=True,
        )
    )
