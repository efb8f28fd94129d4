"""What a long-lived process does once when it has loaded everything."""

import gc
import resource

MOST_BYTES = 2 << 30  # several times what the longest document takes


def settle() -> None:
    """Spare the collector what is never garbage.

    Everything loaded at start stays for good; without this each full collection walks all of it
    again, a tenth of the time of a purchase's life. Frozen pages also stay shared after a fork.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def bound() -> None:
    """Let what a process keeps for itself grow so far and no further.

    What asks for more fails there, as any work does, before the machine ends a process of its own
    choice.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = MOST_BYTES if hard == resource.RLIM_INFINITY else min(MOST_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
