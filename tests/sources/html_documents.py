"""HTML as feeds have it, made at random: everything that has ever lost a word, and some of it broken."""

import re
from collections.abc import Callable
from random import Random

WORDS = (
    "China EU naïve Škoda мост წერილი Հայաստան سلام ירושלים 北京 東京タワー ไทย नमस्ते ελληνικά 👩‍👩‍👧 🇺🇦 x y AT&amp;T R&D "
    "&eacute;t&eacute; don&#x92;t don&#8217;t &hellip; &copy 5&lt;6 &lt;b&gt;bold&lt;/b&gt; a&nbsp;b soft&shy;hyphen zero&#8203;width "
    "&zwnj;x &rlm;ab &#x202b;rtl&#x202c; e&#x301; ① ﬁ İ ß &notreal; &#0;z &amp;amp; &amp;lt;i&amp;gt;"
).split()
MARKS = (
    "* ** *a* **a** _ __ _a_ snake_case_name ` `` `a` ``` ~~~ ~ ~~ ~~a~~ [ ] [x] [x](y) ![ ![x](y) [x]: [^1] ( ) # ## ### #tag > "
    "- -- --- - + . ! | || a|b | 1. 1) 12. 2025. 1.5 === = \\ \\* \\\\ {#p-abcd1234} {#x} {{x}} {%x%} < <3 &lt; &gt; & &# :-- :-: "
    "https://e.example/a_b_c https://e.example/(x) http://e.example/?a=1&amp;b=2 //e.example www.e.example a@e.example "
    "mailto:a@e.example ftp://e.example $x$ ^ % ( &lt;!-- &lt;div&gt; ]( ]] [[ *) (* _) **( \u2028 \u3000 ’ “q” «q» 。 「x」 From "
    "&#58;// &lt;https://e.example&gt; &lt;br&gt; \u200b \u00ad ://x !["
).split()
NOTHING = (
    "<!-- nobody sees this -->",
    "<!---->",
    "<![CDATA[ neither this ]]>",
    "<script>var lost = '<p>words</p>';</script>",
    "<style>p { content: 'lost' }</style>",
    "<p hidden>not shown</p>",
    "<span style='color:red; display:none'>not shown</span>",
    "<div style='visibility: hidden'>not shown</div>",
    "<img src='https://e.example/t.gif' width='1' height='1'>",
    "<noscript>no script <img src='https://e.example/n.png'></noscript>",
    "<wbr>",
    "<a name='here'></a>",
    "<a href='https://e.example/empty'></a>",
    "<a href='#top'></a>",
    "<span></span>",
    "<p></p>",
    "<ul></ul>",
    "<ol><li></li><li> </li></ol>",
    "<li></li>",
    "<b> </b>",
    "<svg><text>drawn</text></svg>",
    "<select><option>one<option>two</select>",
    "<map><area href='https://e.example/area'></map>",
    "<table></table>",
    "<input value='typed'>",
)
PICTURES = (
    "<img src='https://e.example/a.png' alt='A [bridge] *here*'>",
    "<img src='/b.png'>",
    "<img src='/icon.png' width='32' height='24' alt='An icon'>",
    "<img src='/icon.png' width=16>",
    "<img src='data:image/gif;base64,AAAA' data-src='https://e.example/c.png'>",
    "<picture><source srcset='https://e.example/d.webp'><img srcset='https://e.example/d.png 600w'></picture>",
    "<img alt='nowhere'>",
)
PLAYERS = (
    "<iframe title='{}' src='https://e.example/play'>old browsers</iframe>",
    "<video title='{}' src='https://e.example/v.mp4'>old browsers</video>",
    "<audio title='{}' src='https://e.example/s.mp3'></audio>",
    "<embed title='{}' src='https://e.example/e'>",
    "<object title='{}' data='https://e.example/o'></object>",
)
BREAKS = ("<br>", "<br/>", "<br><br>", "<br>\n<br>", " <br> ", "</br>", "<br>\u00a0<br>")
INLINE_TAGS = [
    *"b i strong em u s del ins sub sup mark small big tt kbd q cite span font abbr code code var samp a bdo label button".split(),
    *"o:p unknown strike blink nobr time data output".split(),
    "a href='https://e.example/x'", "a href='/y?a=1&amp;b=2'", "a href='javascript:x'", "a href='mailto:a@e.example'",
    "a href='https://e.example/`)_(*'", "span lang='de'", "bdi dir='rtl'", "abbr title='A &amp; \"B\"'",
    "span style='display:block'", "span style='display: inline-block'",
]  # fmt: skip
BLOCK_TAGS = [
    *"p p p div div section article header footer aside main address center blockquote blockquote h1 h2 h3 h4 h5 h6 figure".split(),
    *"figcaption details summary li form fieldset legend dd marquee hgroup".split(),
    "a href='https://e.example/around'", "b", "em", "span", "div style='white-space: pre-wrap'", "p dir='rtl'", "code",
]  # fmt: skip
CELLS = ("td", "td", "td", "th", "td colspan=2", "td rowspan=2", "th scope=row", "td hidden", "td align=right")
DEEP = (
    "blockquote",
    "ul><li",
    "div",
    "b",
    "ol><li",
    "table><tr><td",
    "span",
    "dl><dd",
    "section",
    "a href='https://e.example/d'",
)
STRAY = (
    "</p>", "</td>", "<b>", "</b>", "<i>", "<li>", "</ul>", "<a href='https://e.example/open'>", "</a>", "<table>", "</table>",
    "<tr>", "<td>", "</div>", "<div>", "<p>", "<", "<x", "&", "<!--x-->", "<em>", "</em></strong>", "<h2>", "<ul>", "<dt>",
    "<pre>", "</pre>", "<blockquote>", "<button>", "<nobr>", "<font>", "</body>", "<html>", "<code>", "<ruby>", "<rt>", "</br>",
)  # fmt: skip
# Where the rest of a document goes that breaks inside of these is no matter of words: an address that is cut, a formula that any
# element of HTML ends, text that browsers show if they run no scripts.
UNBROKEN = ("<math", "<noscript", "<iframe", "<video", "<audio", "<embed", "<object")
WHOLE = re.compile(r"<(?:img|picture|source|a href|span style|div style)[^>]*>|</picture>")


class Author:
    """Writes one document after the other. Two with the same seed write the same."""

    def __init__(self, seed: int) -> None:
        self.dice = Random(seed)

    def document(self) -> str:
        """A few blocks, sometimes very deep, sometimes broken."""
        dice = self.dice.random()
        html = self.some(lambda: self.block(4), 4, "\n" if dice < 0.3 else "")
        if dice > 0.9:
            tag = self.pick(DEEP)
            html = f"<{tag}>" * (self.dice.randint(10, 80) // (2 + 2 * tag.count("><"))) + html
        if dice > 0.6 and not any(tag in html for tag in UNBROKEN):
            for _ in range(self.dice.randint(1, 3)):
                html = self.broken(html)
        return f"<p></p>{html}" if html.startswith("<![CDATA[") else html

    def broken(self, html: str) -> str:
        """The document with a stray tag in it, or with some characters missing, but for those of an address or style."""
        at, cut = self.dice.randint(0, len(html)), self.dice.randint(1, 6) if self.dice.random() < 0.5 else 0
        if any(start < at + max(cut, 1) and at < end for start, end in (tag.span() for tag in WHOLE.finditer(html))):
            return html
        return html[:at] + (html[at + cut :] if cut else self.pick(STRAY) + html[at:])

    def pick(self, choices: tuple[str, ...] | list[str]) -> str:
        return self.dice.choice(choices)

    def some(self, make: Callable[[], str], most: int = 3, between: str = "") -> str:
        return between.join(make() for _ in range(self.dice.randint(1, most)))

    def wrap(self, tag: str, inner: str) -> str:
        return f"<{tag}>{inner}</{tag.split()[0]}>"

    def text(self) -> str:
        """Words and what Markdown would read as marks, in every spacing."""
        words = self.some(lambda: self.pick(WORDS if self.dice.random() < 0.6 else MARKS), 6, " ")
        return self.pick(["{}", "{}", "{}", " {} ", "\n    {}\n\t", "{} ", " {}"]).replace("{}", words)

    def inline(self, depth: int = 3) -> str:
        """What stands in a line."""
        dice = self.dice.random()
        if depth == 0 or dice < 0.35:
            return self.text()
        if dice < 0.42:
            return self.pick(BREAKS)
        if dice < 0.46:
            return self.pick(NOTHING)
        if dice < 0.5:
            return self.pick(PICTURES)
        if dice < 0.53:
            return self.pick(["br<b>id</b>ge", "<i>мо</i>ст", "H<sub>2</sub>O", "<b>L</b>orem", "x<code>y</code>z"])
        if dice < 0.56:
            return self.wrap("ruby", f"{self.text()}<rp>(</rp><rt>{self.text()}</rt><rp>)</rp>")
        if dice < 0.58:
            return self.wrap("math", f"<mi>{self.text()}</mi><mo>=</mo><mfrac><mn>1</mn><mn>{self.text()}</mn></mfrac>")
        if dice < 0.8:
            return self.wrap(self.pick(INLINE_TAGS), self.inline(depth - 1))
        return self.some(lambda: self.inline(depth - 1), 4)

    def block(self, depth: int) -> str:
        """What stands on lines of its own."""
        dice = self.dice.random()
        if depth == 0 or dice < 0.25:
            return self.wrap(self.pick(["p", "p", "p", "div", "h1", "h2", "h4", "li"]), self.inline())
        if dice < 0.3:
            return self.inline()
        if dice < 0.34:
            return self.preformatted()
        if dice < 0.37:
            return self.pick(PLAYERS).format(self.pick(["Talk", "A talk", "*Talk*", "Ein Gespräch", "談話"]))
        if dice < 0.41:
            return self.pick([*NOTHING, "<hr>", "<hr/>"])
        if dice < 0.55:
            return self.wrap(self.pick(BLOCK_TAGS), self.block(depth - 1))
        if dice < 0.7:
            return self.list(depth - 1)
        if dice < 0.8:
            return self.table(depth - 1)
        if dice < 0.85:
            return self.terms(depth - 1)
        return self.some(lambda: self.block(depth - 1), 4, self.pick(["", "", "\n", self.text()]))

    def list(self, depth: int) -> str:
        """Items, sometimes with something between them."""
        tag = self.pick(["ul", "ul", "ol", "ol start=7", "ol start=1", "menu", "dir"])

        def item() -> str:
            dice = self.dice.random()
            if dice < 0.1:
                return self.list(depth - 1) if depth > 0 else self.text()
            if dice < 0.2:
                return self.wrap("li", f"{self.inline()}{self.list(depth - 1) if depth > 0 else ''}")
            return self.wrap("li", self.inline() if dice < 0.6 else self.block(max(depth, 0)))

        return self.wrap(tag, self.some(item, 4, self.pick(["", "\n"])))

    def table(self, depth: int) -> str:
        """With heads, without, with spans, with a caption, in parts, of one column."""
        if self.dice.random() < 0.3:
            heads = "<tr>" + "".join(f"<th>{self.inline()}</th>" for _ in "ab") + "</tr>"
            return (
                f"<table>{heads}"
                + self.some(lambda: f"<tr><td>{self.inline()}</td><td>{self.inline()}</td></tr>")
                + "</table>"
            )

        def cell() -> str:
            return self.wrap(self.pick(CELLS), self.inline() if self.dice.random() < 0.6 else self.block(max(depth, 0)))

        rows = self.some(lambda: self.wrap("tr", self.some(cell)))
        shape = self.pick(
            [
                "{}",
                "<tbody>{}</tbody>",
                "<caption>C{}</caption>",
                "<thead><tr><th>A<th>B</tr></thead>{}",
                "<colgroup><col></colgroup>{}",
            ]
        )
        caption = self.inline() if "caption" in shape else ""
        inner = f"<caption>{caption}</caption>{rows}" if caption else shape.replace("{}", rows)
        return self.wrap(self.pick(["table", "table", "table role='presentation'", "table border=1"]), inner)

    def terms(self, depth: int) -> str:
        """Terms and what is said of them; or a summary with its details."""

        def one() -> str:
            dice = self.dice.random()
            inner = self.inline() if dice < 0.5 else self.block(max(depth, 0))
            return self.wrap("dt", self.inline()) if dice < 0.4 else self.wrap("dd", inner) if dice < 0.9 else inner

        if self.dice.random() < 0.4:
            return self.wrap("details", self.wrap("summary", self.inline()) + self.block(max(depth, 0)))
        return self.wrap("dl", self.some(one, 4))

    def preformatted(self) -> str:
        """Text whose lines count."""
        dice = self.dice.random()
        if dice < 0.3:
            return self.wrap("pre", self.some(lambda: self.pick([self.text(), "<br>", f"\n  {self.text()}\n"]), 4))
        if dice < 0.5:
            return self.wrap("pre", self.wrap("code class='language-x'", self.inline()))
        if dice < 0.7:
            return self.wrap("pre", self.some(lambda: self.wrap("div", self.text())))
        return self.wrap(self.pick(["textarea", "xmp", "pre"]), self.text())
