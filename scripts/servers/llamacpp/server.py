"""Serves a GGUF model with llama.cpp's own HTTP server. usage: server.py MODEL.gguf PORT SLOTS"""

import signal
import sys

import xllamacpp

model, port, slots = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
params = xllamacpp.CommonParams()
params.model.path = model
params.hostnames = ["127.0.0.1"]
params.port = port
params.n_parallel = slots
params.n_ctx = 2048 * slots
params.endpoint_metrics = params.endpoint_slots = True
params.warmup = False
params.cpuparams.n_threads = 1  # the client under test needs the other cores
params.model_alias = {"tiny"} if isinstance(params.model_alias, set) else ["tiny"]
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
signal.pause()
