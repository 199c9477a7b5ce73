"""When an edition goes out: its schedule's next day. Weekday names only, in the publication's zone."""

from datetime import date, datetime, time, tzinfo

from newsletter.config.rules import SCHEDULE
from newsletter.model import Edition
from newsletter.text.dates import start_of_day


def next_day(edition: Edition, now: datetime, zone: tzinfo) -> date:
    """The day of the edition's next slot, today included until the day is over; today for an edition without a schedule."""
    today = now.astimezone(zone).date()
    match = SCHEDULE.match(edition.schedule)
    if not match:
        return today
    from apscheduler.triggers.cron import CronTrigger

    trigger = CronTrigger(day_of_week=match["days"], timezone=zone)
    moment: datetime = trigger.get_next_fire_time(None, start_of_day(today, zone).astimezone(zone))
    return moment.date()


def publication_moment(edition: Edition | None, day: date, zone: tzinfo) -> datetime:
    """When an issue of that day is published: the schedule's time, or the start of the day."""
    match = SCHEDULE.match(edition.schedule) if edition else None
    at = time(int(match["hour"]), int(match["minute"])) if match else time()
    return datetime.combine(day, at, zone)
