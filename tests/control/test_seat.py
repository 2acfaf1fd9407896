"""The one identity of a worker."""

from pfork.control import Seat, identity


def test_a_worker_is_named_from_one():
    assert identity(0, 2, 42) == "worker=1 gen=2 pid=42"


def test_a_seat_knows_its_name():
    seat = Seat(slot=3, generation=1, channel=None, dump_fd=-1, dump_signal=0)
    assert (seat.number, seat.identity(7)) == (4, "worker=4 gen=1 pid=7")
