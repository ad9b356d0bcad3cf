"""The service with a leak: it keeps every model that was replaced. What looks for leaks must find this one."""

from service import application, registry
from service.inference.model import Model

KEPT: list[registry.Served] = []


class LeakingRegistry(registry.Registry):
    """Forgets no model."""

    def put(self, model: Model) -> None:
        """Serve a model, and keep it for ever."""
        super().put(model)
        KEPT.append(self.models[model.name])


vars(application)["Registry"] = LeakingRegistry
app = application.create_app()
