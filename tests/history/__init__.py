"""Tests of the history of baskets."""
