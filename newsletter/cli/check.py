"""`newsletter check`: everything that can be known of an issue before it is sent."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from newsletter import __version__
from newsletter.cli.common import Context, chosen_issue, complete_issues, in_workspace
from newsletter.model import Finding
from newsletter.text.words import count_of
from newsletter.workspace.whole_files import write_whole


def parse_clients(ctx: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    """Mail clients given as `gmail,outlook`."""
    if value is None:
        return None
    from newsletter.checking import about_unknown

    names = tuple(name.strip() for name in value.split(",") if name.strip())
    if wrong := about_unknown(names):
        raise click.BadParameter(wrong, ctx, parameter)
    return names


@click.command("check")
@click.argument("issue", required=False, shell_complete=complete_issues)
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.option(
    "--clients", callback=parse_clients, metavar="NAMES", help="Mail clients to check for: gmail,outlook,apple."
)
@click.option("--links", "visit", is_flag=True, help="Visit every link: which lead nowhere, which have moved.")
@click.option("--sarif", type=click.Path(dir_okay=False, path_type=Path), help="Write the findings as SARIF 2.1.0 too.")
@in_workspace
def command(
    here: Context, issue: str | None, strict: bool, clients: tuple[str, ...] | None, visit: bool, sarif: Path | None
) -> int:
    """Look at an issue as it would go out: what clients need, size, links, contrast, both parts, left-over words.

    Example: newsletter check 2025-07-07-weekly
    """
    from newsletter.flows.build import render_issue
    from newsletter.flows.check import check_issue

    slug = chosen_issue(here, issue)
    rendered = render_issue(here.workspace, here.config, slug)
    checks = here.config.checks if clients is None else replace(here.config.checks, clients=clients)
    findings = check_issue(here.workspace, replace(here.config, checks=checks), rendered)
    if visit:
        from newsletter.flows.check_links import check_links

        findings += check_links(rendered, here.config)
    errors = sum(one.level == "error" for one in findings)
    warnings = len(findings) - errors
    document = {
        "issue": slug,
        "errors": errors,
        "warnings": warnings,
        "findings": [asdict(one) for one in findings],
    }
    if sarif:
        write_whole(sarif, f"{json.dumps(write_sarif(findings), ensure_ascii=False, indent=1)}\n".encode())
    here.ui.answer(document, [(one.level, one.rule, one.where, one.message) for one in findings])
    bad = errors or (strict and warnings)
    here.ui.say(f"{slug}: {count_of(errors, 'error')}, {count_of(warnings, 'warning')}", "red" if bad else "green")
    return 4 if bad else 0


def write_sarif(findings: Sequence[Finding]) -> dict[str, Any]:
    """SARIF 2.1.0, as code hosts read it."""
    rules = sorted({one.rule for one in findings})
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "newsletter check",
                        "version": __version__,
                        "rules": [{"id": rule} for rule in rules],
                    }
                },
                "results": [_result(one) for one in findings],
            }
        ],
    }


def _result(finding: Finding) -> dict[str, Any]:
    file, _, line = finding.where.rpartition(":")
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "level": finding.level,
        "message": {"text": str(finding)},
    }
    if file and line.isdecimal():
        place = {"artifactLocation": {"uri": file}, "region": {"startLine": int(line)}}
        result["locations"] = [{"physicalLocation": place}]
    return result
