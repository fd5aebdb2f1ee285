"""Histograms in both forms."""

import math

from hypothesis import given
from hypothesis import strategies as st

from battle.monitoring.distribution import BOUNDS_S, BUCKETS_MAX, SCALE, Distribution, bucket_index

values = st.lists(st.floats(min_value=1e-7, max_value=1e4), min_size=1, max_size=50)


def distribution(*values_s):
    found = Distribution()
    for value in values_s:
        found.add(value)
    return found


@given(st.floats(min_value=1e-7, max_value=1e4))
def test_a_value_is_within_its_bucket(value):
    index = bucket_index(value)
    assert 2 ** (index / 2**SCALE) <= value * (1 + 1e-12)
    assert value <= 2 ** ((index + 1) / 2**SCALE) * (1 + 1e-12)


def test_a_power_of_two_is_the_upper_bound_of_its_bucket():
    assert bucket_index(1.0) == -1
    assert bucket_index(2.0) == 2**SCALE - 1
    assert bucket_index(math.nextafter(1.0, 2.0)) == 0


@given(values)
def test_buckets_are_few_and_hold_every_value(values_s):
    scale, offset, counts = distribution(*values_s).buckets()
    assert len(counts) <= BUCKETS_MAX
    assert sum(counts) == len(values_s)
    for value in values_s:
        index = (bucket_index(value)) >> (SCALE - scale)
        assert counts[index - offset] > 0


def test_a_wide_range_gets_coarser_buckets():
    scale, _, counts = distribution(1e-6, 100.0).buckets()
    assert scale < SCALE
    assert sum(counts) == 2


@given(values, values)
def test_merging_counts_all(first, second):
    merged = distribution(*first)
    merged.merge(distribution(*second))
    together = distribution(*first, *second)
    assert merged.exponential == together.exponential
    assert merged.fixed == together.fixed
    assert (merged.count, merged.minimum, merged.maximum) == (
        together.count,
        together.minimum,
        together.maximum,
    )


def test_a_bound_belongs_to_its_own_fixed_bucket_and_zero_to_none():
    found = distribution(BOUNDS_S[0], 0.0, 1000.0)
    assert found.fixed[0] == 2
    assert found.fixed[-1] == 1
    assert found.zeros == 1
    assert sum(found.exponential.values()) == 2
