"""A random linear layer that takes 2 ms and 0.1 ms for each row, so that batching shows."""
import time

import numpy
import triton_python_backend_utils as triton


class TritonPythonModel:
    def initialize(self, args):
        self.weights = numpy.random.default_rng(0).standard_normal((16, 16)).astype(numpy.float32)

    def execute(self, requests):
        inputs = [triton.get_input_tensor_by_name(request, "INPUT0").as_numpy() for request in requests]
        time.sleep(0.002 + 0.0001 * sum(len(rows) for rows in inputs))
        outputs = [triton.Tensor("OUTPUT0", rows @ self.weights) for rows in inputs]
        return [triton.InferenceResponse([output]) for output in outputs]
