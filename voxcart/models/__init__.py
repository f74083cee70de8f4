"""Model weights: the manifest, where files come from, how they are verified and converted, and where they live.

A service asks ``ModelStore().require("whisper-base")`` before it loads; ``voxcart models pull`` fills the store.
"""

from voxcart.models.errors import ModelCorrupt, ModelError, ModelMissing, PullFailed, UnknownModel
from voxcart.models.manifest import Manifest, ModelSpec, load_manifest
from voxcart.models.store import FileStatus, ModelStore

__all__ = [
    "FileStatus",
    "Manifest",
    "ModelCorrupt",
    "ModelError",
    "ModelMissing",
    "ModelSpec",
    "ModelStore",
    "PullFailed",
    "UnknownModel",
    "load_manifest",
]
