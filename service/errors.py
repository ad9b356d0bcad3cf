"""What can go wrong, as one tree.

    ServiceError
    ├── StartupError            the service does not start, or not with that model; the message says why
    │   ├── SettingError        a SERVICE_* environment variable
    │   ├── DeviceError         SERVICE_DEVICE asks for what this machine cannot do
    │   └── ModelError          the models folder, or a model in it
    │       └── PartitionedGraphError   ONNX Runtime captures no CUDA graph, because data would pass through the CPU
    ├── NotANumberError         a defect of a model: NaN for an image; the client gets the fixed sentence
    └── RequestError            the client gets {"error": message}, with the status that `api.answers` has for it
        ├── UnknownModelError   no model of that name
        ├── FailedModelError    one of that name that cannot be served
        ├── UploadError         the request's body: no file, broken multipart
        ├── ImageError          a file that is not a good picture of a format that is taken
        ├── TensorError         a request of /v2 for inference: its JSON, its tensors
        ├── NotOfferedError     a part of the protocol that is left out, or not as this service is set
        ├── ModelControlError   a model that was to be loaded or unloaded, and has not been
        ├── LimitError          more bytes, pixels, parts or seconds than allowed
        ├── OverloadError       too much is waiting; the client may try again
        └── DeviceLostError     the GPU has failed; another worker, or this one restarted, may answer

Every message is a sentence for the person who reads it: the value, the rule, the way out.
Anything else that is raised is a defect: the client gets one fixed sentence, the log the traceback.
"""


class ServiceError(Exception):
    """Base of all that this service raises on purpose."""


class StartupError(ServiceError):
    """The service cannot start."""


class SettingError(StartupError):
    """A setting has a value that it cannot have."""


class DeviceError(StartupError):
    """The asked device cannot be used."""


class ModelError(StartupError):
    """A model cannot be found, loaded or served."""


class PartitionedGraphError(ModelError):
    """The model cannot be captured as a CUDA graph, because data would pass through the CPU on its way."""


class NotANumberError(ServiceError):
    """An output of the model is not a number."""


class RequestError(ServiceError):
    """A request that gets no class."""


class UnknownModelError(RequestError):
    """No model has the name in the path."""


class FailedModelError(RequestError):
    """A model has the name in the path, and no version of it can be served."""


class UploadError(RequestError):
    """The body holds no file that can be read."""


class ImageError(RequestError):
    """The file is not a good picture of a format that is taken."""


class TensorError(RequestError):
    """The request for inference cannot be read, or is not one for the model."""


class NotOfferedError(RequestError):
    """The service does not offer what is asked for."""


class ModelControlError(RequestError):
    """A model was to be loaded or unloaded, and has not been."""


class LimitError(RequestError):
    """The request is over one of the service's limits."""


class OverloadError(RequestError):
    """As much is waiting as the service lets wait, or the answer would come too late."""

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class DeviceLostError(RequestError):
    """The device that runs the model no longer responds."""
