"""Retention: drafts and quotations are deleted when they are older than the settings allow."""
