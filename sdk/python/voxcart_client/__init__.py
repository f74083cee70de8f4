"""Client of Voxcart, the voice of an online shop.

``VoxcartClient`` is for asyncio, ``SyncVoxcartClient`` for everything else. Microphone and loudspeaker are in
``voxcart_client.devices``.
"""

from voxcart_client.client import VoxcartClient
from voxcart_client.clips import Clip, read_clip, write_wav
from voxcart_client.conversation import Conversation
from voxcart_client.errors import (
    ConnectionLost,
    DeviceMissing,
    Refused,
    TurnFailed,
    TurnTimedOut,
    VoxcartClientError,
)
from voxcart_client.options import ConversationConfig
from voxcart_client.sync import SyncConversation, SyncVoxcartClient
from voxcart_client.turn import Turn, TurnTiming

__all__ = [
    "Clip",
    "ConnectionLost",
    "Conversation",
    "ConversationConfig",
    "DeviceMissing",
    "Refused",
    "SyncConversation",
    "SyncVoxcartClient",
    "Turn",
    "TurnFailed",
    "TurnTimedOut",
    "TurnTiming",
    "VoxcartClient",
    "VoxcartClientError",
    "read_clip",
    "write_wav",
]
