"""How the attempts of a request are told apart."""

from actors.provider.service import Attempts


def test_the_attempts_of_each_request_are_counted():
    attempts = Attempts()
    asked = ["w0-1", "w0-2", "w0-1", "w0-1", "w0-2"]
    assert [attempts.key(name)[1] for name in asked] == [1, 1, 2, 3, 2]


def test_what_others_ask_does_not_change_the_key():
    alone, among_others = Attempts(), Attempts()
    for number in range(100):
        among_others.key(f"w1-{number}")
        among_others.key(None)
    assert alone.key("w0-1") == among_others.key("w0-1")


def test_requests_without_an_id_have_keys_of_their_own():
    attempts = Attempts()
    assert len({attempts.key(None) for _ in range(10)}) == 10


def test_only_the_requests_seen_last_are_remembered():
    attempts = Attempts(remembered=2)
    for name in ("a", "b", "a", "c"):
        attempts.key(name)
    assert attempts.key("a") == ("a", 3)
    assert attempts.key("b") == ("b", 1)
