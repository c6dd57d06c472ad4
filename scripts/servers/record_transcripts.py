#!/usr/bin/env python3
"""Records what a real server answers, as test data. Standard library only.

usage: record_transcripts.py SERVER PORT FOLDER [MODEL]
       SERVER is kserve, llamacpp, llamacpp-embeddings, llamacpp-rerank, mlserver, torchserve, transformers or triton
       record_transcripts.py probe PORT FILE [MODEL]

The second form records into one FILE what the server answers to all that Plimsoll asks to find out what it is.

Start the server with NAME/run.sh first (llamacpp-KIND: llamacpp/run.sh PORT 4 KIND). MODEL is its name of the model (transformers: the folder that run.sh prints);
in the files it becomes `tiny`. For each case there are CASE.request.json, with the path, the body, and the status of
the answer, and the answer as it came: CASE.sse or CASE.json.
"""

import http.client
import json
import pathlib
import sys

USER = [{"role": "user", "content": "bako dine"}]
USAGE = {"stream_options": {"include_usage": True}}


def chat(stream, **more):
    body = {"model": "tiny", "messages": USER, "max_tokens": 6, "stream": stream}
    return "/v1/chat/completions", body | (USAGE if stream else {}) | {"temperature": 0.0} | more


def text(stream, **more):
    body = {"model": "tiny", "prompt": "bako dine", "max_tokens": 6, "stream": stream}
    return "/v1/completions", body | (USAGE if stream else {}) | {"temperature": 0.0} | more


def without(case, *keys):
    path, body = case
    return path, {key: value for key, value in body.items() if key not in keys}


OPENAI = {
    "models": ("/v1/models", None),
    "chat_stream": chat(True),
    "chat_stream_again": chat(True),  # the prompt is cached now
    "chat_stream_without_usage": without(chat(True), "stream_options"),
    "chat_stream_unicode": chat(True, messages=[{"role": "user", "content": "grüße 🙂\n\"data: [DONE]\""}], max_tokens=40),
    "chat": chat(False),
    "completions_stream": text(True),
    "completions": text(False),
    "not_json": ("/v1/chat/completions", "{"),
    "no_messages": without(chat(True), "messages"),
    "unknown_model": chat(True, model="nope"),
    "too_long": chat(True, messages=[{"role": "user", "content": "bako dine " * 4000}]),
}
LLAMACPP = OPENAI | {
    "chat_stream_logprobs": chat(True, logprobs=True, top_logprobs=2),
    "chat_logprobs": chat(False, logprobs=True, top_logprobs=2),
    "chat_stream_two": chat(True, n=2),
    "completions_stream_logprobs": text(True, logprobs=2),
    "completions_logprobs": text(False, logprobs=2),
}


def respond(stream, **more):
    body = {"model": "tiny", "input": "bako dine", "max_output_tokens": 6, "stream": stream, "store": False}
    return "/v1/responses", body | {"temperature": 0.0} | more


def message(stream, **more):
    body = {"model": "tiny", "max_tokens": 6, "messages": USER, "stream": stream, "temperature": 0.0}
    return "/v1/messages", body | more


LLAMACPP |= {
    "responses_stream": respond(True),
    "responses": respond(False),
    "responses_too_long": respond(True, input="bako dine " * 4000),
    "messages_stream": message(True),
    "messages": message(False),
    "messages_too_long": message(True, messages=[{"role": "user", "content": "bako dine " * 4000}]),
    "embeddings_unsupported": ("/v1/embeddings", {"model": "tiny", "input": "bako dine"}),
}
EMBEDDINGS = {
    "embeddings": ("/v1/embeddings", {"model": "tiny", "input": "bako dine"}),
    "embeddings_two": ("/v1/embeddings", {"model": "tiny", "input": ["bako dine", "litono"]}),
    "embeddings_base64": ("/v1/embeddings", {"model": "tiny", "input": "bako dine", "encoding_format": "base64"}),
    "embeddings_nothing": ("/v1/embeddings", {"model": "tiny", "input": []}),
}
RERANK = {
    "rerank": ("/v1/rerank", {"model": "tiny", "query": "bako", "documents": ["bako dine", "litono"]}),
    "rerank_best": ("/v1/rerank", {"model": "tiny", "query": "bako", "top_n": 1, "documents": ["bako dine", "litono"]}),
    "rerank_nothing": ("/v1/rerank", {"model": "tiny", "query": "bako", "documents": []}),
}
TRANSFORMERS = OPENAI | {
    "unknown_field": chat(True, ignore_eos=True),
    "responses_stream": respond(True),
    "responses": respond(False),
}


def infer(prompt, max_tokens):
    tensor = lambda name, datatype, value: {"name": name, "datatype": datatype, "shape": [1, 1], "data": [[value]]}
    return {"inputs": [
        tensor("text_input", "BYTES", prompt), tensor("max_tokens", "UINT32", max_tokens),
        tensor("bad_words", "BYTES", ""), tensor("stop_words", "BYTES", ""), tensor("temperature", "FP32", 1.0),
    ]}


def generate(stream, prompt="bako dine", max_tokens=4):
    return {"text_input": prompt, "max_tokens": max_tokens, "stream": stream, "temperature": 1.0, "bad_words": "", "stop_words": ""}


TRITON = {
    "infer": ("/v2/models/ensemble/infer", infer("bako dine", 4)),
    "infer_nothing": ("/v2/models/ensemble/infer", infer("bako dine", 0)),
    "generate": ("/v2/models/ensemble/generate", generate(False)),
    "generate_stream": ("/v2/models/ensemble_stream/generate_stream", generate(True)),
    "generate_stream_one_event": ("/v2/models/ensemble/generate_stream", generate(True)),
    "generate_stream_error": ("/v2/models/ensemble_stream/generate_stream", generate(True, "fail after one")),
    "generate_stream_nothing": ("/v2/models/ensemble_stream/generate_stream", generate(True, max_tokens=0)),
    "no_inputs": ("/v2/models/ensemble/infer", {"inputs": []}),
    "unknown_model": ("/v2/models/nope/infer", infer("bako dine", 4)),
    "not_json": ("/v2/models/ensemble/generate", "{"),
}
# What Plimsoll asks a server to find out what it is (crates/drive/src/protocol/probe/mod.rs).
PROBE = [
    ("/v1/models", None), ("/v2/models", None), ("/v2/repository/index", {}), ("/v2", None), ("/info", None),
    ("/ping", None), ("/api-description", None), ("/health/liveliness", None), ("/version", None),
    ("/server_info", None), ("/props", None), ("/openapi.json", None), ("/v1/chat/completions", {"model": "?"}),
]
ROW = [0.5 + number for number in range(16)]


def tensor(name="INPUT0", columns=16):
    return {"inputs": [{"name": name, "shape": [1, columns], "datatype": "FP32", "data": ROW[:columns]}]}


V2 = {
    "infer": ("/v2/models/tiny/infer", tensor()),
    "infer_wrong_shape": ("/v2/models/tiny/infer", tensor(columns=3)),
    "infer_unknown_model": ("/v2/models/nope/infer", tensor()),
    "infer_no_inputs": ("/v2/models/tiny/infer", {"inputs": []}),
    "infer_not_json": ("/v2/models/tiny/infer", "{"),
    "metadata": ("/v2/models/tiny", None),
    "metadata_unknown_model": ("/v2/models/nope", None),
}
KSERVE = V2 | {
    "predict": ("/v1/models/tiny:predict", {"instances": [ROW, ROW]}),
    "predict_wrong_shape": ("/v1/models/tiny:predict", {"instances": [[1.0]]}),
    "predict_unknown_model": ("/v1/models/nope:predict", {"instances": [ROW]}),
    "predict_no_instances": ("/v1/models/tiny:predict", {"rows": [ROW]}),
    "predict_not_json": ("/v1/models/tiny:predict", "{"),
}
TORCHSERVE = {
    "predict": ("/predictions/mlp", ROW),
    "predict_version": ("/predictions/mlp/1.0", ROW),
    "predict_wrong_shape": ("/predictions/mlp", [1.0]),
    "predict_unknown_model": ("/predictions/nope", ROW),
    "predict_unknown_version": ("/predictions/mlp/7", ROW),
    "predict_not_json": ("/predictions/mlp", "["),
}
CASES = {
    "kserve": KSERVE,
    "mlserver": V2,
    "torchserve": TORCHSERVE,
    "llamacpp": LLAMACPP,
    "llamacpp-embeddings": EMBEDDINGS,
    "llamacpp-rerank": RERANK,
    "transformers": TRANSFORMERS,
    "triton": TRITON,
}


def ask(port, path, body, model):
    """Status, content type and body of one answer."""
    if isinstance(body, dict) and body.get("model") == "tiny":
        body = body | {"model": model}
    payload = body if isinstance(body, str) or body is None else json.dumps(body)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET" if body is None else "POST", path, payload, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer.status, answer.getheader("Content-Type") or "", answer.read()


def anonymous(raw, model):
    """The answer without this machine's paths."""
    folder = str(pathlib.Path(model).parent) + "/" if "/" in model else None
    raw = raw.replace(model.encode() + b"@main", b"tiny").replace(model.encode(), b"tiny")
    raw = raw.replace(folder.encode(), b"") if folder else raw
    return raw.replace(str(pathlib.Path.home()).encode(), b"~")


def shortened(raw):
    """A long JSON object with no more than the names of what is in its long members."""
    if len(raw) < 2_000:
        return raw.decode()
    is_long = lambda value: len(json.dumps(value)) > 200
    short = lambda value: dict.fromkeys(value, {}) if isinstance(value, dict) else None
    return json.dumps({name: short(value) if is_long(value) else value for name, value in json.loads(raw).items()})


def record_probe(port, file, model):
    answers = {}
    for path, body in PROBE:
        status, _, raw = ask(port, path, body, model)
        answers[f"{'GET' if body is None else 'POST'} {path}"] = {"status": status, "body": shortened(anonymous(raw, model))}
    file.write_text(json.dumps(answers, indent=2, ensure_ascii=False) + "\n")


def main():
    if sys.argv[1] == "probe":
        record_probe(int(sys.argv[2]), pathlib.Path(sys.argv[3]), sys.argv[4] if len(sys.argv) > 4 else "tiny")
        return
    server, port, folder = sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3])
    model = sys.argv[4] if len(sys.argv) > 4 else "tiny"
    folder.mkdir(parents=True, exist_ok=True)
    for name, (path, body) in CASES[server].items():
        status, kind, raw = ask(port, path, body, model)
        stream = kind.startswith("text/event-stream")
        if len(str(body)) > 10_000:
            body = "a prompt longer than the context"
        request = {"path": path, "body": body, "status": status, "content_type": kind}
        (folder / f"{name}.request.json").write_text(json.dumps(request, indent=2, ensure_ascii=False) + "\n")
        (folder / f"{name}.{'sse' if stream else 'json'}").write_bytes(anonymous(raw, model))
        print(f"{name}: {status} {kind}, {len(raw)} bytes")


main()
