"""KServe's Python client against a server: `python kserve_calls.py URL`, in an environment that has it.

kserve pins other versions of what the service uses, so it cannot be installed beside it.
"""

# /// script
# dependencies = ["kserve==0.21.0"]
# ///

import asyncio
import json
import sys

import numpy as np
from kserve import InferenceRESTClient, InferInput, InferOutput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput


async def call(url: str) -> dict[str, object]:
    """What the client says of the model `colour`, asked with numbers and with bytes."""
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    seen: dict[str, object] = {
        "live": await client.is_server_live(url),
        "ready": await client.is_server_ready(url),
        "model": await client.is_model_ready(url, "colour"),
        "other": await client.is_model_ready(url, "other"),
    }
    tensor = np.arange(48, dtype=np.float32).reshape(1, 3, 4, 4)
    for binary in (False, True):
        given = InferInput("image", [1, 3, 4, 4], "FP32")
        given.set_data_from_numpy(tensor, binary_data=binary)
        asked = InferRequest(
            "colour",
            [given],
            request_id="seven",
            request_outputs=[RequestedOutput("scores", parameters={"binary_data": binary})],
        )
        answer = await client.infer(url, asked, model_name="colour")
        output: InferOutput = answer.outputs[0]
        seen["bytes" if binary else "numbers"] = [answer.id, output.datatype, output.as_numpy().tolist()]
    await client.close()
    return seen


print(json.dumps(asyncio.run(call(sys.argv[1]))))  # noqa: T201 -- a command prints
