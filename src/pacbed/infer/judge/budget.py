"""What the error of a fit's answer is made of."""

import math
from functools import lru_cache
from importlib.resources import files

from pacbed.answer.budget import Budget, BudgetPart
from pacbed.bounded import parse_json
from pacbed.infer.fit.found import Fit
from pacbed.infer.judge.confidence import Calibration
from pacbed.library.models.sensitivities import Sensitivities

#: What other crystals' answers move by, where it was not measured for a system; the file says of
#: which.
_USUAL = "usual_sensitivities.json"


def budget_of(fit: Fit, calibration: Calibration, measured: Sensitivities | None) -> Budget:
    """The parts of an answer's error.

    The error bars are calibrated as they are; their parts are shares of them: noise, of which the
    fit's own covariance says how much comes with the convergence angle that it finds, and what
    is left, which is the model's. Beside them stands what the recipe may be off by.

    Parameters
    ----------
    fit : Fit
    calibration : Calibration
        Gives the error bars.
    measured : Sensitivities or None
        Of the system; usual ones where there are none.
    """
    p, noise = fit.parameters, fit.noise_share
    thickness = calibration.thickness_std(fit.thickness_std_nm, p.thickness_nm, noise)
    tilt = calibration.tilt_std(fit.tilt_std_mrad, p.thickness_nm, noise)
    own = (
        min(thickness, calibration.thickness_scale * math.sqrt(noise) * fit.thickness_std_nm),
        min(tilt, calibration.tilt_scale * math.sqrt(noise) * fit.tilt_std_mrad),
    )
    pairs = list(zip(own, fit.shares_of_convergence, strict=True))
    sensitivities = usual_sensitivities() if measured is None else measured
    inside = {
        "noise": [std * math.sqrt(1 - share) for std, share in pairs],
        "convergence": [std * math.sqrt(share) for std, share in pairs],
        "model": [
            math.sqrt(max(0.0, whole**2 - std**2))
            for whole, std in zip((thickness, tilt), own, strict=True)
        ],
    }
    parts = [BudgetPart(name, None, nm, mrad, True) for name, (nm, mrad) in inside.items()]
    for shift in sensitivities.at(p.thickness_nm, p.convergence_mrad):
        size = shift.thickness_nm, shift.tilt_mrad
        parts.append(BudgetPart(shift.name, shift.change, *size, False))
    return Budget.of(tuple(parts), measured is not None)


@lru_cache(maxsize=1)
def usual_sensitivities() -> Sensitivities:
    """Root mean squares over the crystals that were measured."""
    text = files("pacbed.infer.judge").joinpath(_USUAL).read_bytes()
    return Sensitivities.from_dict(parse_json(text))
