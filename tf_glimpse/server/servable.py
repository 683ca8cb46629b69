"""One version of a SavedModel, ready to be asked."""


import tensorflow as tf
from google.protobuf import json_format
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from tf_glimpse.export.signatures import CLASSIFY_METHOD, IMAGE_BYTES, images_in
from tf_glimpse.export.versions import highest_version
from tf_glimpse.server.errors import RequestError, one_line
from tf_glimpse.types import UserError


class Servable:
    """The highest version in a model's folder.

    Args:
        base_path: folder with a SavedModel in a subfolder named by its version number, as `export_model` makes it.
        name: what requests call the model.

    Raises:
        UserError: the folder holds no version, or the version is no SavedModel.
    """

    def __init__(self, base_path, name):
        path = highest_version(base_path)
        self.name = name
        self.version = str(int(path.name))
        try:
            meta_graph = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes()).meta_graphs[0]
            self._loaded = tf.saved_model.load(str(path))
        except (OSError, ValueError, IndexError, DecodeError, tf.errors.OpError) as error:
            raise UserError(f"{path} holds no SavedModel that can be loaded; export it again ({one_line(error)})") from None
        self._definitions = meta_graph.signature_def

    def definition(self, signature_name):
        """The `SignatureDef` that TensorFlow keeps of a signature; `serving_default` for an empty name."""
        signature_name = signature_name or "serving_default"
        if signature_name not in self._loaded.signatures:
            raise RequestError(f'Serving signature name: "{signature_name}" not found in signature def')
        return self._definitions[signature_name]

    def dtypes(self, signature_name):
        """NumPy dtype of each input of a signature, by name."""
        inputs = self.definition(signature_name).inputs
        return {name: tf.as_dtype(inputs[name].dtype).as_numpy_dtype for name in sorted(inputs)}

    def images_in(self, signature_name, inputs):
        """The encoded images, as a list of bytes, in a signature's inputs: `image_bytes`, or that feature of a `tf.train.Example`."""
        if IMAGE_BYTES in inputs:
            return inputs[IMAGE_BYTES].ravel().tolist()
        if self.definition(signature_name).method_name != CLASSIFY_METHOD:
            return []
        try:
            return [image for example in inputs["inputs"].ravel().tolist() for image in images_in(example)]
        except DecodeError:
            raise RequestError("Could not parse example input: it is no serialized tf.train.Example") from None

    def run(self, signature_name, inputs):
        """Asks a signature: dict of NumPy arrays in, dict of NumPy arrays out."""
        definition = self.definition(signature_name)
        for name, array in inputs.items():
            _check_shape(name, array.shape, [dimension.size for dimension in definition.inputs[name].tensor_shape.dim])
        if len({len(array) for array in inputs.values()}) > 1:
            raise RequestError(f"inputs must have one row an example, got {_listed({name: len(array) for name, array in inputs.items()})}")
        signature = self._loaded.signatures[signature_name or "serving_default"]
        try:
            outputs = signature(**{name: tf.constant(array) for name, array in inputs.items()})
        except tf.errors.OpError as error:
            raise RequestError(one_line(error), 400 if isinstance(error, tf.errors.InvalidArgumentError) else 500) from None
        return {name: value.numpy() for name, value in outputs.items()}

    def metadata(self):
        """What TF-Serving answers to `/metadata`, as a dict."""
        definitions = {
            name: json_format.MessageToDict(definition, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
            for name, definition in self._definitions.items()
        }
        specification = {"name": self.name, "signature_name": "", "version": self.version}
        return {"model_spec": specification, "metadata": {"signature_def": {"signature_def": definitions}}}


def _check_shape(name, shape, wanted):
    if len(shape) != len(wanted) or any(size not in (-1, given) for size, given in zip(wanted, shape, strict=True)):
        shown = [size if size >= 0 else "any" for size in wanted]
        raise RequestError(f"input {name!r} must have the shape {_listed(shown)}, got {_listed(shape)}")


def _listed(values):
    if isinstance(values, dict):
        return ", ".join(f"{name}: {value}" for name, value in values.items())
    return "[" + ", ".join(map(str, values)) + "]"
