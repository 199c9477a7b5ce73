"""When failures say something about us, the issue is paused before they burn the list (delivery D30). Pure."""

from newsletter.delivery.dialogue import Phase, Result
from newsletter.delivery.scopes import Verdict

IN_A_ROW = 5


class Breaker:
    """Counts failures of one class in a row. `reason` is filled once it has tripped."""

    def __init__(self) -> None:
        self._label = ""
        self._count = 0
        self.reason = ""

    def accepted(self) -> None:
        """Something went through: it is not us."""
        self._label, self._count = "", 0

    def refused(self, verdict: Verdict, result: Result) -> None:
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
