"""A plain PyTorch RAM with the paper's layers, to be timed against ours.

`training_throughput.py` runs it as `python -m benchmarks.speed.torch_ram`, by the Python of an environment of its own that has torch.

Two ways of cutting patches:
- `loop`, as the most-used repository does it (github.com/kevinzakka/recurrent-visual-attention): pads the batch, slices patch by patch in
  Python, stacks, and pools the coarser scales;
- `vectorised`: pads the batch once, and takes all patches of a scale by one advanced indexing of an unfolded view, which copies nothing
  else; `compiled` is the same under torch.compile.

A step is forward, cross-entropy + REINFORCE + squared error of the baseline, backward and a fused AdamW; it is spared what ours does
besides: gradient clipping, the logits after each look, and metrics.
"""

import argparse

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.common.timing import block_of, serve


class RAM(nn.Module):
    """Mnih et al. 2014: dense glimpse network 128/128/256, rectified core 256, Gaussian places, first place random."""

    def __init__(self, retina, pixels, num_glimpses, stddev=0.1):
        super().__init__()
        self.retina, self.num_glimpses, self.stddev = retina, num_glimpses, stddev
        self.what, self.where, self.join = nn.Linear(pixels, 128), nn.Linear(2, 128), nn.Linear(256, 256)
        self.core = nn.Linear(512, 256)
        self.location_hidden, self.location = nn.Linear(256, 128), nn.Linear(128, 2)
        self.baseline, self.classifier = nn.Linear(256, 1), nn.Linear(256, 10)

    def forward(self, images):
        """Logits `[B, K]`, log-probabilities `[B, T - 1]` of the places drawn, baselines `[B, T]`."""
        places, hidden = torch.rand(len(images), 2) * 2 - 1, images.new_zeros(len(images), 256)
        views, log_probs, baselines = self.retina.prepare(images), [], []
        for look in range(self.num_glimpses):
            before = hidden.detach()
            baselines.append(self.baseline(before)[:, 0])
            if look:
                policy = torch.distributions.Normal(self.mean(before), self.stddev, validate_args=False)
                drawn = policy.sample()
                log_probs.append(policy.log_prob(drawn).sum(1))
                places = drawn.clamp(-1, 1)
            glimpse = self.glimpse(self.retina.look(views, places), places)
            hidden = F.relu(self.core(torch.cat([hidden, glimpse], 1)))
        return self.classifier(hidden), torch.stack(log_probs, 1), torch.stack(baselines, 1)

    def mean(self, hidden):
        return torch.tanh(self.location(F.relu(self.location_hidden(hidden))))

    def glimpse(self, patches, places):
        seen = F.relu(self.what(patches.flatten(1)))
        return F.relu(self.join(torch.cat([seen, F.relu(self.where(places))], 1)))


class LoopRetina:
    """Patches cut one by one."""

    def __init__(self, patch_size, num_scales):
        self.patch_size, self.num_scales = patch_size, num_scales

    def prepare(self, images):
        return images

    def look(self, images, places):
        patches = [self.cut(images, places, self.patch_size * 2**scale) for scale in range(self.num_scales)]
        return torch.cat([patches[0]] + [F.avg_pool2d(patch, 2**scale) for scale, patch in enumerate(patches) if scale], 1)

    def cut(self, images, places, size):
        start = (0.5 * (places + 1.0) * images.shape[-1]).long()
        end = start + size
        images = F.pad(images, (size // 2,) * 4)
        patches = [images[row, :, start[row, 0] : end[row, 0], start[row, 1] : end[row, 1]] for row in range(len(images))]
        return torch.stack(patches)


class VectorisedRetina(LoopRetina):
    """All patches of a scale at once."""

    def prepare(self, images):
        self.margin = self.patch_size * 2 ** (self.num_scales - 1) // 2
        return F.pad(images, (self.margin,) * 4), torch.arange(len(images))

    def cut(self, views, places, size):
        padded, rows = views
        start = (0.5 * (places + 1.0) * (padded.shape[-1] - 2 * self.margin)).long() + self.margin - size // 2
        return padded.unfold(2, size, 1).unfold(3, size, 1)[rows, :, start[:, 0], start[:, 1]]


def training_step(retina, options, compiled=False):
    """A function that trains on one batch in memory; images of noise, on which the speed does not depend."""
    torch.manual_seed(0)
    model = RAM(retina(options.patch_size, options.num_scales), options.patch_size**2 * options.num_scales, options.num_glimpses)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-4, fused=True)
    images = torch.rand(options.batch_size, 1, options.image_size, options.image_size)
    labels = torch.randint(0, 10, (options.batch_size,))
    loss_of = torch.compile(ram_loss) if compiled else ram_loss

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(model, images, labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def ram_loss(model, images, labels):
    logits, log_probs, baselines = model(images)
    reward = (logits.detach().argmax(1) == labels).float()[:, None]
    reinforce = -(log_probs * (reward - baselines.detach())[:, 1:]).sum(1).mean()
    return F.cross_entropy(logits, labels) + 0.1 * reinforce + F.mse_loss(baselines, reward.expand_as(baselines))


def bare_products(options):
    """A function that multiplies what a step multiplies and does nothing else, as `bare_products.py` does by TensorFlow's kernels."""
    model = RAM(None, options.patch_size**2 * options.num_scales, options.num_glimpses)
    unwanted = (model.what, model.where, model.location_hidden, model.baseline)  # whose input's gradient no step takes
    wanted = (model.join, model.core, model.location, model.classifier)
    sizes = [(layer, layer.in_features, layer.out_features) for layer in (*unwanted, *wanted) for _ in range(options.num_glimpses)]
    operands = [
        (torch.randn(options.batch_size, inputs), layer.weight.detach(), torch.randn(options.batch_size, outputs), layer in wanted)
        for layer, inputs, outputs in sizes
    ]

    @torch.no_grad()
    def products():
        results = []
        for rows, kernel, errors, backward in operands:
            results += [rows @ kernel.T, errors.T @ rows] + ([errors @ kernel] if backward else [])
        return sum(result[0, 0] for result in results).item()

    return products


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("image-size", "patch-size", "num-scales", "num-glimpses", "batch-size", "threads"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--without-compile", action="store_true", help="leave out torch.compile, which takes a minute")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    steps = {"loop": training_step(LoopRetina, options), "vectorised": training_step(VectorisedRetina, options)}
    if not options.without_compile:
        steps["compiled"] = training_step(VectorisedRetina, options, compiled=True)
    steps["products"] = bare_products(options)
    serve({name: block_of(step) for name, step in steps.items()}, torch=torch.__version__)


if __name__ == "__main__":
    main()
