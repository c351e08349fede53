"""Monitoring: request records, metrics, traces, health."""
