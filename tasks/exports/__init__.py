"""Exports: the actor that writes files, the store they are in, sending, sweeping and addresses."""
