"""Talks with the engine in front of a shop in memory."""

import pytest
from support.dialogue import Talk

from voxcart_api.common.v1 import common_pb2


@pytest.fixture
def talk() -> Talk:
    """A shopper's talk."""
    return Talk()


@pytest.fixture
def merchant() -> Talk:
    """A merchant's talk."""
    return Talk(role=common_pb2.ROLE_MERCHANT)
