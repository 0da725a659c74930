"""A predictor for a crystal of which there is nothing but its structure file."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pacbed.infer.open_predictor import AnyPredictor, open_predictor
from pacbed.own_crystal.conditions import MISTILT_MAX_MRAD, THICKNESS_MAX_NM, crystal_conditions
from pacbed.own_crystal.simulated_table import table_model
from pacbed.own_crystal.understood import understand


def open_crystal(
    cif: Path | str,
    *,
    zone_axis: str | Sequence[int],
    high_tension_kV: float,
    convergence_mrad: float | tuple[float, float] | None = None,
    thickness_max_nm: float = THICKNESS_MAX_NM,
    mistilt_max_mrad: float = MISTILT_MAX_MRAD,
    b_iso: Mapping[str, float] | None = None,
    progress: Callable[[float], None] | None = None,
    cache: bool = True,
    threads: int = 1,
    budget: bool = False,
) -> AnyPredictor:
    """Open a predictor for a crystal from its structure file; nothing is trained.

    The first call simulates what patterns of the crystal need, which takes seconds to a minute;
    the table is kept in the user's cache, and later calls return at once.

    Parameters
    ----------
    cif : Path or str
        The structure: a CIF, or the name of a known crystal, such as ``GaN``
        (:func:`pacbed.known_crystals` lists them).
    zone_axis : str or sequence of int
        Direction [uvw] along the beam, such as ``"1 1 0"``; of a hexagonal crystal also
        [uvtw], such as ``"1 1 -2 0"``.
    high_tension_kV : float
    convergence_mrad : float or tuple of float, optional
        Convergence semi-angle of the patterns, or the smallest and largest; without it all from
        4 to 35 mrad, which takes longer.
    thickness_max_nm, mistilt_max_mrad : float
        How far answers reach.
    b_iso : mapping of str to float, optional
        Debye–Waller factors B in Å² by element; they go before those of the CIF.
    progress : callable, optional
        Called with the finished share of the simulation, 0..1.
    cache : bool
        Whether tables are taken from the user's cache, and kept there.
    threads : int
        Threads of one inference.
    budget : bool
        Whether it is measured, once for the crystal, how far answers move where Debye–Waller
        factors, absorption or potential are others; that takes as long again. Without it the
        budget of an answer has usual values.

    Returns
    -------
    AnyPredictor
        Answers with ``infer(pattern, convergence_mrad=None, mrad_per_pixel=None)``.

    Raises
    ------
    CrystalError
        If the structure or the zone axis cannot be used.
    OutOfRangeError
        If a number lies outside what can be simulated.

    Examples
    --------
    ::

        predictor = pacbed.open_crystal("GaN", zone_axis="1 1 -2 0", high_tension_kV=200)
        estimate = predictor.infer(pattern)
    """
    asked = crystal_conditions(
        cif,
        zone_axis,
        high_tension_kV,
        convergence_mrad,
        thickness_max_nm,
        mistilt_max_mrad,
        b_iso,
    )
    told = progress or (lambda share: None)
    model = table_model(
        understand(asked), progress=progress, cache=cache, budget=told if budget else None
    )
    return open_predictor(model, threads)
