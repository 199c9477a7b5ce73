"""The books of an issue as people read them; `send`, `status` and the levers all end with them."""

from newsletter.cli.common import Context
from newsletter.model import DeliveryCounts
from newsletter.store.database import Store
from newsletter.store.issues import FrozenIssue, in_doubt_list


def show_books(here: Context, store: Store, frozen: FrozenIssue, books: DeliveryCounts, *, relay: str = "") -> None:
    """The books of one issue, and who is in doubt. `relay`: why it could not be used, for who reads JSON."""
    doubtful = in_doubt_list(store, frozen)
    document = books.as_dict() | {"in_doubt_events": len(doubtful)}
    if relay and here.ui.json:
        document |= {"relay": relay}
    here.ui.answer(document, [(name, value) for name, value in document.items() if value or name == "planned"])
    if not books.balanced:
        here.ui.say("the books do not balance: newsletter verify", "red")
