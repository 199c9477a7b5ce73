"""When failures say something about us or about the relay, the issue is paused before they burn the list. Pure."""

from newsletter.delivery.dialogue import Phase, Result
from newsletter.delivery.scopes import FailureCause

IN_A_ROW = 5


class Breaker:
    """Counts failures of one class in a row. `reason` is filled once it has tripped."""

    def __init__(self) -> None:
        self._label = ""
        self._count = 0
        self._broke: set[int] = set()
        self.reason = ""

    def accepted(self) -> None:
        """Something went through: it is not us."""
        self._label, self._count = "", 0
        self._broke.clear()

    def broke(self, subscriber_id: int) -> None:
        """The connection broke after a message that was alone under way. After several messages it is not one of them."""
        self._broke.add(subscriber_id)
        if not self.reason and len(self._broke) >= IN_A_ROW:
            times = f"{len(self._broke)} messages in a row"
            self.reason = f"the relay broke the connection after each of {times}; it may have taken them"

    def refused(self, verdict: FailureCause, result: Result) -> None:
        """A refusal. Those of one recipient or of a busy relay say nothing about us."""
        if verdict.scope not in ("sender", "message"):
            return
        if verdict.label != self._label:
            self._label, self._count = verdict.label, 0
        self._count += 1
        at_once = result.phase is Phase.MAIL and verdict.permanent
        if not self.reason and (at_once or self._count >= IN_A_ROW):
            times = "" if self._count == 1 else f" {self._count} times in a row"
            self.reason = f"the relay refuses{times} ({verdict.label}): {result.reply}"
