"""How passwords are kept: Argon2id with memory that two sign-ins at once can afford."""

from __future__ import annotations

from django.contrib.auth.hashers import Argon2PasswordHasher

from chaindeck.records.limits import ARGON2_MEMORY_KIB, ARGON2_THREADS, ARGON2_TIME


class ModestArgon2(Argon2PasswordHasher):
    """Argon2id. A password that was kept with other numbers is kept anew at the next sign-in."""

    time_cost = ARGON2_TIME
    memory_cost = ARGON2_MEMORY_KIB
    parallelism = ARGON2_THREADS
