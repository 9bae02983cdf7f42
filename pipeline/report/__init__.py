"""A run as one page that needs nothing else: its summary, its pictures, and every label with its reasons.

`write_report` reads the run's rows once. The page holds them compressed, a chunk of solutions at a time;
what runs in it and how it looks lies beside this file in `page/`. It knows the kinds of evidence, and no
annotator by name.
"""

from pipeline.report.write import report_stands, write_report

__all__ = ["report_stands", "write_report"]
