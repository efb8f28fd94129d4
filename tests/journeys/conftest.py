"""Journeys in the background run on the same real processes as the fault tests."""

from tests.faults.stand import broker, stand

__all__ = ["broker", "stand"]
