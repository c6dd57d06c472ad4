"""What the `tritonclient` client makes of the simulated server. usage: triton_client.py URL

The server must run with flavour=triton, strict_model=true, model=batched and the tensors
inputs=INPUT0:FP32[-1,16];TEXT:BYTES[-1,1] and outputs=OUTPUT0:FP32[-1,16];TEXT_OUT:BYTES[-1,1];COUNT:INT64[1].
"""

import sys

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

url = sys.argv[1].removeprefix("http://")
client = triton.InferenceServerClient(url)
MODEL = "batched"
values = np.arange(48, dtype=np.float32).reshape(3, 16) / 7
texts = np.array([[b"one"], ["z\u00fcrich".encode()], [b""]], dtype=np.object_)


def inputs(binary, numbers=values):
    first = triton.InferInput("INPUT0", numbers.shape, "FP32" if numbers.dtype == np.float32 else "FP64")
    first.set_data_from_numpy(numbers, binary_data=binary)
    second = triton.InferInput("TEXT", texts.shape, "BYTES")
    second.set_data_from_numpy(texts, binary_data=binary)
    return [first, second]


def fails(status, excerpt, request):
    try:
        request()
    except InferenceServerException as error:
        assert error.status() == str(status) and excerpt in error.message(), error
        return
    raise AssertionError(f"no error with {excerpt}")


def health_and_metadata():
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready(MODEL) and client.is_model_ready(MODEL, "1")
    assert not client.is_model_ready("nobody")
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    for version in ("", "1"):
        metadata = client.get_model_metadata(MODEL, version)
        assert metadata["versions"] == ["1"] and metadata["inputs"][0] == {
            "name": "INPUT0", "datatype": "FP32", "shape": [-1, 16],
        }, metadata
    assert client.get_model_config(MODEL)["input"][1]["data_type"] == "TYPE_STRING"
    assert client.get_model_repository_index()[0] == {"name": MODEL, "version": "1", "state": "READY", "reason": ""}


def infer():
    for binary_in in (True, False):
        for outputs in (None, [("OUTPUT0", True), ("TEXT_OUT", False)], [("OUTPUT0", False), ("TEXT_OUT", True)]):
            wanted = outputs and [triton.InferRequestedOutput(name, binary) for name, binary in outputs]
            result = client.infer(MODEL, inputs(binary_in), request_id="seven", outputs=wanted)
            response = result.get_response()
            assert (response["id"], response["model_name"], response["model_version"]) == ("seven", MODEL, "1")
            assert np.array_equal(result.as_numpy("OUTPUT0"), values), result.as_numpy("OUTPUT0")
            told = [text if isinstance(text, bytes) else text.encode() for text in result.as_numpy("TEXT_OUT").ravel()]
            assert told == list(texts.ravel()), told
            count = result.as_numpy("COUNT")
            assert count is None if outputs else (count.dtype, count.tolist()) == (np.int64, [1]), count
            for described in response["outputs"]:
                size = described.get("parameters", {}).get("binary_data_size")
                assert (size is not None) == dict(outputs or []).get(described["name"], True), described


def asynchronous():
    with triton.InferenceServerClient(url, concurrency=8) as many:
        pending = [many.async_infer(MODEL, inputs(True), request_id=str(number)) for number in range(40)]
        ids = [request.get_result().get_response()["id"] for request in pending]
        assert ids == [str(number) for number in range(40)], ids


def statistics():
    model = client.get_inference_statistics(MODEL)["model_stats"][0]
    # Three rows in each of 46 requests.
    assert model["inference_count"] == 138, model
    assert model["inference_stats"]["success"]["count"] == 46, model


def errors():
    fails(404, "nobody", lambda: client.infer("nobody", inputs(True)))
    fails(400, "shape", lambda: client.infer(MODEL, inputs(True, values[:, :15].copy())))
    fails(400, "FP64", lambda: client.infer(MODEL, inputs(True, values.astype(np.float64))))
    fails(400, "TEXT", lambda: client.infer(MODEL, inputs(True)[:1]))
    fails(400, "NOTHING", lambda: client.infer(
        MODEL, inputs(True), outputs=[triton.InferRequestedOutput("NOTHING")]))
    fails(404, "nobody", lambda: client.get_model_metadata("nobody"))


for check in (health_and_metadata, infer, asynchronous, statistics, errors):
    check()
print("tritonclient has no complaint")
