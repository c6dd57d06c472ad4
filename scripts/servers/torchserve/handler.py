"""A random linear layer. A request is a row: a JSON list of 16 numbers, or 64 bytes; either may be a part called `data`."""

import json
import time

import torch
from ts.torch_handler.base_handler import BaseHandler


class Handler(BaseHandler):
    def initialize(self, context):
        self.settings = context.model_yaml_config["handler"]
        torch.manual_seed(0)
        self.model = torch.nn.Linear(16, 16).eval()
        self.initialized = True

    def preprocess(self, data):
        return torch.stack([self.row(request.get("data", request.get("body"))) for request in data])

    def row(self, sent):
        if isinstance(sent, (bytes, bytearray)):
            if not sent.startswith(b"["):
                return torch.frombuffer(bytearray(sent), dtype=torch.float32)
            sent = json.loads(sent)
        return torch.tensor(sent, dtype=torch.float32)

    def inference(self, rows):
        time.sleep(self.settings["seconds_per_batch"] + self.settings["seconds_per_row"] * len(rows))
        with torch.no_grad():
            return self.model(rows)

    def postprocess(self, rows):
        return [{"output": row} for row in rows.tolist()]

    def describe_handle(self):
        """What `GET /models/MODEL?customized=true` of the management port says beside the rest."""
        return {"inputs": [{"name": "data", "datatype": "FP32", "shape": [16]}]}
