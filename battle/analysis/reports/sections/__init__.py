"""The sections of a report, one file for those of one subject. A file that is added here is a section."""

from battle.analysis.reports.section import ReportSection
from battle.store.definitions import defined_in, refuse_twins

SECTIONS = tuple(sorted(defined_in(__name__, ReportSection), key=lambda section: section.place))
"""All sections, in the order in which they are read."""
refuse_twins("section", (section.title for section in SECTIONS))
