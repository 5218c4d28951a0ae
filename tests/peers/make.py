"""Makes what tests/peers.rs compares our attacks with: the same attacks by torchattacks, on a small network.

    python3 tests/peers/make.py        (torch 2.9, torchattacks 3.5.1, onnx, safetensors; files are written beside it)

classifier.onnx is a network of six classes for pictures of 10 x 10, trained for some seconds on patterns in noise.
answers.safetensors has `image` [100, 3, 10, 10] and `label` [100], both u8; `pixels NAME` [20, 3, 10, 10], u8, the
first pictures after an attack without randomness; and `fooled NAME` [100], u8, whether the classifier errs on the
attacked picture, rounded to 8 bits, in most of five runs of a random attack. The attacks that look for the smallest
change are not rounded; cw and deepfool have no bound, and `size NAME` [100], f32, is the L2 size of their change. NAME
is an attack as on purecam's command line.
"""

import json
import pathlib

import numpy as np
import onnx
import torch
import torchattacks
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

HERE = pathlib.Path(__file__).parent
CLASSES, SIDE, COUNT, SHOWN, RUNS = 6, 10, 100, 20, 5
EPSILON = 16 / 255


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 3, 1, 1), nn.Conv2d(8, 12, 3, 2, 1)
        self.head = nn.Linear(12 * 25, CLASSES)

    def forward(self, image):
        return self.head(F.silu(self.second(F.silu(self.first((image - 0.5) * 4)))).flatten(1))


def pictures(count, patterns):
    """Patterns in noise, 8-bit levels in 0..1, and their classes; every second pattern is faint."""
    label = torch.arange(count) % CLASSES
    strength = torch.linspace(0.02, 0.5, count)[:, None, None, None]
    noise = 0.08 * torch.randn(count, 3, SIDE, SIDE)
    image = 0.5 + strength * patterns[label] + noise
    return (image.clamp(0, 1) * 255).round() / 255, label


def train(net, patterns):
    optimiser = torch.optim.Adam(net.parameters(), 2e-3, weight_decay=1e-3)
    for _ in range(1500):
        image, label = pictures(96, patterns)
        optimiser.zero_grad()
        F.cross_entropy(net(image), label).backward()
        optimiser.step()


def eight_bit(image):
    return (image * 255).round() / 255


torch.manual_seed(11)
torch.set_num_threads(1)
patterns = F.interpolate(torch.randn(CLASSES, 3, 4, 4), size=SIDE, mode="bilinear").sign()
net = Net()
train(net, patterns)
net.eval()
image, label = pictures(COUNT, patterns)
tensors = {"image": (image * 255).round().to(torch.uint8), "label": label.to(torch.uint8)}

size = {"eps": EPSILON, "steps": 10}
step = {"alpha": EPSILON / 4}
exact = {
    "fgsm": torchattacks.FGSM(net, eps=EPSILON),
    "bim:10": torchattacks.PGD(net, **size, **step, random_start=False),
    "mi-fgsm:10": torchattacks.MIFGSM(net, **size, **step, decay=1.0),
}
random = {
    "pgd:10": torchattacks.PGD(net, **size, **step),
    "di-fgsm:10": torchattacks.DIFGSM(net, **size, **step),
    "m-di-fgsm:10": torchattacks.DIFGSM(net, **size, **step, decay=1.0),
    "apgd-ce:50": torchattacks.APGD(net, eps=EPSILON, steps=50, loss="ce"),
    "apgd-dlr:50": torchattacks.APGD(net, eps=EPSILON, steps=50, loss="dlr"),
    "apgd-t:20": torchattacks.APGDT(net, eps=EPSILON, steps=20, n_classes=CLASSES),
    "fab-t:20": torchattacks.FAB(net, eps=EPSILON, steps=20, multi_targeted=True, n_classes=CLASSES),
    "square:500": torchattacks.Square(net, eps=EPSILON, n_queries=500),
}
smallest = {"cw:200": torchattacks.CW(net, steps=200), "deepfool:50": torchattacks.DeepFool(net)}
with torch.no_grad():
    print(f"clean: {(net(image).argmax(1) != label).sum()} of {COUNT} are wrong")


def fooled(attack, seed):
    torch.manual_seed(seed)
    attack.seed = seed
    attacked = attack(image, label).detach()
    with torch.no_grad():
        judged = attacked if isinstance(attack, torchattacks.FAB) else eight_bit(attacked)
        return attacked, net(judged).argmax(1) != label


for name, attack in (exact | random).items():
    attacked, found = fooled(attack, 0)
    if name in exact:
        tensors[f"pixels {name}"] = (attacked[:SHOWN] * 255).round().to(torch.uint8)
    else:
        outcomes = torch.stack([fooled(attack, seed)[1] for seed in range(RUNS)])
        found = outcomes.sum(0) * 2 > RUNS
        print(f"  at most {(outcomes != found).sum(1).max()} otherwise in a single run")
    tensors[f"fooled {name}"] = found.to(torch.uint8)
    print(f"{name}: {found.sum()} of {COUNT}")
for name, attack in smallest.items():
    # DeepFool ends on the border to within rounding errors: it is judged a fiftieth past it, as in its paper.
    attacked = image + (1.02 if "deepfool" in name else 1) * (fooled(attack, 0)[0] - image)
    with torch.no_grad():
        found = net(attacked).argmax(1) != label
    tensors[f"fooled {name}"] = found.to(torch.uint8)
    tensors[f"size {name}"] = (attacked - image).flatten(1).norm(dim=1)
    print(f"{name}: {found.sum()} of {COUNT}, changed by {tensors[f'size {name}'].mean():.3f} in the mean")
whole = torchattacks.AutoAttack(net, eps=EPSILON, n_classes=CLASSES, seed=0)
tensors["fooled autoattack"] = (net(eight_bit(whole(image, label).detach())).argmax(1) != label).to(torch.uint8)
print(f"autoattack: {tensors['fooled autoattack'].sum()} of {COUNT}")
save_file({key: value.contiguous() for key, value in tensors.items()}, HERE / "answers.safetensors")

path = HERE / "classifier.onnx"
torch.onnx.export(net, image[:1], path, opset_version=17, dynamo=False, input_names=["image"], output_names=["logits"],
                  dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}})
model = onnx.load(path)
picture = {"name": "image", "layout": "NCHW", "size": [SIDE, SIDE], "range": "0..1", "colour": "rgb",
           "mean": [0.0] * 3, "std": [1.0] * 3}
labels = [{"label": f"pattern {i}"} for i in range(CLASSES)]
onnx.helper.set_model_props(model, {"purecam.contract": "1", "purecam.role": "classifier",
                                    "purecam.input": json.dumps(picture), "purecam.labels": json.dumps(labels)})
onnx.save(model, path)
