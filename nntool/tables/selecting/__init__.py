"""Which produced columns the network is given.

Columns of one block (the one-hot columns of a source, a cycle of a date) are judged as one feature,
except that a constant column of a block is dropped alone. The order of judging: what is dropped by
name, constant columns, features with nearly one value, those whose source is mostly missing,
repeated columns, features that another one tells already, then the best by score. What is kept by
name survives all of it.
"""

from nntool.tables.selecting.columns import InMemory
from nntool.tables.selecting.elimination import RecursiveElimination
from nntool.tables.selecting.fitting import fit
from nntool.tables.selecting.forward import Forward
from nntool.tables.selecting.judged import Score
from nntool.tables.selecting.mrmr import MRMR
from nntool.tables.selecting.networks import L1Network, Permutation
from nntool.tables.selecting.scores import ChiSquare, FTest, MutualInformation

__all__ = ["SCORES", "InMemory", "fit"]

SCORES: dict[str, type[Score]] = {
    "mutual-information": MutualInformation,
    "f-test": FTest,
    "chi2": ChiSquare,
    "mrmr": MRMR,
    "l1-network": L1Network,
    "permutation": Permutation,
    "rfe": RecursiveElimination,
    "forward": Forward,
}
