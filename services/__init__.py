"""The Voxcart services, one package each; start one with ``python -m voxcart_services.<name>``.

NumPy's OpenBLAS would start a thread for each core on products of medium size, and those threads spin: on a busy
machine a product of 2 ms then takes 50. Services multiply large matrices with ONNX Runtime, so OpenBLAS gets one
thread, unless the environment says otherwise. It reads the variable when NumPy is first imported.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
