"""The results of a run: ``report.json`` for programs and ``report.html`` for people."""

from narrowcast.report.build import build_report
from narrowcast.report.schema import SCHEMA_VERSION, Report

__all__ = ["SCHEMA_VERSION", "Report", "build_report"]
