"""Pastes of Facebook, WhatsApp, Telegram, X, LinkedIn, documents, mail, scans and chats give the right posts."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sources.digest.places import differences, load, names, read, right_posts
from tests.sources.digest.words import check_account

SAMPLES = {name: load(name) for name in names()}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_paste_of_this_place_gives_its_posts(name: str) -> None:
    digest = read(SAMPLES[name])
    assert list(differences(SAMPLES[name], digest)) == []
    check_account(SAMPLES[name]["paste"], digest)


def test_c24_nine_of_ten_posts_of_every_place_are_right() -> None:
    places: dict[str, list[int]] = {}
    for sample in SAMPLES.values():
        right, there = right_posts(sample, read(sample), fields=True)
        of_place = places.setdefault(sample["place"], [0, 0])
        of_place[0] += right
        of_place[1] += there
    for place, (right, there) in sorted(places.items()):
        print(f"{place}: {right} of {there} posts")  # noqa: T201
    assert [place for place, (right, there) in places.items() if right < 0.9 * there] == []


MUTATIONS: dict[str, Callable[[str], str]] = {
    "CRLF": lambda text: text.replace("\r", "").replace("\n", "\r\n"),
    "no-break spaces": lambda text: text.replace(" ", "\u00a0"),
    "zero-width spaces at line ends": lambda text: text.replace("\n", "\u200b\n"),
    "blanks at line ends": lambda text: text.replace("\n", "  \n"),
    "blank lines around": lambda text: f"\n\n{text}\n\n",
}


@pytest.mark.parametrize("mutation", MUTATIONS)
@pytest.mark.parametrize("name", SAMPLES)
def test_what_nobody_sees_changes_no_post(name: str, mutation: str) -> None:
    text = MUTATIONS[mutation](SAMPLES[name]["paste"])
    assert list(differences(SAMPLES[name], read(SAMPLES[name], text))) == []


@given(data=st.data())
def test_no_word_of_a_mutated_paste_of_any_place_is_lost_or_invented(data: st.DataObject) -> None:
    sample = SAMPLES[data.draw(st.sampled_from(sorted(SAMPLES)))]
    other = SAMPLES[data.draw(st.sampled_from(sorted(SAMPLES)))]["paste"].split("\n")
    lines = sample["paste"].split("\n")
    for _ in range(data.draw(st.integers(1, 8))):
        position = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(["drop", "double", "join", "split", "swap", "insert", "prefix"])):
            case "drop":
                del lines[position]
            case "double":
                lines.insert(position, lines[position])
            case "join" if position + 1 < len(lines):
                lines[position] += " " + lines.pop(position + 1)
            case "split":
                cut = data.draw(st.integers(0, len(lines[position])))
                lines[position : position + 1] = [lines[position][:cut], lines[position][cut:]]
            case "swap":
                lines[position], lines[-1] = lines[-1], lines[position]
            case "insert":
                lines.insert(position, data.draw(st.sampled_from(other)))
            case "prefix":
                lines[position] = (
                    data.draw(st.sampled_from(["> ", ">> ", "- ", "\u200f", "\u200e", "* ", "5 "])) + lines[position]
                )
        lines = lines or [""]
    check_account("\n".join(lines), read(sample, "\n".join(lines)))
