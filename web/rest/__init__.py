"""The documented REST interface: a second door to the same units of work and reads, without rules of its own."""
