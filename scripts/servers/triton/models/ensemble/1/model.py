"""Answers with `max_tokens` made-up words after an echo of the prompt, 1 ms a word, as TensorRT-LLM's ensemble does."""

import json
import time

import numpy as np
import triton_python_backend_utils as pb_utils

WORDS = ["alpha ", "beta ", "gamma ", "delta "]


def text_of(value):
    return pb_utils.InferenceResponse([pb_utils.Tensor("text_output", np.array([[value.encode()]], dtype=object))])


class TritonPythonModel:
    def initialize(self, args):
        config = json.loads(args["model_config"])
        self.decoupled = config.get("model_transaction_policy", {}).get("decoupled", False)

    def execute(self, requests):
        answers = [self.answer(request) for request in requests]
        return None if self.decoupled else answers

    def answer(self, request):
        value = lambda name: pb_utils.get_input_tensor_by_name(request, name).as_numpy().reshape(-1)[0]
        prompt, count = value("text_input").decode(), int(value("max_tokens"))
        sender = request.get_response_sender() if self.decoupled else None
        if prompt == "fail after one" and sender:  # an error under HTTP 200, which the first answer has decided
            sender.send(text_of("alpha "))
            error = pb_utils.InferenceResponse(error=pb_utils.TritonError("the model broke on purpose"))
            sender.send(error, flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
            return None
        words = []
        for index in range(count):
            time.sleep(0.001)
            words.append(WORDS[index % len(WORDS)])
            if sender:
                sender.send(text_of(words[-1]))
        if sender:
            return sender.send(flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
        return text_of(f"<s> {prompt} " + "".join(words))
