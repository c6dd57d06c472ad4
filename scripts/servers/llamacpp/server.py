"""Serves a GGUF model with llama.cpp's own HTTP server. usage: server.py MODEL.gguf PORT SLOTS [embeddings|rerank]"""

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
kind = sys.argv[4] if len(sys.argv) > 4 else "text"
if kind != "text":
    pooling = xllamacpp.llama_pooling_type
    params.embedding = True
    params.pooling_type = pooling.LLAMA_POOLING_TYPE_MEAN if kind == "embeddings" else pooling.LLAMA_POOLING_TYPE_RANK
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
signal.pause()
