"""``python -m voxcart`` is the ``voxcart`` command."""

from voxcart.cli import main

main()
