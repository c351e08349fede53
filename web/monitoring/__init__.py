"""What operators watch: request records, metrics, traces, health."""
