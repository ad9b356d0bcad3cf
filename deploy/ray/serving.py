"""The unchanged service on Ray Serve: `serve run deploy.ray.serving:build`; docs/scale.md says more."""

import os
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel, Field, ValidationError
from ray import serve
from ray.serve import Application

from service import app, counters


class Options(BaseModel, extra="forbid"):
    """What may follow the command, as name=value."""

    min_replicas: int = Field(1, ge=1)
    max_replicas: int = Field(4, ge=1)
    cpus: float = Field(1, ge=0)  # of each replica
    gpus: float = Field(0, ge=0)  # likewise; 0.25 puts four on one GPU


@serve.deployment(
    max_ongoing_requests=256,  # of one replica; the service itself refuses what would wait too long
    graceful_shutdown_timeout_s=65,  # behind HAProxy, Ray waits for 30 s before it looks whether all is answered
    health_check_period_s=2,
    health_check_timeout_s=10,
    logging_config={"enable_access_log": False},
)
@serve.ingress(app)
class Service:
    """One replica: a process with the service in it. It follows the models folder by itself."""

    async def check_health(self) -> None:
        """Fail where the event loop or a device does not respond; Ray then puts another replica in its place.

        A model that cannot be loaded does not count: another replica could not load it either.
        """
        if not counters.current().are_ready:
            raise RuntimeError("the service is not ready: its event loop or its device does not respond")


def build(arguments: dict[str, Any]) -> Application:
    """The application that `serve run` runs. Its replicas have the SERVICE_* of that command.

    Raises:
        UsageError: There is no such argument, or its value is not allowed.
    """
    try:
        options = Options(**arguments)
    except ValidationError as error:
        raise click.UsageError("; ".join(f"{each['loc'][0]}: {each['msg']}" for each in error.errors())) from None
    settings = {name: value for name, value in os.environ.items() if name.startswith("SERVICE_")}
    settings.setdefault("SERVICE_THREADS", str(max(1, int(options.cpus))))
    settings["SERVICE_MODELS"] = str(Path(settings.get("SERVICE_MODELS", "models")).resolve())
    return Service.options(
        ray_actor_options={
            "num_cpus": options.cpus,
            "num_gpus": options.gpus,
            "runtime_env": {"env_vars": settings},
        },
        autoscaling_config={
            "min_replicas": options.min_replicas,
            "max_replicas": options.max_replicas,
            "target_ongoing_requests": 16,  # queued and under way, for each replica
            "upscale_delay_s": 5,
            "downscale_delay_s": 60,
        },
    ).bind()
