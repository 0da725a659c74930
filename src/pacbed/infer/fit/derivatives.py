"""A synthesised pattern at measured pixels, and how it changes with where it lies on them."""

from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Angles, Matrix, Numbers, Pixels
from pacbed.infer.fit.parameters import (
    CENTER_X,
    CENTER_Y,
    ELLIPSE_A,
    ELLIPSE_B,
    LOG_SCALE,
    ROTATION,
    FitParameters,
)
from pacbed.infer.fit.samples import Samples
from pacbed.pattern.geometry import turn_matrix


@dataclass(frozen=True)
class Evaluation:
    """A pattern at the samples.

    Attributes
    ----------
    pattern : ndarray, shape (N,)
        Intensity, with a mean of about 1 inside the disk.
    diffuse : ndarray, shape (N,)
        The same, scattered widely.
    laplacian : ndarray, shape (N,)
        Second derivative by angle, 1/mrad²: what blur adds.
    phonons : ndarray, shape (N,)
        Where phonons send electrons, see :mod:`pacbed.lacbed.lost`; 0 if the table does not know.
    jacobian : ndarray, shape (N, 10)
        Derivatives of `pattern` with respect to the parameters.
    """

    pattern: Numbers
    diffuse: Numbers
    laplacian: Numbers
    phonons: Numbers
    jacobian: Numbers


@dataclass(frozen=True)
class PixelAngles:
    """The samples in the crystal's frame.

    Attributes
    ----------
    angle : ndarray, shape (N, 2)
        From the disk's centre, mrad.
    to_crystal : ndarray, shape (2, 2)
        From pixels of the pattern to `angle`.
    offset : ndarray, shape (N, 2)
        From the disk's centre, pixels of the pattern.
    """

    angle: Angles
    to_crystal: Matrix
    offset: Pixels

    @classmethod
    def of(cls, parameters: Numbers, samples: Samples) -> "PixelAngles":
        """Where samples lie with a fit's parameters, shape (10,)."""
        matrix = FitParameters.from_vector(parameters).detector.to_crystal
        center = parameters[CENTER_X], parameters[CENTER_Y]
        offset = np.stack([samples.x - center[0], samples.y - center[1]], axis=1)
        return cls(offset @ matrix.T, matrix, offset)


def width_mrad(parameters: Numbers, samples: Samples, blur_mrad: float) -> float:
    """σ of a pixel's width and a blur together, mrad."""
    pitch = samples.pitch_px * np.exp(parameters[LOG_SCALE])
    return float(np.sqrt(pitch**2 / 12 + blur_mrad**2))


def fill_pose(
    jacobian: Numbers, gradient: Numbers, parameters: Numbers, pixels: PixelAngles
) -> None:
    """Write the derivatives by centre, scale, rotation and distortion.

    Parameters
    ----------
    jacobian : ndarray, shape (N, 10)
        Where they are written.
    gradient : ndarray, shape (N, 2)
        Of the pattern by the angle, 1/mrad.
    parameters : ndarray, shape (10,)
    pixels : PixelAngles
    """
    angle, (grad_x, grad_y) = pixels.angle, gradient.T
    jacobian[:, CENTER_X] = -gradient @ pixels.to_crystal[:, 0]
    jacobian[:, CENTER_Y] = -gradient @ pixels.to_crystal[:, 1]
    jacobian[:, LOG_SCALE] = (gradient * angle).sum(axis=1)
    jacobian[:, ROTATION] = grad_x * angle[:, 1] - grad_y * angle[:, 0]
    turn = turn_matrix(-parameters[ROTATION]) * np.exp(parameters[LOG_SCALE])
    x, y = pixels.offset.T
    jacobian[:, ELLIPSE_A] = (gradient * (np.stack([x, -y], axis=1) @ turn.T)).sum(axis=1)
    jacobian[:, ELLIPSE_B] = (gradient * (np.stack([y, x], axis=1) @ turn.T)).sum(axis=1)
