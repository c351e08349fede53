"""Tests of documents that requests name instead of sending."""
