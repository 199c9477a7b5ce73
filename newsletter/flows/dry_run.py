"""Writes what would be sent as files, for looking at: nothing is frozen, and nothing leaves."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from newsletter.config import Config
from newsletter.delivery.composer import Composer
from newsletter.flows.build import Rendered
from newsletter.flows.freeze import choose_sections, write_variant
from newsletter.flows.relays import claim_of_nobody, compose_for_nobody
from newsletter.store import issues
from newsletter.store.database import Store
from newsletter.store.recipients import count_readers, list_recipients, list_waiting
from newsletter.workspace.files import Workspace

DRY_RUN_LIMIT = 200


def count_dry_run(store: Store, rendered: Rendered, now: datetime) -> int:
    """How many `send` would mail now: all who get the issue, or those who wait for it if it is frozen."""
    frozen = issues.find_issue(store, rendered.issue.slug)
    if frozen:
        return sum(1 for _ in list_waiting(store, frozen.id))
    return sum(count_readers(store, choose_sections(rendered), now).values())


def write_dry_run(
    workspace: Workspace, config: Config, store: Store, rendered: Rendered, now: datetime
) -> Iterator[str]:
    """What `send` would send, as .eml files in build/<slug>/outbox; nothing is frozen. Gives their paths, 200 at most.

    Of an issue that is frozen it is what was frozen, for those who wait for it.
    """
    frozen = issues.find_issue(store, rendered.issue.slug)
    if frozen:
        moment = datetime.fromisoformat(frozen.frozen_at)
        messages = issues.read_variants(store, frozen)
        readers = list_waiting(store, frozen.id)
    else:
        moment = now.replace(microsecond=0)
        messages = {}
        readers = list_recipients(store, choose_sections(rendered), now)
    outbox = f"build/{rendered.issue.slug}/outbox"
    workspace.empty(outbox)  # of who left or was erased since the last one no mail may stay
    composers: dict[int | str, Composer] = {}
    for number, (row, variant) in enumerate(islice(readers, DRY_RUN_LIMIT), 1):
        if variant not in composers:
            message = messages[variant] if frozen else write_variant(rendered, config, variant, moment)
            composers[variant] = compose_for_nobody(workspace, config, message, moment)
        path = f"{outbox}/{number:06}.eml"
        workspace.write(path, composers[variant].write(claim_of_nobody(row.address)).plain, private=True)
        yield path
