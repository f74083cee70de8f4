"""Keeping tensors on the device between calls, such as the key/value cache of a decoder."""

from collections.abc import Collection, Mapping

import numpy as np
import onnxruntime as ort

from voxcart.serving.sessions import provider_of


class BoundSession:
    """Runs a session with inputs and outputs bound to the device it runs on.

    Outputs named in ``keep`` stay on the device as ``OrtValue`` and can be fed to the next call without a copy
    through host memory; the others come back as arrays. On the CPU provider the device is the host. The object
    holds no state of a call, so threads may share it.

    Args:
        session: a session of ``create_session``.
        keep: outputs that stay on the device.
        outputs: outputs that are wanted at all; every one of the model when None.
        device_id: the GPU the session was created on.
    """

    def __init__(
        self,
        session: ort.InferenceSession,
        keep: Collection[str],
        outputs: Collection[str] | None = None,
        device_id: int = 0,
    ) -> None:
        names = [output.name for output in session.get_outputs()]
        unknown = sorted({*keep, *(outputs or ())} - set(names))
        if unknown:
            raise ValueError(f"the model has no outputs {', '.join(unknown)}; it has {', '.join(names)}")
        self._session = session
        self._outputs = [name for name in names if outputs is None or name in outputs]
        self._keep = frozenset(keep)
        self._device = "cpu" if provider_of(session) == "cpu" else "cuda"
        self._device_id = device_id

    def run(
        self, feeds: Mapping[str, np.ndarray | ort.OrtValue], run_options: ort.RunOptions | None = None
    ) -> dict[str, np.ndarray | ort.OrtValue]:
        """Run once.

        Args:
            feeds: every input of the model, as host arrays or as device values of an earlier call.
            run_options: setting its ``terminate`` from another thread ends the call with an error soon after.

        Returns:
            Every wanted output by name: ``OrtValue`` for those kept on the device, numpy arrays for the others.
        """
        binding = self._session.io_binding()
        for name, value in feeds.items():
            if isinstance(value, ort.OrtValue):
                binding.bind_ortvalue_input(name, value)
            else:
                binding.bind_cpu_input(name, np.ascontiguousarray(value))
        for name in self._outputs:
            if name in self._keep:
                binding.bind_output(name, self._device, self._device_id)
            else:
                binding.bind_output(name, "cpu")
        self._session.run_with_iobinding(binding, run_options)
        return {
            name: value if name in self._keep else value.numpy()
            for name, value in zip(self._outputs, binding.get_outputs(), strict=True)
        }
