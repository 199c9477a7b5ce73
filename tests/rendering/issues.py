"""Issues that the rendering tests share: one with everything an editor can write."""

from datetime import date

from newsletter.model import Edition, Issue, IssuePost, Link, Publication, Section, Theme

EVERYTHING = """\
A paragraph with *emphasis*, **strong**, `code`, ~~gone~~, a [link](https://example.org/a?b=1&c=2) and H<sub>2</sub>O.

#### A heading

- one with **a label:** and text
  - nested
  - again
- two

  with a second paragraph

3. three
4. four

> A quote
> of two lines

##### A smaller heading

| Head | Number |
| --- | ---: |
| cell | 12 |

```
code  block
```

* * *

![A picture](https://example.org/p.png)

<dl><dt>Term</dt><dd>Meaning</dd></dl>

Last words, with “quotes” – dashes… and an address: <https://example.org/plain>
"""

PUBLICATION = Publication(
    title="Borderlines",
    url="https://borderlines.example",
    sender="Borderlines <desk@borderlines.example>",
    description="What moves.",
    timezone="Europe/Berlin",
    postal_address="1 Example Street, Berlin",
)
THEMES = (
    Theme(slug="caucasus", title="Caucasus"),
    Theme(slug="eu-china", title="EU–China"),
    Theme(slug="empty", title="Empty"),
)
EDITION = Edition(slug="weekly", title="Borderlines Weekly", themes=("caucasus", "eu-china"), schedule="mon 07:00")


def make_issue(slug: str = "2025-07-07-weekly", **changes: object) -> Issue:
    day = date.fromisoformat(slug[:10])
    values: dict[str, object] = {
        "slug": slug,
        "edition": "weekly",
        "date": day,
        "subject": "A six-month clock & <more>",
        "preheader": "Four posts on the Caucasus and EU–China, and what they say.",
        "intro": "An *introduction*.\n\n## With a heading\n\n- and a list\n",
        "sections": (
            Section(
                slug="caucasus",
                title="Caucasus",
                intro="Section words.\n",
                posts=(
                    IssuePost(
                        title="Everything *at once* & <more>",
                        body=EVERYTHING,
                        key="aaaaaaaaaaaa",
                        sources=(
                            Link(text="Source", url="https://www.facebook.com/a/posts/1"),
                            Link(text="", url="https://example.org/2"),
                        ),
                    ),
                    IssuePost(title="Only a title.", key="bbbbbbbbbbbb"),
                ),
            ),
            Section(
                slug="eu-china",
                title="EU–China",
                posts=(
                    IssuePost(
                        title="عنوان عربي",
                        body="نص مع قائمة:\n\n- أول\n- ثان\n\n> اقتباس\n",
                        key="cccccccccccc",
                    ),
                    IssuePost(title="中国与欧盟", body="第一段。\n\nSecond.\n"),
                ),
            ),
        ),
    }
    return Issue(**(values | changes))  # type: ignore[arg-type]
