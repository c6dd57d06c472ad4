"""Answers with its input after 50 ms."""
import time

import triton_python_backend_utils as triton


class TritonPythonModel:
    def execute(self, requests):
        time.sleep(0.05)
        rows = [triton.get_input_tensor_by_name(request, "INPUT0").as_numpy() for request in requests]
        return [triton.InferenceResponse([triton.Tensor("OUTPUT0", row)]) for row in rows]
