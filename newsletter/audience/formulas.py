"""Cells that a spreadsheet would run as a formula get a `'` in front, and lose it when we read them (security T23)."""

import re

# Attack: =HYPERLINK(…) as a reader's name, clicked by the editor who opens the export. The `'` of a cell that begins
# with one already is doubled, so that taking one away always gives the cell back.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")


def guard(cell: str) -> str:
    """A cell that no spreadsheet runs.

    >>> guard("=1+1"), guard("'=1+1"), guard("O'Neil"), guard("'tis")
    ("'=1+1", "''=1+1", "O'Neil", "'tis")
    """
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unguard(cell: str) -> str:
    """What `guard` was given."""
    return cell[1:] if _GUARDED.match(cell) else cell
