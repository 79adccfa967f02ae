"""The tail of the normal distribution, for whole arrays at once: one table of its logarithm, read in both directions.

Between its nodes the table is linear: a deviate is off by less than 0.0001. It ends at 37.5 standard deviations, where doubles do.
"""

import math

import numpy as np
from numpy.typing import NDArray

_Z = np.linspace(-37.5, 37.5, 4_001)
_LOG_SF = np.log([0.5 * math.erfc(z / math.sqrt(2)) for z in _Z])
_FALLING = _LOG_SF[::-1].copy()
_Z_FALLING = _Z[::-1].copy()

Floats = NDArray[np.float64]


def log_sf(z: Floats) -> Floats:
    """The logarithm of the probability of more than `z`."""
    logarithm: Floats = np.interp(z, _Z, _LOG_SF)
    return logarithm


def above(z: Floats, uniform: Floats) -> Floats:
    """A deviate, given that it is more than `z`: the inverse of the tail, at `uniform` in (0, 1] of what is left of it."""
    deviate: Floats = np.interp(np.log(uniform) + log_sf(z), _FALLING, _Z_FALLING)
    limit: Floats = np.minimum(z, _Z[-1])
    return np.where(deviate > limit, deviate, limit)
