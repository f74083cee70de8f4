"""Finding a running system: the file that ``voxcart up`` writes into its state directory."""

import json
import os
from pathlib import Path
from typing import Any

from voxcart.errors import InvalidInput
from voxcart.paths import default_state_dir
from voxcart.settings import SERVICE_PORTS

RUN_FILE = "run.json"
GATEWAY_VARIABLE = "VOXCART_GATEWAY_ADDRESS"


def read_run_file(state_dir: Path | None = None) -> dict[str, Any]:
    """What ``voxcart up`` says about the system that uses a state directory; empty when none is running there.

    Raises:
        InvalidInput: The file is there and cannot be read.
    """
    path = (state_dir or default_state_dir()) / RUN_FILE
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{path} cannot be read: {error}") from error
    return content if isinstance(content, dict) else {}


def find_gateway(address: str | None, state_dir: Path | None = None) -> str:
    """host:port of the gateway: the one given, else ``VOXCART_GATEWAY_ADDRESS``, else the run file's, else the default.

    A state directory that is given goes before the environment.

    Raises:
        InvalidInput: The state directory is given and no system runs there, or its run file cannot be read.
    """
    if address:
        return address
    if state_dir is not None:
        running = read_run_file(state_dir)
        if not running.get("gateway"):
            raise InvalidInput(f"no system runs in {state_dir}; start one with `voxcart up --state-dir {state_dir}`")
        return str(running["gateway"])
    default = f"127.0.0.1:{SERVICE_PORTS['gateway']}"
    return os.environ.get(GATEWAY_VARIABLE) or str(read_run_file().get("gateway") or default)
