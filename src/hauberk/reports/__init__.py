"""Reports on finished runs, as a page or as text, made from their files alone, never from a network."""

from hauberk.reports.cascade_table import print_cascade
from hauberk.reports.comparison_table import print_comparison
from hauberk.reports.html import write_report
from hauberk.reports.rest import print_rest
from hauberk.reports.search import print_search, write_search
from hauberk.reports.tables import headline, headline_line, print_headline
from hauberk.reports.unforeseen import print_adversaries

__all__ = [
    "headline",
    "headline_line",
    "print_adversaries",
    "print_cascade",
    "print_comparison",
    "print_headline",
    "print_rest",
    "print_search",
    "write_report",
    "write_search",
]
