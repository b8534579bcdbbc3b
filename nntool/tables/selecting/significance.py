"""−log₁₀ of the probability of a statistic by chance, also where that is too small for a float."""

from collections.abc import Iterator
from math import log, log1p

SMALLEST = 1e-280
"""Below it a probability is found by its logarithm: it would become 0, and all of them equal."""
LARGEST_F = 1e300
"""What an infinite F (no spread within the classes) counts as."""
TERMS = 100_000
TINY = 1e-300


def f_significance(f: float, between: int, within: int) -> float:
    """Give −log₁₀ P(F ≥ f) on so many degrees of freedom; 0 where f is not a number.

    With a = within/2, b = between/2 and x = within/(within + between·f), P is the regularized
    incomplete beta function I_x(a, b) = xᵃ(1−x)ᵇ/(a·B(a, b)) / K, K by DLMF 8.17.22.

    >>> round(f_significance(4.0, 1, 100), 4)
    1.3168
    """
    from scipy.special import betaln, fdtrc

    if f != f or between < 1 or within < 1:
        return 0.0
    f = min(f, LARGEST_F)
    p = float(fdtrc(between, within, f))
    if p > SMALLEST:
        return _minus_log10(log(p))
    a, b, x = within / 2, between / 2, within / (within + between * f)
    below = continued_fraction(_beta_terms(a, b, x))
    return _minus_log10(a * log(x) + b * log1p(-x) - log(a) - float(betaln(a, b)) - log(below))


def chi2_significance(chi2: float, degrees: int) -> float:
    """Give −log₁₀ P(χ² ≥ chi2) on so many degrees of freedom; 0 where there are none.

    With s = degrees/2 and z = chi2/2, P is Γ(s, z)/Γ(s) = zˢe⁻ᶻ/Γ(s) / K, K by DLMF 8.9.2.

    >>> round(chi2_significance(3.841458820694124, 1), 6)
    1.30103
    """
    from scipy.special import chdtrc, gammaln

    if degrees < 1:
        return 0.0
    p = float(chdtrc(degrees, chi2))
    if p > SMALLEST:
        return _minus_log10(log(p))
    s, z = degrees / 2, chi2 / 2
    below = continued_fraction(_gamma_terms(s, z))
    return _minus_log10(s * log(z) - z - float(gammaln(s)) - log(below))


def continued_fraction(terms: Iterator[tuple[float, float]]) -> float:
    """Give b₀ + a₁/(b₁ + a₂/(b₂ + …)) of pairs (aₙ, bₙ), of which a₀ is not used.

    Lentz 1976, Applied Optics 15, as modified by Thompson and Barnett 1986.

    >>> round(continued_fraction(iter([(1.0, 1.0)] * 60)), 12)  # the golden ratio
    1.61803398875
    """
    _, value = next(terms)
    c, d = value, 0.0
    for a, b in terms:
        d = 1 / ((b + a * d) or TINY)
        c = (b + a / c) or TINY
        value *= c * d
        if abs(c * d - 1) < 1e-14:
            break
    return value


def _gamma_terms(s: float, z: float) -> Iterator[tuple[float, float]]:
    """The terms for z > s: z + 1 − s, and from there −n(n − s) and z + 2n + 1 − s."""
    for n in range(TERMS):
        yield -n * (n - s), z + 2 * n + 1 - s


def _beta_terms(a: float, b: float, x: float) -> Iterator[tuple[float, float]]:
    """The terms for x below a/(a + b): 1, and from there x times a quotient of a and b."""
    yield 0.0, 1.0
    for m in range(TERMS):
        yield -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)), 1.0
        k = m + 1
        yield k * (b - k) * x / ((a + 2 * k - 1) * (a + 2 * k)), 1.0


def _minus_log10(natural: float) -> float:
    return max(0.0, -natural / log(10))
