"""Φ⁻¹, the inverse of the normal distribution function, without SciPy."""

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]

# Coefficients of the rational approximations of Wichura 1988, algorithm AS 241 (PPND16), from the
# constant term on; numerator and denominator, for the middle, the tails and the far tails.
_MIDDLE = (
    (
        3.3871328727963666080,
        1.3314166789178437745e2,
        1.9715909503065514427e3,
        1.3731693765509461125e4,
        4.5921953931549871457e4,
        6.7265770927008700853e4,
        3.3430575583588128105e4,
        2.5090809287301226727e3,
    ),
    (
        1.0,
        4.2313330701600911252e1,
        6.8718700749205790830e2,
        5.3941960214247511077e3,
        2.1213794301586595867e4,
        3.9307895800092710610e4,
        2.8729085735721942674e4,
        5.2264952788528545610e3,
    ),
)
_TAIL = (
    (
        1.42343711074968357734,
        4.63033784615654529590,
        5.76949722146069140550,
        3.64784832476320460504,
        1.27045825245236838258,
        2.41780725177450611770e-1,
        2.27238449892691845833e-2,
        7.74545014278341407640e-4,
    ),
    (
        1.0,
        2.05319162663775882187,
        1.67638483018380384940,
        6.89767334985100004550e-1,
        1.48103976427480074590e-1,
        1.51986665636164571966e-2,
        5.47593808499534494600e-4,
        1.05075007164441684324e-9,
    ),
)


def normal_quantile(p: Numbers) -> Numbers:
    """Give z with Φ(z) = p, to 15 digits, for p in [1e-10, 1 − 1e-10]; NaN stays NaN.

    Source: Wichura 1988, algorithm AS 241, Applied Statistics 37(3), 477–484.

    >>> normal_quantile(np.array([0.025, 0.5])).round(4) + 0.0
    array([-1.96,  0.  ])
    """
    q = p - 0.5
    r = 0.180625 - q * q
    z = q * _ratio(r, _MIDDLE)
    tail = np.abs(q) > 0.425
    r = np.sqrt(-np.log(np.minimum(p[tail], 1 - p[tail]))) - 1.6
    z[tail] = np.copysign(_ratio(r, _TAIL), q[tail])
    return z


def _ratio(r: Numbers, coefficients: tuple[tuple[float, ...], tuple[float, ...]]) -> Numbers:
    numerator, denominator = (np.polynomial.polynomial.polyval(r, c) for c in coefficients)
    quotient: Numbers = numerator / denominator
    return quotient
