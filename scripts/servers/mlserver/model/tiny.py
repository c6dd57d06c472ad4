"""A random linear layer that takes 2 ms and 0.1 ms for each row, so that batching shows."""

import asyncio

import numpy
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Tiny(MLModel):
    async def load(self) -> bool:
        self.weights = numpy.random.default_rng(0).standard_normal((16, 16)).astype(numpy.float32)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        rows = NumpyCodec.decode_input(payload.inputs[0])
        await asyncio.sleep(0.002 + 0.0001 * len(rows))
        output = NumpyCodec.encode_output("OUTPUT0", rows @ self.weights)
        return InferenceResponse(id=payload.id, model_name=self.name, outputs=[output])
