"""The answering: who asks, in which unit of work, from which rows."""
