"""The audit: a row per change of people that a command or a token makes, with before and after."""
