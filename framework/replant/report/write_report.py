"""Writes a report in the form that the name of its file says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from replant.artifact.atomic_output import check_writable, whole_file
from replant.errors import UsageError
from replant.report.run_report import RunReport

#: How a report is written, by the end of its file's name.
FORMS = (".json", ".md", ".html")


def check_report_file(file: str) -> None:
    """Refuse a file that cannot be written, before any work is done.

    Raises:
        UsageError: nobody knows what to write under that name.
        OutputError: it cannot be written.

    """
    if Path(file).suffix not in FORMS:
        raise UsageError(
            f"--report {file}: the name says how the report is written; end it with "
            f"{', '.join(FORMS[:-1])} or {FORMS[-1]}"
        )
    check_writable(file, force=True)


def write_report(report: RunReport, file: str) -> None:
    """Write a report; one that has the same name is replaced.

    Raises:
        OutputError: it cannot be written.

    """
    text = _form_of(file)(report)
    with whole_file(file, force=True) as out:
        out.write(text.encode())


def _form_of(file: str) -> Callable[[RunReport], str]:
    """Import only what writes this form."""
    if file.endswith(".json"):
        from replant.report.report_json import report_as_json  # noqa: PLC0415 - on use

        return report_as_json
    if file.endswith(".md"):
        from replant.report.report_markdown import report_as_markdown  # noqa: PLC0415 - on use

        return report_as_markdown
    from replant.report.report_html import report_as_html  # noqa: PLC0415 - on use

    return report_as_html
