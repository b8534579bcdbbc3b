"""−log₁₀ of the probability of a statistic by chance, also where that is too small for a float."""

from math import log, log1p

SMALLEST = 1e-280
"""Below it a probability is found by its logarithm: it would become 0, and all of them equal."""
LARGEST_F = 1e300
"""What an infinite F (no spread within the classes) counts as."""


def f_significance(f: float, between: int, within: int) -> float:
    """Give −log₁₀ P(F ≥ f) on so many degrees of freedom; 0 where f is not a number.

    With a = within/2, b = between/2 and x = within/(within + between·f), P is the regularized
    incomplete beta function I_x(a, b) = xᵃ(1−x)ᵇ/(a·B(a, b)) · ₂F₁(a+b, 1; a+1; x).

    >>> round(f_significance(4.0, 1, 100), 4)
    1.3171
    """
    from scipy.special import betaln, fdtrc, hyp2f1

    if f != f or between < 1 or within < 1:
        return 0.0
    f = min(f, LARGEST_F)
    p = float(fdtrc(between, within, f))
    if p > SMALLEST:
        return _minus_log10(log(p))
    a, b, x = within / 2, between / 2, within / (within + between * f)
    inner = float(hyp2f1(a + b, 1, a + 1, x))
    return _minus_log10(a * log(x) + b * log1p(-x) - log(a) - float(betaln(a, b)) + log(inner))


def chi2_significance(chi2: float, degrees: int) -> float:
    """Give −log₁₀ P(χ² ≥ chi2) on so many degrees of freedom; 0 where there are none.

    With s = degrees/2 and z = chi2/2, P is Γ(s, z)/Γ(s) = zˢe⁻ᶻ/Γ(s) · U(1, 1+s, z).

    >>> round(chi2_significance(3.841458820694124, 1), 6)
    1.30103
    """
    from scipy.special import chdtrc, gammaln, hyperu

    if degrees < 1:
        return 0.0
    p = float(chdtrc(degrees, chi2))
    if p > SMALLEST:
        return _minus_log10(log(p))
    s, z = degrees / 2, chi2 / 2
    inner = float(hyperu(1, 1 + s, z))
    return _minus_log10(s * log(z) - z - float(gammaln(s)) + log(inner))


def _minus_log10(natural: float) -> float:
    return max(0.0, -natural / log(10))
