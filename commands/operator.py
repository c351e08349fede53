"""Who runs this command, for the audit."""

import os
import sys
from importlib import import_module

from models.audit.record import AuditActor
from models.audit.tables import ActorKind


def current_operator() -> AuditActor:
    """Returns the operating system's user of this process."""
    return AuditActor(ActorKind.OPERATING_SYSTEM, _system_user())


def _system_user() -> str:
    # Not getpass.getuser: it believes variables of the environment, which anyone may set.
    if sys.platform == "win32":
        return os.getlogin()
    number = os.getuid()
    try:
        return str(import_module("pwd").getpwuid(number).pw_name)
    except KeyError:
        # In a container, a number often has no name.
        return f"uid {number}"
