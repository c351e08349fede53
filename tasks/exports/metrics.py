"""The metrics of exports, counted by servers and by workers."""

from prometheus_client import Counter

FILES_MISSING = Counter(
    "basket_export_files_missing",
    "Completed exports whose file was not in the export store of this process.",
)
