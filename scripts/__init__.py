"""The commands of README and docs/contributing.md, and their parts."""
