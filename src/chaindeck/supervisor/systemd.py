"""The unit by which systemd keeps the supervisor, which keeps everything else.

systemd starts it at boot, bounds what all of it may use together, and shuts it away from the rest
of the machine. Nothing of a secret stands in a unit.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec

import chaindeck

UNIT_NAME = "chaindeck.service"
_SYSTEM_FOLDER = Path("/etc/systemd/system")
_USER_FOLDER = "systemd/user"
_HOMES = tuple(map(Path, ("/home", "/root", "/run/user")))
"""What `ProtectHome` takes away."""

_TEMPORARY = tuple(map(Path, ("/tmp", "/var/tmp")))  # noqa: S108 - named, and nothing written there
"""What `PrivateTmp` puts an empty folder over."""

_SERVICE = """\
[Unit]
Description=Chaindeck: nodes, coordinator and control room
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=300
StartLimitBurst=5

[Service]
Type=notify
# The process that tells that all is ready is a child of the one that guards it.
NotifyAccess=all
ExecStart={command} up
Environment=CHAINDECK_HOME={home}
{user}Restart=on-failure
RestartSec=5
# A wrong setting stays wrong.
RestartPreventExitStatus=2
TimeoutStartSec=300
TimeoutStopSec=90
KillMode=mixed
UMask=0077

# What all processes together may use. Raise both for a busy network.
MemoryMax=1G
CPUQuota=50%
TasksMax=512
LimitNOFILE=65536

# What none of them needs.
NoNewPrivileges=yes
AmbientCapabilities=
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources @mount @debug
SystemCallErrorNumber=EPERM
{system}
[Install]
WantedBy={target}
"""

_SYSTEM_ONLY = """\
CapabilityBoundingSet=
PrivateDevices=yes
PrivateTmp={private_tmp}
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome={protect_home}
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
ReadWritePaths={home}
RemoveIPC=yes
"""
"""What only the system's own manager can carry out."""


class UnitPlan(msgspec.Struct, frozen=True):
    """A unit, where it belongs, and what is to be done with it."""

    path: Path
    text: str
    commands: tuple[str, ...]
    """For whoever installs it: they start a service, which is theirs to decide."""


def plan_unit(home: Path, command: str, *, for_user: bool) -> UnitPlan:
    """Return the unit for a home: a user's own, or the machine's, run as the home's owner."""
    option = " --user" if for_user else ""
    name = UNIT_NAME.removesuffix(".service")
    commands = [f"systemctl{option} daemon-reload", f"systemctl{option} enable --now {name}"]
    if for_user:
        commands.append("loginctl enable-linger    # so that it runs when you are not signed in")
    folder = _user_folder() if for_user else _SYSTEM_FOLDER
    return UnitPlan(folder / UNIT_NAME, _unit_text(home, command, for_user=for_user), (*commands,))


def _unit_text(home: Path, command: str, *, for_user: bool) -> str:
    needed = [home, *_program_folders(command)]
    system = _SYSTEM_ONLY.format(
        home=_quoted(home),
        protect_home="read-only" if _is_any_below(needed, _HOMES) else "yes",
        private_tmp="no" if _is_any_below(needed, _TEMPORARY) else "yes",
    )
    return _SERVICE.format(
        command=_quoted(Path(command)),
        home=_quoted(home),
        user="" if for_user else f"User={_owner(home)}\n",
        system="" if for_user else system,
        target="default.target" if for_user else "multi-user.target",
    )


def _program_folders(command: str) -> list[Path]:
    """Return where the command, its interpreter and its packages lie: all must stay in sight."""
    own = Path(chaindeck.__file__).parent
    return [Path(command), Path(sys.prefix), Path(sys.base_prefix), own]


def _is_any_below(paths: list[Path], folders: tuple[Path, ...]) -> bool:
    resolved = {*paths, *(path.resolve() for path in paths)}
    return any(path.is_relative_to(folder) for path in resolved for folder in folders)


def _owner(home: Path) -> int:
    """Return the number of the user whose the home is, or will be."""
    return home.stat().st_uid if home.exists() else os.getuid()


def _user_folder() -> Path:
    chosen = os.environ.get("XDG_CONFIG_HOME", "").strip()
    return (Path(chosen) if chosen else Path.home() / ".config") / _USER_FOLDER


def _quoted(path: Path) -> str:
    """Spell a path as systemd reads it: blanks, percent signs and backslashes are its own."""
    text = str(path).replace("\\", "\\\\").replace("%", "%%").replace('"', '\\"')
    return f'"{text}"' if " " in text else text
