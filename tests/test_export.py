import io
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import kernels, op_def_registry

from tf_glimpse import losses
from tf_glimpse.datasets.decode import decode_image
from tf_glimpse.export import export_model, publish, warm_up
from tf_glimpse.export.decoding import _fit, decode_images
from tf_glimpse.export.versions import versions
from tf_glimpse.models import RAM, BagNet
from tf_glimpse.types import Trajectory, UserError

NAMES = ["ant", "bee", "cat", "dog"]
SHAPE = (24, 20, 3)
ANSWER = {"classes": tf.string, "labels": tf.int32, "scores": tf.float32, "locations": tf.float32, "num_glimpses": tf.int32}


def small_model(**options):
    model = RAM(num_classes=4, patch_size=4, num_glimpses=3, units=16, class_names=NAMES, **options)
    model.build((None, *SHAPE))
    return model


def photo(height, width, mode="RGB"):
    """A smooth picture, as a photo is: two decoders agree on it, where they need not on noise."""
    rows, columns = np.mgrid[:height, :width].astype(float)
    levels = np.stack([rows / height, columns / width, (rows + columns) / (height + width)], axis=-1) * 255
    return Image.fromarray(levels.astype("uint8")).convert(mode)


def encoded(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return small_model(num_scales=2)


@pytest.fixture(scope="module")
def path(model, tmp_path_factory):
    return export_model(model, tmp_path_factory.mktemp("exported"), warm_up_batch_sizes=(1, 3))


@pytest.fixture(scope="module")
def loaded(path):
    return tf.saved_model.load(str(path))


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (5, *SHAPE), dtype=np.uint8)


@pytest.fixture(scope="module")
def files(images):
    return tf.constant([encoded(Image.fromarray(image)) for image in images])


def assert_answers(answer, trajectory):
    scores = tf.nn.softmax(trajectory.logits[:, -1])
    assert {name: value.dtype for name, value in answer.items()} == ANSWER
    np.testing.assert_allclose(answer["scores"], scores, atol=1e-5)
    np.testing.assert_allclose(answer["locations"], trajectory.locations, atol=1e-5)
    np.testing.assert_array_equal(answer["labels"], tf.argmax(scores, axis=-1))
    assert [name.decode() for name in answer["classes"].numpy()] == [NAMES[label] for label in answer["labels"]]
    assert answer["num_glimpses"].numpy().tolist() == [3] * len(scores)


def test_pixels_are_answered_as_by_the_model(model, loaded, images):
    assert_answers(loaded.signatures["uint8"](images=tf.constant(images)), model(images))
    floats = tf.constant(images / np.float32(255))
    assert_answers(loaded.signatures["float"](images=floats), model(floats))


@pytest.mark.parametrize("signature", ["bytes", "serving_default"])
def test_files_are_answered_as_by_the_model(model, loaded, images, files, signature):
    assert_answers(loaded.signatures[signature](image_bytes=files), model(images))


def test_an_image_alone_is_answered_as_in_a_batch_and_twice_the_same(loaded, files):
    ask = loaded.signatures["bytes"]
    together = ask(image_bytes=files)
    for row in range(len(files)):
        alone = ask(image_bytes=files[row : row + 1])
        np.testing.assert_allclose(alone["locations"][0], together["locations"][row], atol=1e-5)
        np.testing.assert_allclose(alone["scores"][0], together["scores"][row], atol=1e-5)
    np.testing.assert_array_equal(ask(image_bytes=files)["scores"], together["scores"])


def test_sampled_looks_follow_each_rows_own_seed(model, loaded, images, files):
    ask = loaded.signatures["sample"]
    seeds = tf.constant([[1, 2], [3, 4], [1, 2], [1, 2], [5, 6]])
    together = ask(image_bytes=files, seed=seeds)
    assert_answers(together, model(images, sample=True, seed=seeds))
    alone = ask(image_bytes=files[2:3], seed=seeds[2:3])
    np.testing.assert_allclose(alone["locations"][0], together["locations"][2], atol=1e-5)
    same_image = tf.repeat(files[:1], 2)
    locations = ask(image_bytes=same_image, seed=[[1, 2], [3, 4]])["locations"].numpy()
    assert np.abs(locations[0] - locations[1]).max() > 0.01


def test_the_whole_trajectory(model, loaded, images, files):
    answer = loaded.signatures["trajectory"](image_bytes=files)
    trajectory = model(images)
    assert set(answer) == {*Trajectory._fields, *ANSWER}
    for field, value in trajectory._asdict().items():
        np.testing.assert_allclose(answer[field], value, atol=1e-4, err_msg=field)


def test_classify_takes_examples_and_ranks_the_classes(model, loaded, path, images, files):
    examples = [
        tf.train.Example(features=tf.train.Features(feature={"image_bytes": tf.train.Feature(bytes_list=tf.train.BytesList(value=[file]))}))
        for file in files.numpy()
    ]
    answer = loaded.signatures["classify"](inputs=tf.constant([example.SerializeToString() for example in examples]))
    scores = tf.nn.softmax(model(images).logits[:, -1]).numpy()
    np.testing.assert_allclose(answer["scores"], -np.sort(-scores), atol=1e-5)
    assert [name.decode() for name in answer["classes"][0].numpy()] == [NAMES[label] for label in np.argsort(-scores[0])]
    assert saved(path).signature_def["classify"].method_name == "tensorflow/serving/classify"
    assert saved(path).signature_def["serving_default"].method_name == "tensorflow/serving/predict"


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "file",
    [
        *[encoded(photo(61, 90, mode)) for mode in ("L", "LA", "RGB", "RGBA", "P")],
        encoded(Image.fromarray(np.asarray(photo(61, 90, "L")).astype("uint16") * 257)),
        encoded(photo(61, 90), "JPEG", quality=95),
        encoded(photo(90, 61, "L"), "JPEG", quality=95),
        encoded(photo(16, 40)),
    ],
    ids=["grey", "grey-alpha", "rgb", "rgba", "palette", "16-bit", "jpeg", "grey-jpeg", "enlarged"],
)
def test_files_are_decoded_as_the_datasets_are(file, channels):
    got = decode_images(tf.constant([file]), (32, 32, channels))[0].numpy().astype(int)
    assert np.abs(got - decode_image(file, channels, 32)).max() <= 2


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("endian", ["<", ">"])
def test_files_are_turned_upright_and_the_centre_is_kept(kind, endian):
    files = []
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif.endian = endian
        exif[0x010F], exif[0x0112] = "camera", orientation
        files.append(encoded(photo(61, 90), kind, quality=95, exif=exif))
    upright = [ImageOps.exif_transpose(Image.open(io.BytesIO(file))) for file in files]
    wanted = [np.asarray(ImageOps.fit(image, (24, 32), Image.Resampling.BILINEAR)) for image in upright]
    got = decode_images(tf.constant(files), (32, 24, 3)).numpy().astype(int)
    assert len({image.tobytes() for image in wanted}) == 8
    assert np.abs(got - np.stack(wanted)).max() <= 2


@pytest.mark.parametrize("shape", [(3, 400), (400, 3), (31, 200), (200, 31), (500, 300)])
@pytest.mark.parametrize("size", [(16, 16), (7, 40)])
def test_cutting_before_resizing_changes_nothing(shape, size):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    scale = max(size[0] / shape[0], size[1] / shape[1])
    whole = tf.raw_ops.ScaleAndTranslate(
        images=image[None],
        size=size,
        scale=[scale, scale],
        translation=[(to - scale * was) / 2 for to, was in zip(size, shape, strict=True)],
        kernel_type="triangle",
        antialias=True,
    )
    np.testing.assert_allclose(_fit(tf.constant(image), size), whole[0], atol=0.02)


def test_garbage_is_an_error_of_its_request(loaded):
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"Unknown image file format"):
        loaded.signatures["bytes"](image_bytes=tf.constant([b"no image"]))


def saved(path):
    return saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes()).meta_graphs[0]


def runs_on_a_gpu(node):
    defaults = {attr.name: attr.default_value for attr in op_def_registry.get(node.op).attr}

    def allows(kernel):
        given = {only.name: node.attr[only.name] if only.name in node.attr else defaults[only.name] for only in kernel.constraint}
        return all(given[only.name].type in only.allowed_values.list.type for only in kernel.constraint)

    found = kernels.get_registered_kernels_for_op(node.op).kernel
    return any(kernel.device_type in ("GPU", "DEFAULT") and allows(kernel) for kernel in found)


@pytest.mark.slow
def test_only_the_decoding_needs_a_cpu(path):
    # Their savers and restorers run once, at loading; the rest of the graph outside functions only calls these.
    functions = [one for one in saved(path).graph_def.library.function if "traced_save" not in one.signature.name]
    nodes = [node for function in functions if "traced_restore" not in function.signature.name for node in function.node_def]
    elsewhere = [node for node in nodes if "CPU" not in node.device.upper()]
    assert {"DecodeJpeg", "ScaleAndTranslate"} <= {node.op for node in nodes}
    assert {"MatMul", "Softmax"} <= {node.op for node in elsewhere}
    assert {node.op for node in elsewhere if not runs_on_a_gpu(node)} == set()
    assert not runs_on_a_gpu(next(node for node in nodes if node.op == "ScaleAndTranslate")), "the check finds nothing"


def test_no_generator_is_advanced(path):
    functions = saved(path).graph_def.library.function
    ops = {node.op for function in functions if "restore" not in function.signature.name for node in function.node_def}
    assert not {op for op in ops if op.startswith("Assign") or op.startswith("Random")}


@pytest.mark.slow
def test_xla_is_off_even_for_a_model_that_it_trained(tmp_path, images):
    model = RAM(num_classes=4, patch_size=4, num_glimpses=2, units=4, num_scales=1)
    model.compile("sgd", terms=losses.PAPER, jit_compile=True)
    model.fit(images, np.arange(5) % 4, batch_size=5, verbose=0)
    assert model.jit_compile
    path = export_model(model, tmp_path, warm_up_batch_sizes=())
    assert not any(function.attr["_XlaMustCompile"].b for function in saved(path).graph_def.library.function)


@pytest.mark.slow
def test_half_precision_still_answers_in_float32(tmp_path, images):
    model = small_model(dtype="mixed_float16")
    loaded = tf.saved_model.load(str(export_model(model, tmp_path, warm_up_batch_sizes=())))
    for name, signature in loaded.signatures.items():
        assert {value.dtype for value in signature.structured_outputs.values()} <= {tf.float32, tf.int32, tf.string}, name
    answer = loaded.signatures["uint8"](images=tf.constant(images))
    np.testing.assert_allclose(answer["scores"], tf.nn.softmax(tf.cast(model(images).logits[:, -1], tf.float32)), atol=2e-2)


def test_warm_up_records_hold_every_signature_and_batch_size(path):
    from tensorflow_serving.apis import prediction_log_pb2

    records = tf.data.TFRecordDataset(str(path / "assets.extra" / "tf_serving_warmup_requests")).as_numpy_iterator()
    requests = [prediction_log_pb2.PredictionLog.FromString(record).predict_log.request for record in records]
    asked = {request.model_spec.signature_name for request in requests}
    assert asked == {"serving_default", "bytes", "uint8", "float", "trajectory", "sample", "classify"}
    default = [request for request in requests if request.model_spec.signature_name == "serving_default"]
    assert [request.inputs["image_bytes"].tensor_shape.dim[0].size for request in default] == [1, 3]


def test_versions_count_up_quietly_and_are_never_overwritten(model, path, capfd):
    capfd.readouterr()
    (path.parent / ".part-0a1b2c3d.9").mkdir()
    (path.parent / "notes").mkdir()
    before = (path / "saved_model.pb").read_bytes()
    with pytest.raises(UserError, match=r"version 1 is already in .* not overwritten"):
        export_model(model, path.parent, version=1)
    second = export_model(model, path.parent, warm_up_batch_sizes=())
    assert (second.name, versions(path.parent)) == ("2", [1, 2])
    assert (path / "saved_model.pb").read_bytes() == before
    assert capfd.readouterr() == ("", "")


def test_a_version_that_appears_meanwhile_is_kept_and_the_build_removed(model, tmp_path, monkeypatch):
    def write(_, folder, *__):
        folder.mkdir()
        (tmp_path / "3").mkdir()
        (tmp_path / "3" / "theirs").touch()
        assert versions(tmp_path) == [3]

    monkeypatch.setattr(publish, "_write", write)
    with pytest.raises(UserError, match=r"version 3 appeared in .* export again"):
        export_model(model, tmp_path, version=3, warm_up_batch_sizes=())
    assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*"))] == ["3", "3/theirs"]


def test_an_export_that_fails_leaves_nothing(model, tmp_path, monkeypatch):
    seen = []

    def fail(folder, *_):
        seen.append((folder / "saved_model.pb").exists())
        raise RuntimeError("a record fails")

    monkeypatch.setattr(warm_up, "add", fail)
    with pytest.raises(RuntimeError, match="a record fails"):
        export_model(model, tmp_path)
    assert (seen, list(tmp_path.iterdir())) == ([True], [])


@pytest.mark.parametrize("folder", ["file", "file/under", "n" * 300])
def test_a_folder_that_cannot_be_written_to_is_one_line(model, tmp_path, folder):
    (tmp_path / "file").touch()
    for version in (None, 1):
        with pytest.raises(UserError, match=r"^cannot write a version into .*: base_path must be a folder that can be written to$"):
            export_model(model, tmp_path / folder, version)


@pytest.mark.parametrize("version", [0, -1, "latest", True, 1.5])
def test_a_version_is_a_whole_number_from_one(model, tmp_path, version):
    with pytest.raises(UserError, match=r"version must be a whole number from 1"):
        export_model(model, tmp_path, version=version)


def test_what_cannot_be_exported_says_what_to_do(model, tmp_path, monkeypatch):
    with pytest.raises(UserError, match="such as a RAM or a Saccader.* Received: a BagNet"):
        export_model(BagNet(3), tmp_path)
    with pytest.raises(UserError, match=r"call model\(images\) once"):
        export_model(RAM(num_classes=4, patch_size=4, num_scales=1), tmp_path)
    monkeypatch.setitem(sys.modules, "tensorflow_serving.apis", None)
    with pytest.raises(UserError, match=r"pip install tf_glimpse\[serve\]"):
        export_model(model, tmp_path / "exported")
