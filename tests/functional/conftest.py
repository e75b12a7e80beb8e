"""Which modules here are long proofs as a whole."""

import os

from tests.conftest import PROFILE_VARIABLE

# It boots machines, which few that test a change may do.
collect_ignore = [] if os.environ.get(PROFILE_VARIABLE) == "prove" else ["test_systemd.py"]
