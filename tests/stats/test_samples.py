import numpy as np
import pytest

from harness.stats.samples import as_positive, as_processes, as_samples, check_confidence


@pytest.mark.parametrize(
    ("give", "says"),
    [
        (lambda: as_samples([]), "samples have shape (0,); give a sequence of at least one number"),
        (lambda: as_samples([[1.0]]), "samples have shape (1, 1); give a sequence of at least one number"),
        (lambda: as_samples([1.0, np.inf]), "sample 1 is inf; samples are finite numbers"),
        (lambda: as_positive([1.0, 0.0]), "sample 1 is 0.0; a ratio needs positive numbers"),
        (lambda: as_processes([]), "no processes; give the samples of at least one"),
        (lambda: as_processes([[1.0], []]), "samples have shape (0,); give a sequence of at least one number"),
        (lambda: check_confidence(95), "confidence is 95; give a number between 0 and 1, such as 0.95"),
    ],
)
def test_what_cannot_be_counted_is_refused_in_a_sentence(give, says):
    with pytest.raises(ValueError) as error:
        give()
    assert str(error.value) == says
