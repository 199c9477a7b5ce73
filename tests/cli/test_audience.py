"""`newsletter subscribers`: what people type, the mistakes they make, and what they are told."""

from pathlib import Path

import pytest

from tests.cli.conftest import Call

PEOPLE = "email,name\na@example.org,Ada\nb@example.org,\nno address,X\n"


@pytest.fixture
def people(sample: Path) -> Path:
    path = sample / "people.csv"
    path.write_text(PEOPLE, encoding="utf-8")
    return path


def imported(call: Call, *options: str) -> dict[str, object]:
    return call("subscribers", "import", "people.csv", "--consent", "web form", "--json", *options).json


def test_an_import_counts_every_row_and_keeps_what_it_could_not_use(call: Call, people: Path) -> None:
    done = call("subscribers", "import", "people.csv", "--consent", "web form", "--json")
    assert done.code == 5
    counts = {name: done.json[name] for name in ("rows", "added", "updated", "unchanged", "suppressed", "rejected")}
    assert counts == {"rows": 3, "added": 2, "updated": 0, "unchanged": 0, "suppressed": 0, "rejected": 1}
    rejected = Path(str(done.json["rejected_file"])).read_text(encoding="utf-8")
    assert rejected.splitlines()[0] == "line,reason,email,name"
    assert rejected.splitlines()[1].startswith("4,")


def test_an_import_without_consent_is_refused_and_makes_nothing(call: Call, people: Path) -> None:
    done = call("subscribers", "import", "people.csv")
    assert done.code == 2
    assert "--consent TEXT" in done.err
    assert not Path("newsletter.db").exists()


def test_a_dry_run_changes_nothing(call: Call, people: Path) -> None:
    assert imported(call, "--dry-run")["added"] == 2
    assert not Path("newsletter.db").exists()
    imported(call)
    people.write_text("email\nc@example.org\n", encoding="utf-8")
    assert imported(call, "--dry-run")["added"] == 1
    assert call("subscribers", "list", "--json").json["counts"]["active"] == 2


def test_a_file_without_addresses_is_told_with_its_columns(call: Call, people: Path) -> None:
    people.write_text("colour,size\nred,1\n", encoding="utf-8")
    done = call("subscribers", "import", "people.csv", "--consent", "x")
    assert done.code == 3
    assert "people.csv" in done.err
    assert "--map" in done.err


def test_a_misspelt_map_is_told(call: Call, people: Path) -> None:
    assert call("subscribers", "import", "people.csv", "--consent", "x", "--map", "email").code == 2


def test_who_left_does_not_come_back_by_an_import(call: Call, people: Path) -> None:
    imported(call)
    assert call("subscribers", "unsubscribe", "A@Example.ORG").code == 0
    again = imported(call)
    assert (again["suppressed"], again["unchanged"]) == (1, 1)
    assert call("subscribers", "show", "a@example.org", "--json").json["state"] == "unsubscribed"


def test_who_left_comes_back_when_they_ask(call: Call, people: Path) -> None:
    imported(call)
    call("subscribers", "unsubscribe", "a@example.org")
    refused = call("subscribers", "add", "a@example.org", "--consent", "mail")
    assert refused.code == 2
    assert "--again" in refused.err
    assert call("subscribers", "add", "a@example.org", "--consent", "mail", "--again").code == 0
    shown = call("subscribers", "show", "a@example.org", "--json").json
    assert shown["state"] == "active"
    assert [one["event"] for one in shown["consent"]] == ["imported", "unsubscribed", "added"]


def test_forget_leaves_nothing_but_a_hash(call: Call, people: Path) -> None:
    imported(call)
    assert call("subscribers", "forget", "a@example.org", "--yes").code == 0
    for path in Path().glob("newsletter.db*"):
        assert b"a@example.org" not in path.read_bytes()
    assert call("subscribers", "show", "a@example.org").code == 2
    assert imported(call)["suppressed"] == 1


def test_an_export_reads_back_the_same(call: Call, people: Path) -> None:
    imported(call)
    call("subscribers", "add", "=evil@example.org", "--name", "=1+1", "--theme", "caucasus", "--consent", "x")
    assert call("subscribers", "export", "all.csv").code == 0
    first = Path("all.csv").read_text(encoding="utf-8")
    assert "'=1+1" in first
    assert Path("all.csv").stat().st_mode & 0o777 == 0o600
    done = call("subscribers", "import", "all.csv", "--consent", "x", "--json").json
    assert (done["unchanged"], done["added"], done["updated"]) == (3, 0, 0)
    call("subscribers", "export", "again.csv")
    assert Path("again.csv").read_text(encoding="utf-8") == first


def test_an_unknown_theme_of_add_is_told(call: Call, people: Path) -> None:
    done = call("subscribers", "add", "a@example.org", "--theme", "caucasu", "--consent", "x")
    assert done.code == 2
    assert 'did you mean "caucasus"' in done.err


@pytest.mark.parametrize(
    "command", [("list",), ("export",), ("show", "a@example.org"), ("unsubscribe", "a@example.org")]
)
def test_without_a_database_it_is_told_how_to_make_one(call: Call, sample: Path, command: tuple[str, ...]) -> None:
    done = call("subscribers", *command)
    assert done.code == 1
    assert "newsletter serve makes it, or newsletter subscribers import FILE" in done.err


def test_a_database_that_was_lost_is_not_made_anew(call: Call, people: Path) -> None:
    imported(call)
    for path in Path().glob("newsletter.db*"):
        path.unlink()
    done = call("subscribers", "import", "people.csv", "--consent", "x")
    assert done.code == 1
    assert "put it back from a backup" in done.err
    assert not Path("newsletter.db").exists()


def test_neither_database_nor_key_are_for_others_to_read(call: Call, people: Path) -> None:
    imported(call)
    assert {path.stat().st_mode & 0o077 for path in Path().glob("newsletter.*[by]")} == {0}


# --- who said no elsewhere --------------------------------------------------------------------------------------------


def test_c1_an_import_that_is_not_understood_stops_and_says_what_can_be_answered(call: Call, people: Path) -> None:
    people.write_text("email,Marketing contact level\na@example.org,gold\nb@example.org,none\n", encoding="utf-8")
    done = call("subscribers", "import", "people.csv", "--consent", "x")
    assert done.code == 3
    assert "NL104" in done.err
    assert "“gold” (line 2)" in done.err
    for fix in ('--map subscribed="Marketing contact level"', '--word "gold=active"', "--map attribute="):
        assert fix in done.err
    assert call("subscribers", "list", "--json").json["counts"] == {"suppressed": 0}
    assert not list(people.parent.glob("*.rejected.csv"))
    answered = imported(call, "--word", "gold=active", "--word", "none=unsubscribed")
    assert (answered["added"], answered["suppressed"]) == (1, 1)
    assert answered["states"] == {"active": 1, "unsubscribed": 1}


def test_c1_an_import_says_what_each_column_was_taken_for(call: Call, people: Path) -> None:
    people.write_text(
        "E-Mail;Name;Abgemeldet am;Stadt\na@example.org;A;;X\nb@example.org;B;01.02.2025;X\n", encoding="utf-8"
    )
    done = call("subscribers", "import", "people.csv", "--consent", "x", "--json")
    assert done.json["columns"] == {
        "E-Mail": "email",
        "Name": "name",
        "Abgemeldet am": "attribute; decides who gets mail: a yes or a time means unsubscribed",
        "Stadt": "attribute",
    }
    told = call("subscribers", "import", "people.csv", "--consent", "x").err
    assert "Stadt: attribute" in told
    assert "the file says: 1 active, 1 unsubscribed" in told


def test_c1_a_list_of_those_who_left_is_not_taken_for_readers(call: Call, people: Path) -> None:
    people.rename("unsubscribed.csv").write_text("email\na@example.org\n", encoding="utf-8")
    asked = call("subscribers", "import", "unsubscribed.csv", "--consent", "x")
    assert asked.code == 3
    assert "--everybody unsubscribed" in asked.err
    done = call("subscribers", "import", "unsubscribed.csv", "--consent", "x", "--everybody", "unsubscribed", "--json")
    assert (done.json["added"], done.json["suppressed"]) == (0, 1)


def test_c1_a_heading_in_the_middle_stops_the_import_and_takes_nobody_in(call: Call, people: Path) -> None:
    people.write_text("email,name\nbad,\na@example.org,A\nUnsubscribed\nb@example.org,B\n", encoding="utf-8")
    done = call("subscribers", "import", "people.csv", "--consent", "x")
    assert done.code == 3
    assert "people.csv:4" in done.err
    assert call("subscribers", "list", "--json").json["counts"] == {"suppressed": 0}
    assert not list(people.parent.glob("*.rejected.csv"))


@pytest.mark.parametrize(
    "options", [("--word", "gold"), ("--word", "gold=happy"), ("--map", "subscribed=Nowhere"), ("--everybody", "gone")]
)
def test_a_wrong_answer_is_refused(call: Call, people: Path, options: tuple[str, str]) -> None:
    assert call("subscribers", "import", "people.csv", "--consent", "x", *options).code in (2, 3)


def test_c2_several_addresses_in_a_cell_are_reported(call: Call, people: Path) -> None:
    people.write_text('email,name\n"a@example.org; b@example.org",A\n', encoding="utf-8")
    done = call("subscribers", "import", "people.csv", "--consent", "x", "--json")
    assert (done.json["added"], done.json["several_addresses"]) == (1, 1)
    assert "several addresses in 1 row" in call("subscribers", "import", "people.csv", "--consent", "x").err


def test_c1_readers_whom_an_older_version_took_in_although_they_left_are_found(call: Call, people: Path) -> None:
    """Version 0.1 kept `Unsubscribed from all email` as an attribute and made its readers active."""
    people.write_text(
        "email,Unsubscribed from all email,Town\na@example.org,FALSE,X\nb@example.org,TRUE,X\n", encoding="utf-8"
    )
    imported(call, "--map", "attribute=Unsubscribed from all email")
    found = call("subscribers", "recheck", "--json").json
    assert found == {
        "schema": 1,
        "doubtful": [{"address": "b@example.org", "column": "Unsubscribed from all email", "cell": "TRUE"}],
        "unsubscribed": 0,
    }
    assert "--unsubscribe" in call("subscribers", "recheck").err
    assert call("subscribers", "recheck", "--unsubscribe", "--json").json["unsubscribed"] == 1
    assert call("subscribers", "recheck", "--json").json["doubtful"] == []
    assert call("subscribers", "show", "b@example.org", "--json").json["state"] == "unsubscribed"


def test_c3_a_consent_of_blanks_is_none(call: Call, people: Path) -> None:
    assert call("subscribers", "add", "a@example.org", "--consent", "  ").code == 2
