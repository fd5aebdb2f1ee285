"""What this DuckDB must not get wrong: a judgement rests on its answers."""

import duckdb


def test_a_sum_over_joined_rows_is_not_taken_for_smaller_than_it_is() -> None:
    """DuckDB 2.0.0 held a sum for no larger than one row of the joined side makes it, and dropped all groups.

    So a provider that was never used again after a fault was not told of. Later versions are right, and so is 1.x.
    """
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE attempts AS SELECT 'a' AS provider, 1 AS attempts, 1 AS at_ns FROM range(6)"
        )
        connection.execute("CREATE TABLE faults AS SELECT 3 AS at_ns")
        rows = connection.execute("""
            SELECT provider
            FROM attempts, (SELECT min(at_ns) AS first_ns FROM faults)
            WHERE at_ns < first_ns
            GROUP BY provider
            HAVING sum(attempts) >= 5
        """).fetchall()
    assert rows == [("a",)]
