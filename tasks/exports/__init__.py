"""Exports: the actor that writes files, their store, sending, sweeping and addresses."""
