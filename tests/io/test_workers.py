import os
import signal
import time

import pytest

from medcnn.io import workers
from medcnn.io.workers import in_processes


def double(numbers):
    if 13 in numbers:
        os.kill(os.getpid(), signal.SIGKILL)
    if 7 in numbers:
        raise ValueError("seven")
    return [2 * number for number in numbers]


def apart(numbers):
    return [(number,) for number in numbers]


def run(chunks):
    return list(
        in_processes(
            double, chunks, workers=2, apart=apart, crashed=lambda chunk: [f"crashed {chunk}"]
        )
    )


def test_results_come_in_order_and_a_crash_costs_its_item_alone():
    chunks = [(1, 2), (12, 13, 14), (3, 4), (5, 6), (8, 9), (10, 11)]
    found = run(chunks)
    assert [n for chunk, _ in found for n in chunk] == [
        1,
        2,
        12,
        13,
        14,
        *range(3, 7),
        *range(8, 12),
    ]
    by_item = dict(found)
    assert by_item[13,] == ["crashed (13,)"]
    assert by_item[12,] == [24]
    assert by_item[14,] == [28]


def test_a_pool_that_has_just_broken_gets_its_chunk_again(monkeypatch):
    pools = []

    def remembered_pool(*arguments):
        pools.append(make_pool(*arguments))
        return pools[-1]

    def handed_out_after_the_crash():
        yield (13,)
        while pools[0]._flags.broken is None:
            time.sleep(0.05)
        yield (1,)

    make_pool = workers._pool
    monkeypatch.setattr(workers, "_pool", remembered_pool)
    assert run(handed_out_after_the_crash()) == [((13,), ["crashed (13,)"]), ((1,), [2])]


def test_an_error_of_the_work_is_raised_here():
    with pytest.raises(ValueError, match="seven"):
        run([(7,)])


def _double_or_end(number):
    if number == 13:
        os._exit(1)
    return 2 * number


def test_one_process_is_replaced_where_an_item_ends_it():
    one = workers.OneProcess(240)
    try:
        assert one(_double_or_end, 1) == 2
        with pytest.raises(workers.EndedError):
            one(_double_or_end, 13)
        assert one(_double_or_end, 2) == 4
    finally:
        one.close()


def test_one_process_is_ended_where_an_item_takes_too_long():
    one = workers.OneProcess(0.01)
    try:
        with pytest.raises(workers.EndedError):
            one(time.sleep, 60)
    finally:
        one.close()
