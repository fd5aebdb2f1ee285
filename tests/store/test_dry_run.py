"""A statement is tried on a log without events, before there is a run to ask."""

from battle.store.dry_run import dry_run

GOOD = {
    "count": "SELECT count(*) FROM attempts",
    "from first": "FROM requests SELECT max(ended_ns)",
    "with": "WITH late AS (FROM requests WHERE sent_ns IS NULL) SELECT count(*) / 2 FROM late",
    "truth": "SELECT bool_and(outcome = 'ok') FROM requests",
    "view": "SELECT avg(time_to_detect_ns) FROM fault_windows -- with a comment at its end",
    "decimal": "SELECT 1.5",
    "nothing": "SELECT NULL",
    "semicolon": "SELECT sum(rss_bytes) FROM system_samples;",
}
BAD = {
    "typo": ("SELECT count(*) FROM attemps", "Catalog Error"),
    "column": ("SELECT max(ended) FROM requests", "Binder Error"),
    "syntax": ("SELECT FROM WHERE", "Parser Error"),
    "two": ("SELECT 1; SELECT 2", "one statement is expected"),
    "columns": ("SELECT provider, count(*) FROM attempts GROUP BY ALL", "it gives 2 columns"),
    "text": ("SELECT any_value(provider) FROM attempts", "it gives a VARCHAR, and a number is expected"),
    "write": ("DROP TABLE run", ""),
    "file": ("SELECT count(*) FROM read_csv('/etc/passwd')", "Permission Error"),
    "empty": ("", ""),
}


def test_what_could_give_a_number_is_sound():
    assert dry_run(GOOD) == {}


def test_each_mistake_is_told_by_its_name():
    found = dry_run({name: sql for name, (sql, _) in BAD.items()})
    assert list(found) == list(BAD)
    for name, (_, why) in BAD.items():
        assert why in found[name], found[name]
