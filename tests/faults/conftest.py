"""The stand of real processes for every fault test."""

from tests.faults.stand import broker, folder_stand, stand

__all__ = ["broker", "folder_stand", "stand"]
