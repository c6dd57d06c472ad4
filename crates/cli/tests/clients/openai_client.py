"""What the `openai` client makes of the simulated server. usage: openai_client.py URL MODEL

The server must run with strict_model=true.
"""

import asyncio
import math
import sys

import openai

url, model = sys.argv[1:]
client = openai.OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0)
hello = [{"role": "user", "content": "hello, is anybody there?"}]
PROMPT_TOKENS = 6


def fails(kind, param, request):
    try:
        request()
    except kind as error:
        assert isinstance(error.body, dict) and error.body["message"], error
        assert error.param == param, (error.param, param)
        return
    raise AssertionError(f"no {kind.__name__}")


def models():
    listed = client.models.list().data
    assert [entry.id for entry in listed] == [model], listed
    one = client.models.retrieve(model)
    assert (one.id, one.object) == (model, "model") and one.created > 0, one
    fails(openai.NotFoundError, "model", lambda: client.models.retrieve("nobody"))


def chat():
    whole = client.chat.completions.create(
        model=model, messages=hello, max_completion_tokens=5, n=3, logprobs=True, top_logprobs=2, user="somebody",
        stop=["never"], temperature=0, extra_body={"ignore_eos": True, "min_tokens": 5},
    )
    assert (whole.object, whole.model) == ("chat.completion", model), whole
    assert [choice.index for choice in whole.choices] == [0, 1, 2]
    for choice in whole.choices:
        assert (choice.message.role, choice.finish_reason) == ("assistant", "length"), choice
        tokens = choice.logprobs.content
        assert "".join(token.token for token in tokens) == choice.message.content, choice
        assert bytes(tokens[0].bytes).decode() == tokens[0].token
        for token in tokens:
            assert token.logprob < 0 and len(token.top_logprobs) == 2
            assert sum(math.exp(top.logprob) for top in token.top_logprobs) < 1
    usage = whole.usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (PROMPT_TOKENS, 15), usage
    assert usage.total_tokens == PROMPT_TOKENS + 15
    assert client.chat.completions.create(model=model, messages=hello).usage.completion_tokens == 16


def chat_stream():
    chunks = list(client.chat.completions.create(
        model=model, messages=hello, max_tokens=4, n=2, logprobs=True, stream=True,
        stream_options={"include_usage": True, "continuous_usage_stats": True},
    ))
    assert len({chunk.id for chunk in chunks}) == 1
    *events, last = chunks
    assert last.choices == [] and last.usage.completion_tokens == 8, last
    texts, reasons, order = {}, {}, []
    for event in events:
        [choice] = event.choices
        if choice.delta.content:
            order.append(choice.index)
            texts[choice.index] = texts.get(choice.index, "") + choice.delta.content
            assert [token.token for token in choice.logprobs.content] == [choice.delta.content], event
            assert event.usage.completion_tokens == order.count(choice.index), event
        reasons[choice.index] = choice.finish_reason
    assert order != sorted(order), "the choices are not interleaved"
    assert texts == {0: " time work word line", 1: " time work word line"}, texts
    assert reasons == {0: "length", 1: "length"}, reasons
    with client.chat.completions.stream(model=model, messages=hello, max_tokens=3) as stream:
        assert "".join(event.delta for event in stream if event.type == "content.delta") == " time work word"
        assert stream.current_completion_snapshot.choices[0].finish_reason == "length"


def completions():
    whole = client.completions.create(
        model=model, prompt=["four", "letters and more"], max_tokens=2, n=2, echo=True, logprobs=3,
    )
    assert [choice.text for choice in whole.choices] == ["four time work"] * 2 + ["letters and more time work"] * 2
    logprobs = whole.choices[2].logprobs
    assert logprobs.tokens == [" time", " work"] and logprobs.text_offset == [16, 21], logprobs
    assert len(logprobs.top_logprobs[0]) == 3 and logprobs.top_logprobs[0][" time"] == logprobs.token_logprobs[0]
    assert (whole.usage.prompt_tokens, whole.usage.completion_tokens) == (5, 8), whole.usage
    for prompt, tokens, choices in (("abcde", 2, 1), ([1, 2, 3], 3, 1), ([[1, 2], [3]], 3, 2)):
        whole = client.completions.create(model=model, prompt=prompt, max_tokens=1)
        assert (whole.usage.prompt_tokens, len(whole.choices)) == (tokens, choices), (prompt, whole)
    stream = client.completions.create(model=model, prompt="x", max_tokens=3, stream=True)
    assert "".join(chunk.choices[0].text for chunk in stream) == " time work word"


def pooling():
    texts = ["one", "another", "one"]
    # The client asks for base64 by itself and decodes it.
    packed = client.embeddings.create(model=model, input=texts)
    plain = client.embeddings.create(model=model, input=texts, encoding_format="float")
    assert packed.usage.prompt_tokens == packed.usage.total_tokens == 4, packed.usage
    for one, other in zip(packed.data, plain.data, strict=True):
        assert one.index == other.index and len(one.embedding) == 1024
        assert max(abs(a - b) for a, b in zip(one.embedding, other.embedding, strict=True)) < 1e-6
        assert abs(math.hypot(*one.embedding) - 1) < 1e-4
    assert packed.data[0].embedding == packed.data[2].embedding != packed.data[1].embedding
    assert len(client.embeddings.create(model=model, input=[[1, 2], [3]], dimensions=8).data[1].embedding) == 8
    ranked = client.post("/rerank", cast_to=object, body={
        "model": model, "query": "what?", "documents": ["a", {"text": "b"}, "c"], "top_n": 2,
    })
    results = ranked["results"]
    assert len(results) == 2 and results[0]["relevance_score"] >= results[1]["relevance_score"], ranked
    assert results[0]["document"]["text"] == "abc"[results[0]["index"]], ranked


def errors():
    create = lambda **more: client.chat.completions.create(**{"model": model, "messages": hello, **more})
    fails(openai.NotFoundError, "model", lambda: create(model="nobody"))
    fails(openai.BadRequestError, "max_tokens", lambda: create(max_tokens=0))
    fails(openai.BadRequestError, "max_tokens", lambda: create(max_tokens="many"))
    fails(openai.BadRequestError, "max_tokens", lambda: create(max_tokens=10**7))
    fails(openai.BadRequestError, "messages", lambda: create(messages="hello"))
    fails(openai.BadRequestError, "top_logprobs", lambda: create(top_logprobs=2))
    fails(openai.BadRequestError, "top_logprobs", lambda: create(logprobs=True, top_logprobs=21))
    fails(openai.BadRequestError, "min_tokens", lambda: create(max_tokens=2, extra_body={"min_tokens": 3}))
    fails(openai.BadRequestError, "stream_options", lambda: create(stream_options={"include_usage": True}))
    fails(openai.BadRequestError, "n", lambda: create(n=0))
    fails(openai.BadRequestError, "best_of",
          lambda: client.completions.create(model=model, prompt="x", best_of=2))
    fails(openai.BadRequestError, "dimensions",
          lambda: client.embeddings.create(model=model, input="x", dimensions=0))
    fails(openai.NotFoundError, None, lambda: client.post("/nowhere", cast_to=object, body={}))


async def many_at_once():
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0) as many:
        async def one(tokens):
            stream = await many.chat.completions.create(
                model=model, messages=hello, max_tokens=tokens, stream=True, stream_options={"include_usage": True},
            )
            usage = [chunk.usage async for chunk in stream][-1]
            assert usage.completion_tokens == tokens, usage

        await asyncio.gather(*(one(tokens) for tokens in range(1, 33)))


for check in (models, chat, chat_stream, completions, pooling, errors):
    check()
asyncio.run(many_at_once())
print("openai", openai.__version__, "has no complaint")
