"""Locks are taken in one order, whatever the order in which they are named."""

from itertools import permutations

from bot.store.locks import key_lock, row_lock, statements

LOCKS = [row_lock("a", 1), row_lock("a", 2, shared=True), row_lock("b", 1), key_lock("a", ("x", "y"), (1, "z"))]


def test_locks_are_taken_in_one_order_and_those_of_keys_last() -> None:
    (sql,) = {statements(locks) for locks in permutations(LOCKS)}
    assert sql.split("; ")[-1] == LOCKS[3].statement
    assert sorted(sql.split("; ")) == sorted(lock.statement for lock in LOCKS)


def test_a_lock_that_is_named_twice_is_taken_once_and_as_the_stronger_one() -> None:
    strong, weak = row_lock("a", 1), row_lock("a", 1, shared=True)
    assert statements([weak, strong, weak]) == strong.statement
    assert "shared" in weak.statement and "shared" not in strong.statement


def test_every_row_and_key_has_a_lock_of_its_own() -> None:
    others = [row_lock("a", 12), row_lock("a1", 2), key_lock("a", ("x",), (12,)), key_lock("a", ("x",), ("12",))]
    assert len({lock.number for lock in [*LOCKS, *others]}) == len(LOCKS) + len(others)


def test_no_locks_need_no_statement() -> None:
    assert statements([]) == ""
