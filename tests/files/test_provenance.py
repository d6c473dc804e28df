"""What made a result: the commit of this very checkout, the versions, and nobody's name or path."""

from __future__ import annotations

import getpass
import json
import platform
import subprocess
from pathlib import Path

import numpy as np
import pytest
from checkout import ROOT

import spikesim
from spikesim.files.provenance import provenance

pytestmark = pytest.mark.core


def test_a_result_names_the_commit_that_made_it() -> None:
    """From a checkout its commit; from an installed wheel none."""
    found = provenance()
    assert found["numpy"] == np.__version__ and found["python"] == platform.python_version()
    if Path(spikesim.__file__).resolve().parents[1] == ROOT and (ROOT / ".git").exists():
        head = subprocess.run(["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True, text=True)
        assert found["commit"] == head.stdout.strip() or head.returncode
        assert isinstance(found["dirty"], bool)
    else:
        assert (found["commit"], found["dirty"]) == (None, None)


def test_it_says_what_and_never_who_or_where() -> None:
    found = json.loads(json.dumps(provenance()))
    assert found["cores"] >= 1 and all(blas["threads"] >= 1 for blas in found["blas"])
    told = json.dumps({key: found[key] for key in found if key not in ("commit", "cpu", "platform")})
    for secret in (platform.node(), str(Path.home()), str(ROOT), f'"{getpass.getuser()}"'):
        assert secret not in told
