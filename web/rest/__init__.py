"""The documented REST interface to the same units of work and reads, without own rules."""
