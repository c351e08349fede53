"""What may be asked and what an answer looks like: declarations only; it reads nothing by itself."""
