"""Tests that share what is dear reach one worker: else each makes it anew, and nothing says so."""

import pytest


@pytest.fixture(scope="module")
def shared():
    """What puts the tests of this file into a group."""


@pytest.mark.usefixtures("shared")
def test_the_group_reaches_the_scheduler(request):
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("only several workers with --dist loadgroup have groups")
    # pytest 9.2 no longer reads what pytest-xdist 3.8 writes there.
    assert request.node.nodeid.endswith("@tests/unit/test_groups.py")
