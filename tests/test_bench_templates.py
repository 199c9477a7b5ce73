"""`./run bench templates`: placeholders become what readers get, findings are counted, and the judgements are about them."""

from pathlib import Path

import pytest

from bench import templates
from bench.placeholders import fill_template
from newsletter.checking import PAGE_RULES

FILLED = {
    "django": ("{% load i18n %}{% if a %}x{{ name|upper }}{% else %}y{% endif %}{# no #}", "xWords"),
    "trans": ('{% trans "Hello" %} {% url "home" %}', "Hello "),
    "rtl is the second branch": ('<p{% if LANGUAGE_BIDI %} dir="rtl"{% else %} dir="ltr"{% endif %}>', '<p dir="ltr">'),
    "address": ('<a href="{{ url }}">x</a>', '<a href="https://example.org/page">x</a>'),
    "an address by any tag": ('<img src="{% logo %}">', '<img src="https://example.org/page">'),
    "part of an address": ('<a href="https://{{ host }}/u/{{ id }}">', '<a href="https://example.org/u/page">'),
    "colour and number": ('<td bgcolor="{{ c }}" width="{{ w }}">', '<td bgcolor="#336699" width="100">'),
    "attributes": ("<a {{ attributes }}>x</a><p {{ attributes }}>", '<a href="https://example.org/page">x</a><p >'),
    "handlebars": ("{{#if a}}x{{else}}y{{/if}}{{#each all}}z{{/each}}{{{html}}}{{^no}}n{{/no}}{{!-- c --}}", "xzWords"),
    "ejs": ("<% if (a) { %>x<%- name %><% } %>", "xWords"),
    "merge tags": ("*|FNAME|* %%{name}%%", "Words Words"),
    "comment": ("{% comment %}x{% endcomment %}y", "y"),
}


@pytest.mark.parametrize("name", FILLED)
def test_placeholders_become_what_readers_get(tmp_path: Path, name: str) -> None:
    text, expected = FILLED[name]
    path = tmp_path / "mail.html"
    path.write_text(text, encoding="utf-8")
    assert fill_template(path, tmp_path) == expected


def test_what_a_template_inherits_and_includes_is_there(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/base.html").write_text(
        "<html>{% block head %}usual{% endblock %}{% block body %}{% endblock %}{% include 'parts/foot.html' %}</html>",
        encoding="utf-8",
    )
    (tmp_path / "parts/foot.html").write_text("foot", encoding="utf-8")
    (tmp_path / "mail.html").write_text(
        "{% extends 'parts/base.html' %}lost{% block body %}own {% block inner %}in{% endblock %}{% endblock %}",
        encoding="utf-8",
    )
    assert fill_template(tmp_path / "mail.html", tmp_path) == "<html>usualown infoot</html>"


def test_a_folder_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "one.html").write_text("<html><body><p>x</p></body></html>", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("no mail", encoding="utf-8")
    assert templates.main([str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert told.startswith("1 mails of 1 packages")
    assert "H1               1         1         0         0" in told
    assert "H5 " not in told


def test_a_sample_is_the_same_each_time_and_quotes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(9):
        html = f'<html><head><style>.secret {{ color: red }}</style></head><p class="secret">{number}</p></html>'
        (tmp_path / f"{number}.html").write_text(html, encoding="utf-8")
    told = []
    for seed in ("1", "1", "2"):
        templates.main([str(tmp_path), "--sample", "2", "--seed", seed])
        told.append(capsys.readouterr().out)
    assert told[0] == told[1] != told[2]
    assert "H19" in told[0]
    assert "secret" not in told[0]


def test_the_judgements_are_whole() -> None:
    rows = templates.read_judgements()
    assert len(rows) > 300
    names = {package.name for package in templates.PACKAGES}
    for row in rows:
        assert list(row) == ["round", "package", "file", "rule", "number", "element", "message", "verdict", "why"]
        assert row["package"] in names
        assert row["rule"] in PAGE_RULES
        assert row["rule"] not in templates.NOT_ASKED
        assert row["verdict"] in ("true", "false")
        assert row["why"]
        assert " " not in row["why"]
    assert len({tuple(row.values())[:5] for row in rows}) == len(rows)


def test_the_docs_say_what_was_judged() -> None:
    """The figures of docs/checks.md are those of the table."""
    text = (Path(__file__).resolve().parents[1] / "docs/checks.md").read_text(encoding="utf-8")
    rows = templates.read_judgements()
    for number in ("1", "3"):
        judged = [row for row in rows if row["round"] == number]
        wrong = sum(row["verdict"] == "false" for row in judged)
        assert f"{wrong} of {len(judged)}" in text
