"""How much a search looks at."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """How many of everything are followed.

    Attributes
    ----------
    places, disks : int
        Of the lattice, by the rims, and of the finder.
    poses : int
        Of each place or disk.
    hypotheses : int
        Of thickness, tilt and pose, that each place or disk brings.
    fitted, finished : int
        Those of them all that are fitted briefly, and fits that are finished.
    """

    places: int
    disks: int
    poses: int
    hypotheses: int
    fitted: int
    finished: int


#: Most patterns need no more than this; where nothing good is found, much more is looked at.
QUICK = Effort(6, 2, 3, 4, 8, 3)
THOROUGH = Effort(16, 4, 8, 8, 24, 6)
