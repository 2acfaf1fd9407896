"""The one wait, in both shapes: epoll, and what takes its place where there is none."""

import socket

import pytest

from pfork.workers.poller import IN, OUT, _Poll, make_poller


@pytest.fixture(params=[make_poller, _Poll])
def poller(request):
    one = request.param()
    yield one
    one.close()


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_a_descriptor_is_told_when_it_is_ready_for_what_it_is_watched_for(poller, pair):
    ours, theirs = pair
    poller.register(ours.fileno(), IN)
    assert poller.poll(0) == []
    theirs.send(b"x")
    assert poller.poll(-1) == [(ours.fileno(), IN)]
    poller.modify(ours.fileno(), OUT)
    assert poller.poll(0.5) == [(ours.fileno(), OUT)]
    poller.modify(ours.fileno(), 0)
    assert poller.poll(0) == []


def test_the_clients_end_is_told_even_if_nothing_is_watched_for(poller, pair):
    ours, theirs = pair
    poller.register(ours.fileno(), 0)
    theirs.close()
    ((fd, event),) = poller.poll(-1)
    assert fd == ours.fileno()
    assert not event & (IN | OUT)


def test_what_is_watched_no_more_is_not_told(poller, pair):
    ours, theirs = pair
    poller.register(ours.fileno(), IN)
    theirs.send(b"x")
    poller.unregister(ours.fileno())
    assert poller.poll(0) == []
