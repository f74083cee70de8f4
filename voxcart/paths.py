"""Where Voxcart keeps models and state on a machine: one place, overridable by environment."""

import os
from pathlib import Path

from platformdirs import user_data_path


def data_dir() -> Path:
    """The per-user data directory, ``VOXCART_HOME`` if set."""
    return Path(os.environ.get("VOXCART_HOME") or user_data_path("voxcart"))


def models_dir() -> Path:
    """Where verified model files live, ``VOXCART_MODELS_DIR`` if set."""
    return Path(os.environ.get("VOXCART_MODELS_DIR") or data_dir() / "models")


def default_state_dir() -> Path:
    """Where ``voxcart up`` keeps databases, broker files, logs and run files unless told otherwise."""
    return data_dir() / "state"
