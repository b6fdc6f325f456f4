"""What a run found out: ``report.json`` for programs and ``report.html`` for people."""

from narrowcast.report.html import render_html
from narrowcast.report.schema import SCHEMA_VERSION, build_report

__all__ = ["SCHEMA_VERSION", "build_report", "render_html"]
