"""What the answers are worth: a value for each query."""

import numpy as np

from scripts.evaluation.bootstrap import Values
from scripts.evaluation.data import Numbers
from scripts.evaluation.neighbours import Answers


def precision(answers: Answers, values: Numbers, queried: Numbers) -> Values:
    """Precision@k: the share of each query's answers with the value of its product; not a number where it has none.

    ``values``: of each product, -1 where it has none. ``queried``: the product of each query.
    """
    wanted = values[queried]
    found = np.where(answers.products >= 0, values[answers.products], -1)
    return np.where(wanted >= 0, (found == wanted[:, np.newaxis]).mean(axis=1), np.nan)


def found_within(answers: Answers, queried: Numbers, first: int) -> Values:
    """1 where the query's product is among the first so many answers, else 0."""
    found: Values = (answers.products[:, :first] == queried[:, np.newaxis]).any(axis=1).astype(np.float64)
    return found
