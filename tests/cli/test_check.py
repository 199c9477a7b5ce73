"""`newsletter check` on the command line: what it prints, its exit codes, its SARIF."""

import json
import shutil
from pathlib import Path

import pytest

from newsletter.cli import run

ROOT = Path(__file__).resolve().parents[2]
SLUG = "2025-07-07-weekly"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(ROOT / "newsletter.toml", tmp_path)
    shutil.copytree(ROOT / "issues", tmp_path / "issues")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / f"issues/{SLUG}/issue.md"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_good_issue_is_silent_and_nothing_is_written(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(str(path) for path in workspace.rglob("*") if ".newsletter" not in path.parts)
    assert run(["check", SLUG]) == 0
    assert capsys.readouterr().out == ""
    assert sorted(str(path) for path in workspace.rglob("*") if ".newsletter" not in path.parts) == before


def test_findings_name_rule_and_place(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(workspace, "Moscow and Baku drift apart {", "{#p-0123abcd} and Baku drift apart {")
    assert run(["check", "--json"]) == 4
    document = json.loads(capsys.readouterr().out)
    assert (document["issue"], document["errors"]) == (SLUG, 1)
    finding = document["findings"][0]
    assert finding["rule"] == "leftover"
    line = int(finding["where"].rpartition(":")[2])
    assert "{#p-0123abcd} and Baku" in (workspace / f"issues/{SLUG}/issue.md").read_text().splitlines()[line - 1]


def test_warnings_stop_only_the_strict(workspace: Path) -> None:
    settings = workspace / "newsletter.toml"
    settings.write_text(settings.read_text().replace("[checks.ignore]", '[checks]\nflag = ["Baku"]\n\n[checks.ignore]'))
    assert run(["check", SLUG]) == 0
    assert run(["check", SLUG, "--strict"]) == 4
    settings.write_text(settings.read_text().replace("[checks.ignore]", '[checks.ignore]\nflag = "we know"'))
    assert run(["check", SLUG, "--strict"]) == 0


def test_sarif_holds_the_places(workspace: Path) -> None:
    edit(workspace, "Moscow and Baku drift apart {", "{#p-0123abcd} and Baku drift apart {")
    assert run(["--quiet", "check", SLUG, "--sarif", "findings.sarif"]) == 4
    document = json.loads(Path("findings.sarif").read_text())
    assert document["version"] == "2.1.0"
    result = document["runs"][0]["results"][0]
    assert result["ruleId"] == "leftover"
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == f"issues/{SLUG}/issue.md"


def test_sarif_that_cannot_be_written_is_told(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workspace / "file").write_text("x")
    assert run(["check", SLUG, "--sarif", "file/findings.sarif"]) == 3
    assert "cannot be written" in capsys.readouterr().err


def test_an_error_stops_the_approval(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(workspace, "Moscow and Baku drift apart {", "{#p-0123abcd} and Baku drift apart {")
    assert run(["approve", SLUG]) == 4
    assert "'{#p-0123abcd}' was left over" in capsys.readouterr().err
    edit(workspace, "{#p-0123abcd} and Baku", "Moscow and Baku")
    assert run(["approve", SLUG, "--by", "the editor"]) == 0
    assert json.loads((workspace / f"issues/{SLUG}/approval.json").read_text())["by"] == "the editor"


def test_without_an_issue_there_is_nothing_to_check(workspace: Path) -> None:
    shutil.rmtree(workspace / "issues")
    assert run(["check"]) == 6
    (workspace / "issues").mkdir()
    assert run(["check", "2025-01-01-weekly"]) == 2


def test_clients_that_are_named_have_their_gaps_told(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", SLUG, "--clients", "Yahoo-web, gmail,outlook", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {one["rule"] for one in document["findings"]} == {"client"}
    told = [one["message"] for one in document["findings"]]
    assert "aria-label attribute: not in Yahoo (web)" in told
    assert "padding: partly in Outlook for Windows: Only supported on table cells." in told
    assert not any("Gmail" in message for message in told)


def test_the_option_wins_over_the_setting(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = workspace / "newsletter.toml"
    settings.write_text(settings.read_text() + '\n[checks]\nclients = ["yahoo"]\n')
    assert run(["check", SLUG]) == 0
    assert "not in Yahoo" in capsys.readouterr().out
    assert run(["check", SLUG, "--clients", "gmail,apple"]) == 0
    assert run(["check", SLUG, "--clients", ""]) == 0
    assert capsys.readouterr().out == ""
    assert run(["check", SLUG, "--strict"]) == 4


def test_a_client_that_is_none_is_told_where_it_was_named(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", SLUG, "--clients", "gmial"]) == 2
    wrong = capsys.readouterr().err
    assert "--clients" in wrong
    assert "no mail client 'gmial'; did you mean \"gmail\"? (there is: gmail, outlook, " in wrong
    settings = workspace / "newsletter.toml"
    settings.write_text(settings.read_text() + '\n[checks]\nclients = ["outlok"]\n')
    assert run(["check", SLUG]) == 3
    assert (
        "newsletter.toml: checks.clients: no mail client 'outlok'; did you mean \"outlook\"?" in capsys.readouterr().err
    )
    assert run(["check", SLUG, "--clients", "gmail"]) == 0


def test_words_of_a_section_without_posts_are_not_lost_in_silence(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = workspace / f"issues/{SLUG}/issue.md"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        f"{text}\n## Europe {{#europe-too}}\n\nThree *good* [words](https://e.org/) - here.\n", encoding="utf-8"
    )
    assert run(["check", SLUG, "--json"]) == 4
    errors = [one for one in json.loads(capsys.readouterr().out)["findings"] if one["level"] == "error"]
    assert [one["rule"] for one in errors] == ["section"]
    assert "no posts, so the 4 words below it are left out of the mail" in errors[0]["message"]


@pytest.mark.parametrize("broken", ["###Moscow and Baku drift apart {", "#### Moscow and Baku drift apart {"])
def test_a_heading_that_is_none_stops_the_issue(
    workspace: Path, capsys: pytest.CaptureFixture[str], broken: str
) -> None:
    edit(workspace, "### Moscow and Baku drift apart {", broken)
    assert run(["check", SLUG, "--json"]) == 4
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert {one["rule"] for one in findings if one["level"] == "error"} >= {"issue", "leftover"}


@pytest.mark.parametrize("subject", ["\ufeff", "\u200b \ufeff", "News \u202egnp.exe", "\u202dNews"])
def test_a_subject_that_cannot_be_seen_or_is_turned_around_is_an_error(
    workspace: Path, capsys: pytest.CaptureFixture[str], subject: str
) -> None:
    path = workspace / f"issues/{SLUG}/issue.md"
    lines = path.read_text(encoding="utf-8").split("\n")
    lines = [f'subject: "{subject}"' if line.startswith("subject:") else line for line in lines]
    path.write_text("\n".join(lines), encoding="utf-8")
    assert run(["check", SLUG, "--json"]) == 4
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert "header-subject" in {one["rule"] for one in findings if one["level"] == "error"}
