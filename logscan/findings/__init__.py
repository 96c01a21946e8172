"""Evidence to findings: merged, explained, ranked, and cut to a budget."""

from logscan.findings.finding import MAX_LINES, Finding, Kind, Line

__all__ = ["MAX_LINES", "Finding", "Kind", "Line"]
