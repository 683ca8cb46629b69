"""The matrix products of a training step and nothing else: what this machine allows at most."""

import tensorflow as tf


def bare_products(model, batch_size, jit_compile):
    """A function that multiplies what one step of a RAM with the paper's layers multiplies: each Dense layer once a look, forward, for its
    kernel's gradient, and for its input's gradient where one is wanted (the patches, the places and the stopped states want none).

    The products depend on nothing but their operands, so that they may run side by side, which those of a step may not.

    Args:
        model: a built `RAM` with dense encoder and rectified core.
        batch_size: rows of a product.
        jit_compile: whether XLA compiles them, or TensorFlow runs its own kernels.

    Returns:
        `(call, gigaflops)`; a multiply-add counts two.
    """
    draw = tf.random.Generator.from_seed(0)
    kernels, inputs, errors, wanted, flops = [], [], [], [], 0
    for layer, backward in dense_layers(model):
        rows, columns = layer.kernel.shape
        wanted.append(backward)
        kernels.append(draw.normal([rows, columns]))
        inputs.append([draw.normal([batch_size, rows]) for _ in range(model.num_glimpses)])
        errors.append([draw.normal([batch_size, columns]) for _ in range(model.num_glimpses)])
        flops += (3 if backward else 2) * 2 * batch_size * rows * columns * model.num_glimpses

    @tf.function(jit_compile=jit_compile)
    def products(kernels, inputs, errors):
        results = []
        for kernel, seen, wrong, backward in zip(kernels, inputs, errors, wanted, strict=True):
            for rows, error in zip(seen, wrong, strict=True):
                results += [tf.matmul(rows, kernel), tf.matmul(rows, error, transpose_a=True)]
                results += [tf.matmul(error, kernel, transpose_b=True)] if backward else []
        return tf.add_n([result[0, 0] for result in results])

    return lambda: float(products(kernels, inputs, errors)), flops / 1e9


def dense_layers(model):
    """Pairs of a Dense layer that each look runs, and whether its input's gradient is wanted."""
    cell = model.cell
    unwanted = (cell.encoder.what, cell.encoder.where, cell.location.hidden, cell.baseline)
    wanted = (cell.encoder.join, cell.core.dense, cell.location.linear, model.classifier)
    return [(layer, False) for layer in unwanted] + [(layer, True) for layer in wanted]
