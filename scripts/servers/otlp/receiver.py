"""Reads OTLP over HTTP with OpenTelemetry's own messages. usage: receiver.py PORT

GET /received tells all requests so far as a JSON array of {"path", "headers", "body"}. Who posts to /refuse/... is told
that one item was rejected.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as trace

received = []


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, content_type, body):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(200, "application/json", json.dumps(received).encode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        path = self.path.removeprefix("/refuse")
        if path == "/v1/metrics":
            request, response = metrics.ExportMetricsServiceRequest(), metrics.ExportMetricsServiceResponse()
            rejects = "rejected_data_points"
        elif path == "/v1/traces":
            request, response = trace.ExportTraceServiceRequest(), trace.ExportTraceServiceResponse()
            rejects = "rejected_spans"
        else:
            return self.answer(404, "text/plain", b"no such path")
        request.ParseFromString(body)
        if path != self.path:
            setattr(response.partial_success, rejects, 1)
            response.partial_success.error_message = "one too many"
        received.append({"path": self.path, "headers": dict(self.headers), "body": MessageToDict(request)})
        self.answer(200, "application/x-protobuf", response.SerializeToString())

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
