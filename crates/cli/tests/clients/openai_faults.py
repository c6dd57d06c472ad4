"""How the `openai` client takes the faults of the simulated server. usage: openai_faults.py KIND URL

KIND is what the server does with every request: rate_limit, error, stream_error, truncate, loading.
"""

import sys

import openai

kind, url = sys.argv[1:]
client = openai.OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0)


def ask():
    stream = client.chat.completions.create(
        model="sim", messages=[{"role": "user", "content": "hello"}], max_tokens=10, stream=True,
    )
    return [chunk.choices[0].delta.content for chunk in stream if chunk.choices]


expected = {
    "rate_limit": openai.RateLimitError,
    "error": openai.InternalServerError,
    "stream_error": openai.APIError,
    "truncate": openai.APIConnectionError,
    "loading": openai.InternalServerError,
}[kind]
try:
    ask()
except expected as error:
    if isinstance(error, openai.APIStatusError):
        assert error.status_code == {"rate_limit": 429, "error": 500, "loading": 503}[kind], error
        assert (error.response.headers.get("retry-after") is None) == (kind == "error"), error.response.headers
    print(type(error).__name__)
else:
    raise AssertionError(f"no {expected.__name__}")
