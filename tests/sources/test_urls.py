"""Addresses lose their tracking and nothing else (parsing U1-U8)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.sources.urls import account, clean_url, site


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        (
            "https://www.facebook.com/a.b/posts/pfbid1?cft[0]=AZ&tn=%2CO%2CP-R",
            "https://www.facebook.com/a.b/posts/pfbid1",
        ),
        (
            "https://www.facebook.com/a.b/posts/pfbid1?__cft__%5B0%5D=AZ&__tn__=x",
            "https://www.facebook.com/a.b/posts/pfbid1",
        ),
        (
            "https://m.facebook.com/story.php?story_fbid=1&id=2&mibextid=x",
            "https://www.facebook.com/story.php?story_fbid=1&id=2",
        ),
        ("https://www.facebook.com/watch/?v=12&ref=sharing", "https://www.facebook.com/watch/?v=12"),
        ("https://l.facebook.com/l.php?u=https%3A%2F%2Fe.org%2Fa%3Futm_source%3Dx%26q%3D1&h=z", "https://e.org/a?q=1"),
        ("https://l.facebook.com/l.php?u=https%3A%2F%2Fe.org%2Fa%20b%3C", "https://e.org/a%20b%3C"),
        ("https://e.org/x?crop/14x7", "https://e.org/x?crop/14x7"),
        ("https://e.org/x?a=1&&b=%20+", "https://e.org/x?a=1&&b=%20+"),
        ("https://e.org/x?UTM_Source=q&a=1&utm_medium=r", "https://e.org/x?a=1"),
        ("https://e.org/x?fbclid=1", "https://e.org/x"),
        ("https://e.org/x?", "https://e.org/x"),
        ("HTTPS://E.org:443/X?y=1", "https://e.org/X?y=1"),
        ("http://e.org:8080/", "http://e.org:8080/"),
        ("https://e.org/a#top:~:text=foo", "https://e.org/a#top"),
        ("https://e.org/a#:~:text=foo", "https://e.org/a"),
        ("https://github.example/x?ref=main", "https://github.example/x?ref=main"),
        ("https://e.org/x?ref=news.example&ref_id=a.example", "https://e.org/x"),
        ("https://youtu.be/x?si=abc&t=3", "https://youtu.be/x?t=3"),
        ("https://e.org/x?si=abc&tn=1", "https://e.org/x?si=abc&tn=1"),
        ("mailto:a@b.example?utm_source=x", "mailto:a@b.example?utm_source=x"),
        ("ftp://e.org/?utm_source=x", "ftp://e.org/?utm_source=x"),
        ("https://[half/?utm_source=x", "https://[half/?utm_source=x"),
        ("no address", "no address"),
    ],
)
def test_what_goes_and_what_stays(raw: str, clean: str) -> None:
    assert clean_url(raw) == clean


def test_redirectors_that_lead_to_each_other_end() -> None:
    url = "https://e.org/"
    for _ in range(200):
        url = f"https://l.facebook.com/l.php?u={url}"
    assert clean_url(url)


PIECES = st.text(alphabet=st.sampled_from(list("abz09-._~%2F/?&=#:[]@+ü")), max_size=12)


@given(
    st.sampled_from(["e.org", "www.facebook.com", "m.facebook.com", "youtu.be"]),
    PIECES,
    st.lists(st.sampled_from(["utm_a=1", "id=2", "fbclid=x", "tn=3", "q=ü", "ref=x.org", ""]), max_size=4),
)
def test_cleaning_twice_changes_nothing_and_the_path_stays(host: str, path: str, query: list[str]) -> None:
    path = path.replace("?", "").replace("#", "")
    url = f"https://{host}/{path}?{'&'.join(query)}"
    clean = clean_url(url)
    assert clean_url(clean) == clean
    assert clean.partition("?")[0].rstrip("?").endswith(f"/{path}")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://m.facebook.com/x", "facebook.com"),
        ("https://fb.watch/x", "facebook.com"),
        ("https://www.example.org./x", "example.org"),
        ("https://blog.example.org/", "blog.example.org"),
        ("https://[half", ""),
    ],
)
def test_sites_are_folded_for_comparing(url: str, name: str) -> None:
    assert site(url) == name


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://www.facebook.com/Jeff.X/posts/1", "jeff.x"),
        ("https://www.facebook.com/permalink.php?id=1", None),
        ("https://www.facebook.com/", None),
    ],
)
def test_accounts(url: str, name: str | None) -> None:
    assert account(url) == name
