"""Whether visitors of the public pages were refused lately, and by which limit."""

from collections.abc import Iterator
from datetime import timedelta

from newsletter.errors import InputError
from newsletter.flows.doctor.installation import Check, Installation, tell
from newsletter.flows.doctor.visitor_limits import VISITOR_LIMITS
from newsletter.store.database import stamp

LATELY = timedelta(days=1)


def check_limits(case: Installation) -> Iterator[Check]:
    """What `serve` has written about the limits that it applied in the last day."""
    try:
        kept = case.workspace.read_state("limits")
    except InputError as error:
        yield from tell(error, "limits")
        return
    since = stamp(case.now - LATELY)
    seen = False
    for name, limit in VISITOR_LIMITS.items():
        entry = kept.get(name)
        if not isinstance(entry, dict):
            continue
        last = str(entry.get("last", ""))
        if last < since:
            continue
        seen = True
        told = f"{name}: {limit.told}: {entry.get('times')} times, the last at {last}"
        yield Check("limits", "warning" if limit.fix else "ok", told, limit.fix)
    if not seen:
        yield Check("limits", "ok", "no visitor was refused in the last day")
