"""A REST server that does what its paths say. Prints its port, then each request as a line of JSON."""

import gzip
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECES = [b'{"n":1}\n', b'{"n":2}\n', b'{"n":3,"done":true}\n']


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one segment, or the client waits for the acknowledgement of the first.
    wbufsize = -1

    def log_message(self, *arguments):
        pass

    def answer(self, status, body, **fields):
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def chunks(self, pieces, content_type):
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def handle_any(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        request = {"method": self.command, "path": self.path, "fields": dict(self.headers), "body": body}
        print(json.dumps(request), flush=True)
        match self.path.partition("?")[0]:
            case "/none":
                self.answer(204, b"")
            case "/moved":
                self.answer(302, b"", Location="/elsewhere")
            case "/gzip":
                self.answer(200, gzip.compress(b'{"ok":true}'), Content_Encoding="gzip")
            case "/broken":
                self.answer(200, b'{"ok":false,"label":"cat"}')
            case "/refuse":
                said = f"no {self.headers.get('Authorization')} with {self.path} and {body}"
                self.answer(403, json.dumps({"error": said}).encode())
            case "/cut":
                self.send_response(200)
                self.send_header("Content-Length", "100")
                self.end_headers()
                self.wfile.write(b'{"ok":true}')
                self.close_connection = True
            case "/lines":
                self.chunks(PIECES, "application/x-ndjson")
            case "/events":
                self.chunks([b"data: %s\n" % piece for piece in PIECES] + [b"data: [DONE]\n\n"], "text/event-stream")
            case _:
                self.answer(200, json.dumps({"ok": True, "method": self.command}).encode())

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
