"""What is wrong with this installation, and how to mend it. Looks only: nothing is made, changed or mailed."""

from collections.abc import Iterator
from datetime import datetime

from newsletter.config import Config
from newsletter.delivery.records import Resolver, ask_dns
from newsletter.flows.doctor.database import check_database, check_sqlite, check_waiting
from newsletter.flows.doctor.installation import Check, Installation, Look, tell
from newsletter.flows.doctor.local import (
    check_disk,
    check_editions,
    check_files,
    check_python,
    check_serving,
    check_settings,
    check_time_zone,
)
from newsletter.flows.doctor.relays import check_relays, check_secrets
from newsletter.flows.doctor.remote import (
    check_alignment,
    check_clock,
    check_dkim,
    check_dkim_keys,
    check_dmarc,
    check_metrics,
    check_mx,
    check_spf,
    check_unsubscribe,
)
from newsletter.flows.doctor.visitors import check_limits
from newsletter.store.failures import StoreError
from newsletter.workspace.database import explain_fault
from newsletter.workspace.files import Workspace

__all__ = ["CHECKS", "Check", "examine"]

# What is looked at, in this order, and whether somebody else is asked for it.
CHECKS: tuple[tuple[Look, bool], ...] = (
    (check_clock, True),  # first: `now` is the moment of the call
    (check_python, False),
    (check_settings, False),
    (check_serving, False),
    (check_editions, False),
    (check_time_zone, False),
    (check_disk, False),
    (check_database, False),
    (check_sqlite, False),
    (check_waiting, False),
    (check_limits, False),
    (check_files, False),
    (check_secrets, False),
    (check_relays, True),
    (check_dkim_keys, False),
    (check_alignment, False),
    (check_mx, True),
    (check_spf, True),
    (check_dkim, True),
    (check_dmarc, True),
    (check_unsubscribe, True),
    (check_metrics, True),
)


def examine(
    workspace: Workspace, config: Config, now: datetime, *, resolver: Resolver = ask_dns, online: bool = True
) -> tuple[Check, ...]:
    """All checks, in the order of the table. Without `online` those that ask somebody else are left out."""
    case = Installation(workspace, config, now, resolver)
    looks = (look for look, needs_network in CHECKS if online or not needs_network)
    # Several looks find the same damaged database.
    return tuple(dict.fromkeys(check for look in looks for check in _look(look, case)))


def _look(look: Look, case: Installation) -> Iterator[Check]:
    """What one look finds. That it fails is a finding, too: the others are still wanted."""
    try:
        yield from look(case)
    except StoreError as error:
        yield from tell(error, "database")
    except Exception:
        if (damage := explain_fault(case.workspace, case.config)) is None:
            raise
        yield from tell(damage, "database")
