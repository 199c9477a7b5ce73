"""Sends a single message that is in no ledger, over a connection of its own."""

from datetime import datetime

from newsletter.audience.addresses import check_address
from newsletter.config import Config
from newsletter.delivery.dialogue import Result
from newsletter.delivery.loop import send_one
from newsletter.errors import Mistake, NewsletterError
from newsletter.flows.build import render_issue
from newsletter.flows.freeze import write_variant
from newsletter.flows.relays import claim_of_nobody, compose_for_nobody, make_relays
from newsletter.stopping import Arm, never_stopped
from newsletter.store.issues import ALL
from newsletter.workspace.files import Workspace

TEST_MARK = "[TEST]"


class SendFailed(NewsletterError):
    """A mail was not accepted."""


def send_test(
    workspace: Workspace,
    config: Config,
    slug: str,
    address: str,
    now: datetime,
    *,
    mark: str = TEST_MARK,
    arm: Arm = never_stopped,
) -> None:
    """One mail to look at, marked [TEST]. It is in no ledger, and its unsubscribe link is nobody's. Raises SendFailed."""
    rendered = render_issue(workspace, config, slug)
    moment = now.replace(microsecond=0)
    message = write_variant(rendered, config, ALL, moment, mark)
    result = send_single(workspace, config, message, check_address(address).typed, moment, arm)
    if result.status != "accepted":
        told = str(result.reply) if result.reply else "the connection broke"
        raise SendFailed(Mistake(code="NL095", message=f"the test mail was not accepted: {told}"))


def send_single(
    workspace: Workspace, config: Config, message: bytes, address: str, moment: datetime, arm: Arm = never_stopped
) -> Result:
    """A message that is in no ledger, to one address, over a connection of its own. Raises RelayUnavailable, Interrupted."""
    outgoing = compose_for_nobody(workspace, config, message, moment).write(claim_of_nobody(address))
    return send_one(make_relays(workspace, config)[0][0], outgoing, arm)
