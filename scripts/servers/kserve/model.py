"""KServe's model server with one classic model. Its options are those of KServe: --http_port, --grpc_port, --enable_grpc."""

import argparse
import asyncio

import grpc.aio._server
import numpy
import uvicorn
from kserve import InferRequest, Model, ModelServer, model_server
from kserve.utils.utils import get_predict_input, get_predict_response

# The server takes every address of the machine and has no option against it: hold it to loopback here.
_config, _port = uvicorn.Config.__init__, grpc.aio._server.Server.add_insecure_port
uvicorn.Config.__init__ = lambda self, *args, **named: _config(self, *args, **{**named, "host": "127.0.0.1"})
grpc.aio._server.Server.add_insecure_port = lambda self, address: _port(self, address.replace("[::]", "127.0.0.1"))


class Tiny(Model):
    """A random linear layer that takes 2 ms, however many rows it gets."""

    def load(self):
        self.weights = numpy.random.default_rng(0).standard_normal((16, 16)).astype(numpy.float32)
        self.ready = True
        return self.ready

    async def get_input_types(self):
        return [{"name": "INPUT0", "datatype": "FP32", "shape": [-1, 16]}]

    async def get_output_types(self):
        return [{"name": "output-0", "datatype": "FP32", "shape": [-1, 16]}]

    async def predict(self, payload: dict | InferRequest, headers=None, response_headers=None):
        rows = numpy.asarray(get_predict_input(payload), dtype=numpy.float32)
        await asyncio.sleep(0.002)
        return get_predict_response(payload, rows @ self.weights, self.name)


arguments, _ = argparse.ArgumentParser(parents=[model_server.parser], conflict_handler="resolve").parse_known_args()
model = Tiny("tiny")
model.load()
ModelServer(workers=1).start([model])
