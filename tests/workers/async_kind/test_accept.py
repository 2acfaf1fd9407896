"""When an async worker accepts, decided without a loop: all that waits for it here is the test."""

import errno
import select
import socket

import pytest

from pfork.config import BindSettings, parse_address
from pfork.sockets import open_all
from pfork.workers.async_accept import DEFERRAL_S, SHORTAGE_S, Acceptor, Doorbell
from tests.workers.harness import PATIENCE_S


class FakeLoop:
    """Knows which listeners are watched, and what is to happen later."""

    def __init__(self):
        self.readers = {}
        self.later = []

    def add_reader(self, doorbell, callback, *args):
        assert doorbell.listener not in self.readers
        self.readers[doorbell.listener] = lambda: callback(*args)

    def remove_reader(self, doorbell):
        assert not doorbell.is_closed
        del self.readers[doorbell.listener]

    def call_later(self, delay, callback, *args):
        self.later.append((delay, lambda: callback(*args)))

    def knock(self, listener):
        self.readers[listener]()

    def let_time_pass(self):
        (delay, callback), self.later = self.later[0], self.later[1:]
        callback()
        return delay


class FakeListener:
    def __init__(self, *waiting):
        self.waiting = list(waiting)
        self.is_closed = False

    def accept(self):
        if not self.waiting:
            return None
        found = self.waiting.pop(0)
        if isinstance(found, OSError):
            raise found
        return found, "info"

    def close(self, *, unlink):
        assert not unlink
        self.is_closed = True


class FakeDoorbell:
    """The loop watches it; it is where its listener is in the queue."""

    def __init__(self, listener):
        self.listener = listener
        self.steps_back = 0
        self.is_closed = False

    def step_back(self):
        assert not self.is_closed
        self.steps_back += 1

    def close(self):
        self.is_closed = True


class FakeSlot:
    def __init__(self):
        self.active = 0
        self.idle_sibling = False

    def has_idle_sibling(self):
        return self.idle_sibling


class Door:
    """An acceptor, open, and all that is around it."""

    def __init__(self, *listeners, room=100):
        self.listeners = listeners
        self.loop = FakeLoop()
        self.slot = FakeSlot()
        self.room = room
        self.accepted = []
        self.made_room = 0
        self.doorbells = {}
        self.acceptor = Acceptor(
            self.loop,
            listeners,
            self.slot,
            accepted=lambda sock, info: self.accepted.append(sock),
            has_room=lambda: len(self.accepted) < self.room,
            make_room=self.make_room,
            make_doorbell=self.make_doorbell,
        )
        self.acceptor.open()

    def make_doorbell(self, listener):
        self.doorbells[listener] = FakeDoorbell(listener)
        return self.doorbells[listener]

    def make_room(self):
        self.made_room += 1

    @property
    def watched(self):
        return [listener for listener in self.listeners if listener in self.loop.readers]


def test_one_connection_is_accepted_at_a_time():
    listener = FakeListener("a", "b")
    door = Door(listener)
    door.loop.knock(listener)
    assert (door.accepted, listener.waiting) == (["a"], ["b"])


def test_who_has_accepted_goes_to_the_end_of_the_queue():
    first, second = FakeListener("a"), FakeListener()
    door = Door(first, second)
    door.loop.knock(first)
    door.loop.knock(second)
    assert [door.doorbells[listener].steps_back for listener in (first, second)] == [1, 0]


def test_a_doorbell_rings_for_a_client_and_until_it_is_served():
    (listener,) = open_all(BindSettings(bind=(parse_address("127.0.0.1:0"),)))
    doorbell = Doorbell(listener)
    with socket.create_connection(listener.sock.getsockname()) as client:
        client.send(b"x")
        for _ in range(2):
            assert select.select([doorbell], [], [], PATIENCE_S)[0] == [doorbell]
            doorbell.step_back()
        accepted, _ = listener.accept()
        accepted.close()
        assert select.select([doorbell], [], [], 0)[0] == []
    doorbell.close()
    listener.close(unlink=False)


def test_a_connection_that_another_worker_has_got_is_no_matter():
    listener = FakeListener()
    door = Door(listener)
    door.loop.knock(listener)
    assert (door.accepted, door.watched) == ([], [listener])


@pytest.mark.parametrize(("active", "sibling"), [(0, True), (1, False), (0, False)])
def test_a_worker_accepts_at_once_unless_it_is_busy_and_another_is_idle(active, sibling):
    listener = FakeListener("a")
    door = Door(listener)
    door.slot.active, door.slot.idle_sibling = active, sibling
    door.loop.knock(listener)
    assert door.accepted == ["a"]


def test_a_busy_worker_leaves_a_connection_to_an_idle_one_for_a_moment():
    listener = FakeListener("a")
    door = Door(listener)
    door.slot.active, door.slot.idle_sibling = 1, True
    door.loop.knock(listener)
    assert (door.accepted, door.watched) == ([], [])
    assert door.loop.let_time_pass() == DEFERRAL_S
    assert (door.accepted, door.watched) == (["a"], [listener])  # although the other one is idle still


def test_a_connection_that_the_idle_one_took_is_gone_after_that_moment():
    listener = FakeListener("a")
    door = Door(listener)
    door.slot.active, door.slot.idle_sibling = 1, True
    door.loop.knock(listener)
    listener.waiting.clear()
    door.loop.let_time_pass()
    assert (door.accepted, door.watched) == ([], [listener])


def test_a_full_worker_does_not_listen():
    first, second = FakeListener("a"), FakeListener("b")
    door = Door(first, second, room=1)
    door.loop.knock(first)
    assert door.watched == []
    door.accepted.clear()
    door.acceptor.go_on()
    assert door.watched == [first, second]


def test_a_worker_that_became_full_in_that_moment_does_not_accept():
    first, second = FakeListener("a"), FakeListener("b")
    door = Door(first, second, room=1)
    door.slot.active, door.slot.idle_sibling = 1, True
    door.loop.knock(first)
    door.slot.active = 0
    door.loop.knock(second)
    door.loop.let_time_pass()
    assert (door.accepted, door.watched) == (["b"], [])


def test_a_worker_without_descriptors_makes_room_and_tries_again_later(log):
    listener = FakeListener(OSError(errno.EMFILE, "Too many open files"), "a")
    door = Door(listener)
    door.loop.knock(listener)
    assert (door.made_room, door.watched) == (1, [])
    assert len(log.problems) == 1
    assert "Too many open files; raise the limit of open files" in log.problems[0]
    assert door.loop.let_time_pass() == SHORTAGE_S
    door.loop.knock(listener)
    assert door.accepted == ["a"]


def test_a_shortage_is_told_once_a_minute_at_most(log):
    shortage = OSError(errno.ENFILE, "Too many open files in system")
    listener = FakeListener(shortage, shortage, shortage)
    door = Door(listener)
    for _ in range(3):
        door.loop.knock(listener)
        door.loop.let_time_pass()
    assert len(log.problems) == 1


def test_a_connection_that_closes_ends_the_shortage(log):
    listener = FakeListener(OSError(errno.EMFILE, "Too many open files"), "a")
    door = Door(listener)
    door.loop.knock(listener)
    door.acceptor.go_on()
    assert door.watched == [listener]


def test_to_stop_is_to_close_the_listeners():
    listener = FakeListener("a")
    door = Door(listener)
    door.acceptor.stop(empty_backlog=False)
    assert (door.accepted, door.watched, listener.is_closed) == ([], [], True)
    assert door.doorbells[listener].is_closed
    door.acceptor.go_on()
    door.acceptor.stop(empty_backlog=True)
    assert (door.accepted, door.watched) == ([], [])


def test_the_backlog_is_emptied_where_that_is_asked_for_even_beyond_the_limit():
    first, second = FakeListener("a", "b", "c"), FakeListener("d")
    door = Door(first, second, room=2)
    door.acceptor.stop(empty_backlog=True)
    assert door.accepted == ["a", "b", "c", "d"]
    assert first.is_closed
    assert second.is_closed


def test_a_deferral_that_ends_after_the_stop_does_nothing():
    listener = FakeListener("a")
    door = Door(listener)
    door.slot.active, door.slot.idle_sibling = 1, True
    door.loop.knock(listener)
    door.acceptor.stop(empty_backlog=False)
    door.loop.let_time_pass()
    assert (door.accepted, door.watched) == ([], [])
