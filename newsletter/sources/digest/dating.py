"""The dates of posts: what their time stamps say, as far as a day can be known from them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo

from newsletter.sources.digest.when import Order, When, count_back


@dataclass(frozen=True, slots=True)
class Calendar:
    """What a stamp is read by: the publication's zone, the day of copying if the file's name says it, the order of
    figures such as 05/07/2025 if any date of the file shows it.
    """

    zone: tzinfo = UTC
    copied: date | None = None
    order: Order | None = None

    def read(self, when: When) -> tuple[datetime | None, str]:
        """The moment (in UTC; midnight of the zone without a clock time) and, if none can be known, why."""
        day = when.day
        if day is None and when.orders:
            if self.order is None:
                return None, "no date of the file shows whether days or months come first (05/07 is 5 July or 7 May)"
            day = when.orders[0] if self.order == "day first" else when.orders[1]
        if day is None and self.copied:
            day = count_back(when, self.copied)
        if day is None:
            return None, "no day can be known; a file named 2025-07-05-….txt says from which day to count back"
        try:
            return datetime.combine(day, when.clock or time(), self.zone).astimezone(UTC), ""
        except OverflowError:
            return None, "no day of the calendar"

    def is_guess(self, when: When) -> bool:
        """Whether the day is counted back from the day of copying."""
        return when.day is None and when.orders is None


def find_order(stamps: list[When]) -> Order | None:
    """The order of day and month that some date of the file is sure to have; None if none is, or two disagree."""
    orders = {when.order for when in stamps if when.order}
    return orders.pop() if len(orders) == 1 else None
