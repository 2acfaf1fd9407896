"""Becoming the user and the group that the settings name. For good: there is no way back."""

from __future__ import annotations

import grp
import os
import pwd

from pfork.base import ConfigError


def drop(user: str | None, group: str | None) -> None:
    """Take on ``group``, then ``user`` with its supplementary groups; names or numeric ids, None to stay.

    A user without a group gets its primary group, as with nginx; Gunicorn's worker would stay in the group of
    root. Nothing is done where it would change nothing, so that a server that is not root may name itself.

    Raises:
        ConfigError: there is no such name, or this process may not become it.
    """
    uid = os.geteuid() if user is None else user_id(user)
    gid = _primary_group(uid) if group is None else group_id(group)
    if gid == os.getegid() and uid == os.geteuid():
        return
    try:
        if uid != os.geteuid():
            _take_groups(uid, gid)
        elif os.geteuid() == 0:
            os.setgroups([gid])  # root's own groups would stay otherwise
        os.setgid(gid)
        os.setuid(uid)
    except OSError as error:
        who = ", ".join(f"{name} = {value}" for name, value in (("user", user), ("group", group)) if value)
        raise ConfigError(
            f"{who}: {error.strerror}", hint="only root may become somebody else: start as root"
        ) from None


def user_id(user: str) -> int:
    """A user's number, from its name or its number. Raises ConfigError when there is no such name."""
    if user.isdecimal():
        return int(user)
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        raise ConfigError(
            f"user = {user}: there is no such user", hint="give a name of this machine or a number"
        ) from None


def group_id(group: str) -> int:
    """A group's number, from its name or its number. Raises ConfigError when there is no such name."""
    if group.isdecimal():
        return int(group)
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise ConfigError(
            f"group = {group}: there is no such group", hint="give a name of this machine or a number"
        ) from None


def _primary_group(uid: int) -> int:
    if uid == os.geteuid():
        return os.getegid()
    try:
        return pwd.getpwuid(uid).pw_gid
    except KeyError:  # a number without an entry: containers run as such
        return os.getegid()


def _take_groups(uid: int, gid: int) -> None:
    """The groups that the user is a member of; only ``gid`` for a number that no user has."""
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        os.setgroups([gid])
    else:
        os.initgroups(name, gid)
