"""Time stamps of pages and programs in many languages: what day they say, and what is no time stamp."""

from datetime import UTC, date, datetime, time

import pytest

from newsletter.sources.digest.dating import Calendar, find_order
from newsletter.sources.digest.when import When, find_when, read_when

DAY = date(2025, 7, 5)


@pytest.mark.parametrize(
    "text",
    [
        "5 July 2025", "July 5th, 2025", "Sat, 5 Jul 2025", "Samstag, 5. Juli 2025", "5 juillet 2025", "5 de julio de 2025",
        "sabato 5 luglio 2025", "5 de julho de 2025", "5 juli 2025", "5. juli 2025", "5. heinäkuuta 2025", "5 lipca 2025",
        "5. července 2025", "2025. július 5.", "5 iulie 2025", "5 Temmuz 2025", "5 iyul 2025", "5 июля 2025 г.",
        "5 липня 2025 р.", "5 юли 2025 г.", "5. јул 2025", "5 Ιουλίου 2025", "5 ივლისი 2025", "5 հուլիսի 2025 թ.",
        "٥ يوليو ٢٠٢٥", "5 تموز 2025", "۵ ژوئیهٔ ۲۰۲۵".replace("ٔ", ""), "5 ביולי 2025", "5 जुलाई 2025", "৫ জুলাই ২০২৫",
        "2025年7月5日", "2025년 7월 5일", "5 tháng 7, 2025", "5 Juli 2025", "5 กรกฎาคม 2568",
        "2025-07-05", "2025/7/5", "05.07.2025", "5.7.25", "2025. 7. 5.", "(5 July 2025)",
    ],
)  # fmt: skip
def test_a_day_is_read_in_every_language(text: str) -> None:
    when = read_when(text)
    assert when is not None
    assert (when.day, when.clock, when.is_whole_day) == (DAY, None, True)


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        ("05/07/2025, 10:12:33", time(10, 12, 33)), ("7/5/25, 12:20\u202fAM", time(0, 20)), ("5.7.2025, 9:58", time(9, 58)),
        ("2025/7/5 下午1:05", time(13, 5)), ("\u200f٥\u200f/٧\u200f/٢٠٢٥، ١:٠٥ م", time(13, 5)), ("5/7/25, 1:12 μ.μ.", time(13, 12)),
        ("lauantai 5.7.2025 klo 10.12", time(10, 12)), ("Yesterday at 10:12", time(10, 12)), ("10:12 AM · Jul 5, 2025", time(10, 12)),
        ("2025. 7. 5. 오전 10:12", time(10, 12)), ("2025-07-05T10:12", time(10, 12)), ("5 Jul à 10 h 12", time(10, 12)),
    ],
)  # fmt: skip
def test_a_clock_time_is_read_in_twelve_and_twenty_four_hours(text: str, clock: time) -> None:
    when = read_when(text)
    assert when is not None
    assert when.clock == clock


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("3 d", 3),
        ("5 Tg.", 5),
        ("3 дн.", 3),
        ("3 days ago", 3),
        ("vor 3 Tagen", 3),
        ("Hier à 10:12", 1),
        ("3天", 3),
        ("٣ أيام", 3),
    ],
)
def test_an_age_in_days_counts_back(text: str, days: int) -> None:
    when = read_when(text)
    assert when is not None
    assert (when.age_days, when.relative) == (days, True)


@pytest.mark.parametrize("text", ["5h", "3 j", "1 w", "2 semaines", "3 ώ", "an. 5 min", "1 Jahr"])
def test_hours_weeks_and_doubtful_units_say_no_day(text: str) -> None:
    when = read_when(text)
    assert when is None or when.age_days is None


@pytest.mark.parametrize(
    "text",
    [
        "May",
        "2025",
        "5",
        "March of the day",
        "G7",
        "1. a",
        "5 stars",
        "July 2025",
        "32 July 2025",
        "12 o'clock",
        "a day",
        "",
        "10.12",
    ],
)
def test_what_only_looks_like_a_time_is_none(text: str) -> None:
    when = read_when(text)
    assert when is None or not when.is_whole_day


def test_figures_in_doubtful_order_need_another_date_of_the_file() -> None:
    doubtful, sure = read_when("05/07/2025 10:12"), read_when("25/07/2025 10:12")
    assert doubtful is not None
    assert sure is not None
    assert Calendar().read(doubtful)[0] is None
    calendar = Calendar(order=find_order([doubtful, sure]))
    assert calendar.read(doubtful)[0] == datetime(2025, 7, 5, 10, 12, tzinfo=UTC)
    american = read_when("7/25/25")
    assert american is not None
    assert find_order([doubtful, american]) == "month first"
    assert find_order([sure, american]) is None


def test_a_day_without_a_year_is_the_last_one_before_the_day_of_the_file() -> None:
    when = When(month_day=(12, 31), has_date=True)
    assert Calendar(copied=DAY).read(when)[0] == datetime(2024, 12, 31, tzinfo=UTC)
    assert Calendar().read(when)[0] is None


def test_a_date_is_found_within_a_line() -> None:
    found = find_when("On Sat, 5 Jul 2025 at 10:12, Ana Example wrote:")
    assert found is not None
    assert (found.day, found.clock) == (DAY, time(10, 12))
