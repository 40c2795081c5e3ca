"""The same networks, texts and kernels in PyTorch, for scripts/gpu-check: adds rows to the folder that `bench gpu` writes.

Weights and inputs follow from names and places as bench/Suite/Numbers.cs has them, so logits and first losses are compared with Graft's rows.
PyTorch runs as its users run it at its best: cuDNN's benchmark mode, channels_last, fused optimizers, torch.compile, CUDA graphs.
"""
import argparse
import copy
import functools
import json
import math
import os
import statistics
import sys
import time

try:
    import torch
    import torch.nn.functional as F
    from torch import nn
    import numpy as np
except (ImportError, OSError) as error:  # OSError: a library of CUDA that torch opens is missing or of another version
    print(f"PyTorch is left out: {sys.executable} cannot import it: {' '.join(str(error).split())}")
    sys.exit(4)


# ---- numbers, as bench/Suite/Numbers.cs makes them ----

def mixed(name, count):
    seed = 2166136261
    for byte in name.encode():
        seed = (seed ^ byte) * 16777619 & 0xFFFFFFFF
    h = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B9) ^ np.uint32(seed)
    h = (h ^ h >> np.uint32(16)) * np.uint32(0x85EBCA6B)
    h = (h ^ h >> np.uint32(13)) * np.uint32(0xC2B2AE35)
    return h ^ h >> np.uint32(16)


def numbers(name, *shape, low=-1.0, high=1.0):
    values = low + (mixed(name, math.prod(shape)) >> np.uint32(8)) * 2.0 ** -24 * (high - low)
    return torch.from_numpy(values.astype(np.float32).reshape(shape))


def ids(name, count, end):
    return torch.from_numpy((mixed(name, count) % np.uint32(end)).astype(np.int64))


def he_range(name, shape):
    """As bench/Quick/HeWeights.cs; kernels are [in,out] or [O,R,S,I]."""
    if name == "kernel":
        limit = math.sqrt(6.0 / (shape[0] if len(shape) == 2 else math.prod(shape[1:])))
        return -limit, limit
    return {"gamma": (0.5, 1.0), "moving_variance": (0.5, 1.5)}.get(name, (-0.1, 0.1))


def gpt2_range(name, shape):
    limit = 0.02 * math.sqrt(3)
    return {"kernel": (-limit, limit), "embeddings": (-limit, limit), "gamma": (0.8, 1.2)}.get(name, (-0.02, 0.02))


def fill(tensor, path, ranges):
    """A parameter by the path of Graft's: kernels of convolutions come as [O,R,S,I], those of dense layers as [in,out]."""
    name = path.rsplit("/", 1)[1]
    shape = list(tensor.shape)
    if name == "kernel":
        stored = [shape[0], shape[2], shape[3], shape[1]] if len(shape) == 4 else shape[::-1]
        low, high = ranges(name, stored)
        values = numbers(path, *stored, low=low, high=high)
        values = values.permute(0, 3, 1, 2) if len(shape) == 4 else values.T
    else:
        low, high = ranges(name, shape)
        values = numbers(path, *shape, low=low, high=high)
    with torch.no_grad():
        tensor.copy_(values)


def fill_layer(layer, path, ranges=he_range):
    names = {"weight": "kernel"} if isinstance(layer, (nn.Conv2d, nn.Linear)) else {"weight": "embeddings"} if isinstance(layer, nn.Embedding) else \
        {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
    for attribute in ("weight", "bias", "running_mean", "running_var"):
        tensor = getattr(layer, attribute, None)
        if tensor is not None:
            fill(tensor, f"{path}/{names.get(attribute, attribute)}", ranges)
    return layer


# ---- networks ----

class Vgg16(nn.Module):
    """Configuration D. Features are flattened in the order [H,W,C], as Keras's weights have it."""

    def __init__(self, head, prefix=""):
        super().__init__()
        self.features, channels = nn.ModuleList(), 3
        for block, filters in enumerate([[64] * 2, [128] * 2, [256] * 3, [512] * 3, [512] * 3], 1):
            convolutions = nn.ModuleList()
            for number, outputs in enumerate(filters, 1):
                convolutions.append(fill_layer(nn.Conv2d(channels, outputs, 3, padding=1), f"{prefix}block{block}_conv{number}"))
                channels = outputs
            self.features.append(convolutions)
        self.head = head

    def forward(self, x):
        for block in self.features:
            for convolution in block:
                x = F.relu(convolution(x))
            x = F.max_pool2d(x, 2)
        return self.head(x)


class FlattenHwc(nn.Module):
    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


class GlobalAverage(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))


def dense(inputs, outputs, path):
    return fill_layer(nn.Linear(inputs, outputs), path)


class Block(nn.Module):
    def __init__(self, inputs, planes, stride, bottleneck, name):
        super().__init__()
        outputs = 4 * planes if bottleneck else planes
        plan = [(inputs, planes, 1, 1), (planes, planes, 3, stride), (planes, outputs, 1, 1)] if bottleneck else [(inputs, planes, 3, stride), (planes, planes, 3, 1)]
        self.convs = nn.ModuleList(fill_layer(nn.Conv2d(i, o, k, s, k // 2, bias=False), f"{name}.conv{n}") for n, (i, o, k, s) in enumerate(plan, 1))
        self.norms = nn.ModuleList(fill_layer(nn.BatchNorm2d(o), f"{name}.bn{n}") for n, (_, o, _, _) in enumerate(plan, 1))
        self.shortcut = None if stride == 1 and inputs == outputs else nn.Sequential(
            fill_layer(nn.Conv2d(inputs, outputs, 1, stride, bias=False), f"{name}.downsample.0"), fill_layer(nn.BatchNorm2d(outputs), f"{name}.downsample.1"))

    def forward(self, x):
        y = x
        for n, (conv, norm) in enumerate(zip(self.convs, self.norms)):
            y = norm(conv(y))
            if n + 1 < len(self.convs):
                y = F.relu(y)
        return F.relu(y + (x if self.shortcut is None else self.shortcut(x)))


class ResNet(nn.Module):
    """torchvision's: the stride of a bottleneck is in its 3x3 convolution."""

    def __init__(self, blocks, bottleneck, classes):
        super().__init__()
        self.conv, self.norm = fill_layer(nn.Conv2d(3, 64, 7, 2, 3, bias=False), "conv1"), fill_layer(nn.BatchNorm2d(64), "bn1")
        stages, channels = [], 64
        for stage, count in enumerate(blocks):
            for number in range(count):
                stages.append(Block(channels, 64 << stage, 2 if stage and not number else 1, bottleneck, f"layer{stage + 1}.{number}"))
                channels = (64 << stage) * (4 if bottleneck else 1)
        self.stages, self.fc = nn.Sequential(*stages), dense(channels, classes, "fc")

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.norm(self.conv(x))), 3, 2, 1)
        return self.fc(self.stages(x).mean((2, 3)))


def explicit_attention(q, k, v, attn_mask=None, is_causal=False):
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    if is_causal:
        attn_mask = torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool, device=q.device).tril()
    return torch.softmax(scores if attn_mask is None else scores.masked_fill(~attn_mask, -math.inf), -1) @ v


attention = getattr(F, "scaled_dot_product_attention", explicit_attention)  # PyTorch 2 has it


class Gpt2(nn.Module):
    def __init__(self, vocabulary, positions, width, blocks, heads):
        super().__init__()
        layer = lambda made, path: fill_layer(made, path, gpt2_range)
        norm = lambda path: layer(nn.LayerNorm(width, eps=1e-5), path)
        self.heads, self.width = heads, width
        self.wte, self.wpe = layer(nn.Embedding(vocabulary, width), "wte"), layer(nn.Embedding(positions, width), "wpe")
        self.blocks = nn.ModuleList(nn.ModuleDict({
            "ln_1": norm(f"h.{i}.ln_1"), "attn": layer(nn.Linear(width, 3 * width), f"h.{i}.attn.c_attn"), "proj": layer(nn.Linear(width, width), f"h.{i}.attn.c_proj"),
            "ln_2": norm(f"h.{i}.ln_2"), "up": layer(nn.Linear(width, 4 * width), f"h.{i}.mlp.c_fc"), "down": layer(nn.Linear(4 * width, width), f"h.{i}.mlp.c_proj"),
        }) for i in range(blocks))
        self.norm = norm("ln_f")

    def cache(self, capacity):
        weight = self.wte.weight
        return [torch.zeros(2, 1, self.heads, capacity, self.width // self.heads, device=weight.device, dtype=weight.dtype) for _ in self.blocks]

    def hidden(self, tokens, position=None, cache=None):
        """All tokens of a sequence; or with a cache those at places that are a tensor, so that a CUDA graph can be told them."""
        n, t = tokens.shape
        places = torch.arange(t, device=tokens.device) if cache is None else position
        x = self.wte(tokens) + self.wpe(places)
        for i, block in enumerate(self.blocks):
            q, k, v = (part.view(n, t, self.heads, -1).transpose(1, 2) for part in block["attn"](block["ln_1"](x)).split(self.width, -1))
            if cache is None:
                y = attention(q, k, v, is_causal=True)
            else:
                cache[i][0].index_copy_(2, position, k)
                cache[i][1].index_copy_(2, position, v)
                y = attention(q, cache[i][0], cache[i][1], attn_mask=torch.arange(cache[i].shape[3], device=x.device) <= position[:, None])
            x = x + block["proj"](y.transpose(1, 2).reshape(n, t, -1))
            x = x + block["down"](F.gelu(block["up"](block["ln_2"](x)), approximate="tanh"))
        return self.norm(x)

    def logits(self, hidden):
        return F.linear(hidden, self.wte.weight)

    def forward(self, tokens):
        return self.logits(self.hidden(tokens))


# ---- rows and times ----

LADDER_BUDGET = 0.15  # seconds of a kernel's samples


class Bench:
    def __init__(self, options):
        self.options, self.device, self.path = options, torch.device(options.device), os.path.join(options.output, "rows.jsonl")
        self.cuda, self.tiny, self.modes = options.device == "cuda", options.tiny, options.modes.split(",")
        self.expected = {}
        if os.path.exists(self.path):
            with open(self.path, encoding="utf-8") as rows:
                for row in map(self.read, rows):
                    if row.get("part") == "check" and row.get("values"):
                        self.expected[row["name"], row["precision"]] = row["values"]

    @staticmethod
    def read(line):
        try:
            return json.loads(line)
        except ValueError:
            return {}  # cut off when a program was ended; the report tells of it

    def add(self, **row):
        row["engine"] = "torch"
        os.makedirs(self.options.output, exist_ok=True)
        with open(self.path, "a", encoding="utf-8") as rows:
            rows.write(json.dumps(row) + "\n")
        if row["part"] != "check":
            figure = f'{row["seconds"] * 1e3:.4g} ms' + (f', deviates by {row["deviation"]:.2g}' if "deviation" in row else "") if "seconds" in row else f'not available: {row["note"]}'
            print(f'PyTorch {row["name"]} {row.get("variant", "")} {row.get("precision", "")}'.ljust(66), figure, flush=True)

    def measure(self, make, budget=0.4, **row):
        """Makes a run, checks what it gives, and times it. What fails becomes a row that says so."""
        if not row["name"].startswith(self.options.only):
            return
        try:
            run, *rest = make()
            for result in rest:
                if result is not None:
                    row["deviation"] = result
            row.update(self.times(run, budget))
        except Exception as error:  # noqa: BLE001: whatever it is, the next measurement goes on
            row["note"] = f"failed: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        self.add(**row)

    def seconds(self, run, runs):
        if not self.cuda:
            start = time.perf_counter()
            for _ in range(runs):
                run()
            return time.perf_counter() - start
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        for _ in range(runs):
            run()
        end.record()
        end.synchronize()
        return start.elapsed_time(end) * 1e-3

    def times(self, run, budget):
        shortest, spent = self.seconds(run, 1), 0.0
        while not self.tiny and spent < budget / 4:
            shortest = min(shortest, self.seconds(run, 1))
            spent += shortest
        runs = 1 if self.tiny else int(max(1, min(0.02 / max(shortest, 1e-6), 2000)))
        samples, spent = [], 0.0
        while len(samples) < (1 if self.tiny else 21) and (len(samples) < 5 or spent < budget):
            samples.append(self.seconds(run, runs) / runs)
            spent += samples[-1] * runs
        return {"seconds": statistics.median(samples), "fastest": min(samples), "slowest": max(samples)}

    def graphed(self, run):
        """A CUDA graph of a run."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                run()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            result = run()

        def replay():
            graph.replay()
            return result
        return replay

    def deviation(self, name, values, precision="fp32", stored="fp32"):
        """As bench/Quick/OutputCheck.cs counts it; raises beyond what the precision allows."""
        theirs = self.expected.get((name, stored))
        ours = np.asarray(values, dtype=np.float64).ravel()
        if not np.isfinite(ours).all():
            raise ValueError("a result is not finite")
        if theirs is None:
            return None  # nothing to compare with; NaN would be no JSON
        theirs = np.asarray(theirs, dtype=np.float64)
        worst = float(np.max(np.abs(ours - theirs) / (np.abs(theirs) + np.sqrt(np.mean(theirs ** 2)))))
        allowed = {"fp32": 1e-3, "tf32": 2e-2}.get(precision, 2e-1)
        if not worst <= allowed:
            raise ValueError(f"the result deviates from Graft's by {worst:.3g}; {allowed:.3g} is allowed")
        return worst

    def fused(self, optimizer, parameters, **settings):
        """In one kernel, where this PyTorch has it."""
        parameters = list(parameters)
        try:
            return optimizer(parameters, fused=True, **settings) if self.cuda else optimizer(parameters, **settings)
        except (TypeError, RuntimeError):
            return optimizer(parameters, **settings)

    def precision(self, name):
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = name == "tf32"
        return torch.bfloat16 if name == "bf16" else torch.float32

    # ---- parts ----

    def peaks(self):
        what = f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}" if self.cuda else "the processor"
        self.add(part="check", name="machine", note=f"PyTorch {torch.__version__} on {what}")
        n = 64 if self.tiny else 8192
        for precision in self.options.precision.split(","):
            dtype = self.precision(precision)
            a, b = (numbers(name, n, n).to(self.device, dtype) for name in "ab")
            self.measure(lambda: (lambda: a @ b,), part="peaks", name="product", variant=str(n), precision=precision, flops=2.0 * n ** 3)

    def networks(self):
        if self.tiny:
            return {"vgg16": (lambda: Vgg16(GlobalAverage()), 32), "resnet18": (lambda: ResNet([2, 2, 2, 2], False, 10), 32)}
        head = lambda: nn.Sequential(FlattenHwc(), dense(25088, 4096, "fc1"), nn.ReLU(), dense(4096, 4096, "fc2"), nn.ReLU(), dense(4096, 1000, "predictions"))
        return {"vgg16": (lambda: Vgg16(head()), 224), "resnet50": (lambda: ResNet([3, 4, 6, 3], True, 1000), 224)}

    @functools.lru_cache(maxsize=None)  # noqa: B019: there is one bench
    def images(self, batch, side):
        return numbers("pixels", batch, side, side, 3).permute(0, 3, 1, 2)  # lies as [N,H,W,C]: channels_last

    def variants(self, training=False):
        known = ["eager", "channels_last", "graph", "compile"]
        return [v for v in known if v in self.modes and (self.cuda or v in ("eager", "channels_last"))]

    def vision(self):
        batches = [1, 2] if self.tiny else [32, 1, 256]
        for name, (build, side) in self.networks().items():
            if not f"{name}-forward-b".startswith(self.options.only[:len(name) + 10]):
                continue
            exact = build().to(self.device).eval()
            for precision in self.options.precision.split(","):
                network = copy.deepcopy(exact).to(self.precision(precision))
                for batch in batches:
                    row = {"part": "vision", "name": f"{name}-forward-b{batch}", "precision": precision, "unit": "ms" if batch == 1 else "images/s", "count": batch}
                    for variant in self.variants():
                        if batch != 256 or (variant == "channels_last" and precision != "fp32"):  # half a minute is soon gone
                            self.measure(lambda: self.forward(name, network, batch, side, precision, variant), variant=variant, **row)
                    if precision == "fp32" and batch == batches[1 if self.tiny else 0] and "channels_last" in self.modes:
                        self.measure(lambda: self.predict(name, network, batch, side), variant="channels_last", **{**row, "name": f"{name}-predict-b{batch}"})

    @staticmethod
    def form(variant):
        return torch.contiguous_format if variant == "eager" else torch.channels_last

    def forward(self, name, network, batch, side, precision, variant):
        network.to(memory_format=self.form(variant))
        x = self.images(batch, side).to(self.device, next(network.parameters()).dtype).contiguous(memory_format=self.form(variant))
        call = torch.compile(network, mode="reduce-overhead") if variant == "compile" else network

        def run():
            with torch.no_grad():
                return call(x)
        if variant == "graph":
            run = self.graphed(run)
        return run, self.deviation(name, run().float()[0].cpu().numpy(), precision)

    def predict(self, name, network, batch, side):
        network.to(memory_format=torch.channels_last)
        host = self.images(batch, side).contiguous(memory_format=torch.channels_last)
        host = host.pin_memory() if self.cuda else host

        def run():
            with torch.no_grad():
                return network(host.to(self.device, non_blocking=True)).cpu()
        return run, self.deviation(name, run()[0].numpy())

    def block5(self):
        side = 32 if self.tiny else 150
        head = nn.Sequential(FlattenHwc(), dense(512 * (side // 32) ** 2, 256, "fc"), nn.ReLU(), dense(256, 1, "logit"))
        network = Vgg16(head, "vgg16/")
        for parameter in network.features[:4].parameters():
            parameter.requires_grad_(False)
        return network, side, 1

    def steps(self):
        batch = 2 if self.tiny else 32
        resnet = ("resnet18-train-step", lambda: (ResNet([2, 2, 2, 2], False, 10), 64, 10)) if self.tiny else ("resnet50-train-step", lambda: (ResNet([3, 4, 6, 3], True, 1000), 224, 1000))
        for name, make in [("vgg16-block5-step", self.block5), resnet]:
            if not f"{name}-b{batch}".startswith(self.options.only):
                continue
            made = make()
            build = lambda: (copy.deepcopy(made[0]), *made[1:])
            for precision in self.options.precision.split(","):
                for variant in self.variants():
                    if variant != "compile" or precision != "tf32":
                        self.measure(lambda: self.step(f"{name}-b{batch}", build, batch, precision, variant),
                                     part="steps", name=f"{name}-b{batch}", variant=variant, precision=precision, unit="images/s", count=batch)

    def step(self, name, build, batch, precision, variant):
        """Images on the host to moved weights; the loss is read after each step, as Graft's Fit reads it."""
        self.precision(precision)
        network, side, classes = build()
        network.to(self.device, memory_format=self.form(variant))
        optimizer = self.fused(torch.optim.SGD, [p for p in network.parameters() if p.requires_grad], lr=1e-4, momentum=0.9)
        host = self.images(batch, side).contiguous(memory_format=self.form(variant))
        host = host.pin_memory() if self.cuda else host
        x = host.to(self.device)
        labels = torch.tensor([i * 37 % max(2, classes) for i in range(batch)], device=self.device)
        labels = labels.float()[:, None] if classes == 1 else labels
        lose = F.binary_cross_entropy_with_logits if classes == 1 else F.cross_entropy

        def losing(images):
            with torch.autocast(self.options.device, dtype=torch.bfloat16, enabled=precision == "bf16"):
                return lose(network(images), labels)
        return self.trained(name, losing, x, host, optimizer, precision, variant)

    def trained(self, name, losing, x, host, optimizer, precision, variant):
        call = torch.compile(losing) if variant == "compile" else losing

        def update():
            optimizer.zero_grad(set_to_none=True)
            loss = call(x)
            loss.backward()
            optimizer.step()
            return loss
        first = float(losing(x).detach())
        deviation = self.deviation(name, [first], precision)
        update_all = self.graphed(update) if variant == "graph" else update

        def run():
            x.copy_(host, non_blocking=True)
            return update_all().item()
        if not math.isfinite(run()):
            raise ValueError("the loss is not finite")
        return run, deviation

    def text(self):
        sizes = (101, 64, 32, 2, 2) if self.tiny else (50257, 1024, 768, 12, 12)
        prompt, tokens, sequences, length = (16, 4, 2, 8) if self.tiny else (512, 64, 4, 512)
        text = ids("text", prompt, sizes[0]).to(self.device)
        exact = Gpt2(*sizes).to(self.device).eval()
        for precision in self.options.precision.split(","):
            gpt = copy.deepcopy(exact).to(self.precision(precision))
            for variant in self.variants():
                if variant == "channels_last":
                    continue
                row = {"part": "text", "variant": variant, "precision": precision, "unit": "tokens/s"}
                if precision != "tf32" and variant != "compile":
                    self.measure(lambda: (self.decoding(gpt, text, tokens, variant),), name="gpt2-decode-b1", count=tokens, **row)
                self.measure(lambda: self.prefill(gpt, text, precision, variant), name=f"gpt2-prefill-{prompt}", count=prompt, **row)
                self.measure(lambda: self.text_step(f"gpt2-train-step-{sequences}x{length}", exact, sequences, length, precision, variant),
                             name=f"gpt2-train-step-{sequences}x{length}", count=sequences * length, **row)

    def decoding(self, gpt, text, tokens, variant):
        """The most probable tokens behind a prompt of 4, from a cache of fixed size: the prompt in one pass, as Graft reads it, then one by one. Nothing waits for the host."""
        prompt = text[None, :4]
        cache, token, position = gpt.cache(4 + tokens), text[:1].clone()[None], torch.zeros(1, dtype=torch.long, device=self.device)

        def next_of(tokens, places):
            token.copy_(gpt.logits(gpt.hidden(tokens, places, cache)[:, -1]).argmax(-1, keepdim=True))
            position.copy_(places[-1:] + 1)

        def read():
            with torch.no_grad():
                next_of(prompt, torch.arange(4, device=self.device))

        def one():
            with torch.no_grad():
                next_of(token, position)
        reading, one_token = (self.graphed(read), self.graphed(one)) if variant == "graph" else (read, one)

        def run():
            reading()
            for _ in range(tokens - 1):
                one_token()
        run()
        return run

    def prefill(self, gpt, text, precision, variant):
        call = torch.compile(gpt.hidden, mode="reduce-overhead") if variant == "compile" else gpt.hidden

        def run():
            with torch.no_grad():
                return gpt.logits(call(text[None])[:, -1])
        if variant == "graph":
            run = self.graphed(run)
        return run, self.deviation("gpt2", run().float().cpu().numpy(), precision)

    def text_step(self, name, exact, sequences, length, precision, variant):
        self.precision(precision)
        gpt = copy.deepcopy(exact).train()
        optimizer = self.fused(torch.optim.AdamW, gpt.parameters(), lr=1e-4, **({"capturable": variant == "graph"} if self.cuda else {}))
        texts = ids("texts", sequences * (length + 1), gpt.wte.num_embeddings).view(sequences, length + 1)
        host = texts.pin_memory() if self.cuda else texts

        def losing(x):
            with torch.autocast(self.options.device, dtype=torch.bfloat16, enabled=precision == "bf16"):
                return F.cross_entropy(gpt(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten())
        return self.trained(name, losing, texts.to(self.device), host, optimizer, precision, variant)

    def ladder(self):
        """The kernels of bench/Gpu/LadderCases.cs, in float32 unless their names say otherwise. A name stands for the same bytes there and here."""
        self.precision("fp32")
        of = lambda tiny, full: tiny if self.tiny else full
        # Drawn once, on the GPU: results are not compared, and the processor would take longer to make the numbers than all kernels together.
        base = torch.empty(of(1 << 16, 1 << 27), device=self.device).uniform_(-1, 1)
        n = lambda *shape: base[:math.prod(shape)].clone().view(shape)
        last = lambda x: x.contiguous(memory_format=torch.channels_last)
        self.stored(of, n, last)
        for m, o, k in of([(40, 36, 20)], [(4096, 4096, 4096), (512, 3072, 768)]):
            self.kernel(f"product {m}x{o}x{k}", lambda: (n(m, k), n(k, o)), lambda a, b: a @ b)
        for kind, batch, side, c, o, size, stride in of([("3x3", 2, 9, 16, 16, 3, 1)],
                                                        [("3x3", 32, 56, 64, 64, 3, 1), ("3x3", 32, 14, 256, 256, 3, 1), ("3x3", 1, 14, 512, 512, 3, 1), ("1x1", 32, 56, 64, 256, 1, 1), ("1x1", 32, 14, 1024, 256, 1, 1), ("7x7/2", 32, 224, 3, 64, 7, 2)]):
            self.kernel(f"convolution {kind} {batch}x{side}²x{c} to {o}", lambda: (last(n(batch, c, side, side)), last(n(o, c, size, size)), n(o)), lambda x, w, b: F.conv2d(x, w, b, stride, size // 2))
        for kind, batch, side, c, o, size in of([("3x3", 2, 9, 16, 16, 3)], [("3x3", 32, 56, 64, 64, 3), ("3x3", 32, 14, 256, 256, 3), ("1x1", 32, 14, 1024, 256, 1)]):
            made = lambda: (last(n(batch, c, side, side)), last(n(o, c, size, size)), last(n(batch, o, side, side)))
            shared = dict(stride=[1, 1], padding=[size // 2] * 2, dilation=[1, 1], transposed=False, output_padding=[0, 0], groups=1)
            gradient = lambda which: lambda x, w, dy: torch.ops.aten.convolution_backward(dy, x, w, None, *shared.values(), which)
            self.kernel(f"convolution {kind} {batch}x{side}²x{c} to {o}, gradient of x", made, gradient([True, False, False]))
            self.kernel(f"convolution {kind} {batch}x{side}²x{c} to {o}, gradient of w", made, gradient([False, True, False]))
        for heads, tokens, d in of([(2, 20, 16)], [(12, 1024, 64), (48, 512, 64)]):
            self.kernel(f"attention {heads}x{tokens}x{d}", lambda: [n(1, heads, tokens, d) for _ in range(3)], lambda q, k, v: attention(q, k, v, is_causal=True))
        heads, tokens, d = of((2, 20, 16), (48, 512, 64))
        self.gradient(f"attention backward {heads}x{tokens}x{d}", lambda: [n(1, heads, tokens, d) for _ in range(3)], lambda q, k, v: attention(q, k, v, is_causal=True))
        rows, columns = of((6, 70), (12 * 1024, 1024))
        self.kernel(f"softmax {rows}x{columns}", lambda: (n(rows, columns),), lambda x: torch.softmax(x, -1))
        for rows, columns in of([(5, 48)], [(8192, 768), (65536, 768)]):
            self.kernel(f"layer norm {rows}x{columns}", lambda: (n(rows, columns), n(columns), n(columns)), lambda x, w, b: F.layer_norm(x, (x.shape[-1],), w, b))
        batch, side, c = of((2, 6, 8), (32, 56, 256))
        self.kernel(f"batch norm, training {batch}x{side}²x{c}", lambda: (last(n(batch, c, side, side)), n(c), n(c).abs(), n(c), n(c)),
                    lambda x, mean, variance, w, b: F.batch_norm(x, mean, variance, w, b, True, 0.01, 1e-3))
        for count in of([3000], [8192 * 768, 8192 * 3072 // 2]):
            self.kernel(f"copy of {count}", lambda: (n(count), n(count)), lambda x, y: y.copy_(x))
        count = of(3000, 8192 * 3072)
        self.kernel(f"GELU {count}", lambda: (n(count),), lambda x: F.gelu(x, approximate="tanh"))
        count = of(3000, 32 * 56 * 56 * 256)
        self.kernel(f"sum of two {count}", lambda: (n(count), n(count)), lambda a, b: a + b)
        self.kernel(f"gradient of ReLU {count}", lambda: (n(count), n(count)), lambda dy, y: torch.ops.aten.threshold_backward(dy, y, 0))
        count = of(3000, 8192 * 3072)
        self.kernel(f"dropout {count}", lambda: (n(count),), lambda x: F.dropout(x, 0.1))
        rows, columns = of((30, 40), (8192, 3072))
        self.kernel(f"product with a row {rows}x{columns}", lambda: (n(rows, columns), n(columns)), lambda a, b: a * b)
        self.kernel(f"product with a column {rows}x{columns}", lambda: (n(rows, columns), n(rows, 1)), lambda a, b: a * b)
        batch, side, c = of((2, 9, 8), (32, 112, 64))
        self.kernel(f"max pool 3x3/2 {batch}x{side}²x{c}", lambda: (last(n(batch, c, side, side)),), lambda x: F.max_pool2d(x, 3, 2, 1))
        self.kernel(f"average pool 3x3/2 {batch}x{side}²x{c}", lambda: (last(n(batch, c, side, side)),), lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False))

        def pooled():
            x = last(n(batch, c, side, side))
            y, winners = F.max_pool2d(x, 3, 2, 1, return_indices=True)
            return y, x, winners
        self.kernel(f"max pool 3x3/2 {batch}x{side}²x{c}, gradient", pooled, lambda dy, x, winners: torch.ops.aten.max_pool2d_with_indices_backward(dy, x, [3, 3], [2, 2], [1, 1], [1, 1], False, winners))
        batch, tokens, heads, d = of((2, 20, 3, 16), (8, 1024, 12, 64))
        for kind, order in ("together", (0, 2, 1, 3)), ("turned", (0, 2, 3, 1)):
            self.kernel(f"heads {kind} {batch}x{tokens}x{heads}x{d}", lambda: (n(batch, tokens, heads, d),), lambda x, order=order: x.permute(order).contiguous())
        for rows, columns in of([(50, 40)], [(8192, 3072), (32768, 3072)]):
            self.kernel(f"sums of columns {rows}x{columns}", lambda: (n(rows, columns),), lambda x: x.sum(0))
        rows, columns = of((33, 40), (4096, 4096))
        self.kernel(f"transpose {rows}x{columns}", lambda: (n(rows, columns),), lambda x: x.T.contiguous())
        count, rows, columns = of((7, 30, 16), (8192, 50257, 768))
        self.kernel(f"embedding {count} of {rows}x{columns}", lambda: (ids("ids", count, rows).to(self.device), n(rows, columns)), F.embedding)
        rows, classes = of((6, 90), (2048, 50257))
        self.kernel(f"softmax cross-entropy {rows}x{classes}", lambda: (n(rows, classes), ids("labels", rows, classes).to(self.device)), lambda x, t: F.cross_entropy(x, t, reduction="none"))
        self.row_gradients(of, n, last)
        count = of(3000, 25_557_032)
        self.measure(lambda: (self.adam(n(count)),), LADDER_BUDGET, part="ladder", name=f"step of Adam {count}", precision="fp32")

    def row_gradients(self, of, n, last):
        aten = torch.ops.aten
        rows, columns = of((6, 70), (12288, 1024))
        self.kernel(f"softmax's gradient {rows}x{columns}", lambda: (n(rows, columns), n(rows, columns)), lambda y, dy: aten._softmax_backward_data(dy, y, -1, torch.float32))
        rows, columns = of((1, 48), (1, 768))
        self.kernel(f"layer norm {rows}x{columns}", lambda: (n(rows, columns), n(columns), n(columns)), lambda x, w, b: F.layer_norm(x, (x.shape[-1],), w, b))
        rows, columns = of((5, 48), (8192, 768))
        self.kernel(f"layer norm's gradients {rows}x{columns}", lambda: (n(rows, columns), n(rows, columns), n(columns), n(columns), n(rows, 1), n(rows, 1).abs()),
                    lambda x, dy, w, b, mean, rstd: aten.native_layer_norm_backward(dy, x, (x.shape[-1],), mean, rstd, w, b, [True, True, True]))
        for batch, side, c in of(((2, 6, 8),), ((32, 56, 256), (32, 14, 1024), (32, 7, 512))):
            self.kernel(f"batch norm's gradients {batch}x{side}²x{c}", lambda: (last(n(batch, c, side, side)), last(n(batch, c, side, side)), n(c), n(c), n(c).abs()),
                        lambda x, dy, w, mean, rstd: aten.native_batch_norm_backward(dy, x, w, None, None, mean, rstd, True, 1e-3, [True, True, True]))
        batch, side, c = of((2, 6, 8), (32, 56, 256))
        self.kernel(f"batch norm, shortcut and ReLU, training {batch}x{side}²x{c}", lambda: (last(n(batch, c, side, side)), last(n(batch, c, side, side)), n(c), n(c).abs(), n(c), n(c)),
                    lambda x, shortcut, mean, variance, w, b: F.batch_norm(x, mean, variance, w, b, True, 0.01, 1e-3).add_(shortcut).relu_())
        for batch, side, c in of((), ((32, 14, 1024), (32, 7, 512))):
            self.kernel(f"batch norm, training {batch}x{side}²x{c}", lambda: (last(n(batch, c, side, side)), n(c), n(c).abs(), n(c), n(c)),
                        lambda x, mean, variance, w, b: F.batch_norm(x, mean, variance, w, b, True, 0.01, 1e-3))
        rows, classes = of((6, 90), (1024, 50257))
        self.gradient(f"softmax cross-entropy's gradient {rows}x{classes}", lambda: (n(rows, classes), ids("labels", rows, classes).to(self.device)), lambda x, t: F.cross_entropy(x, t, reduction="none"))
        batch, side, c = of((2, 6, 8), (32, 7, 2048))
        self.kernel(f"means of pixels {batch}x{side}²x{c}", lambda: (last(n(batch, c, side, side)),), lambda x: x.mean((2, 3)))
        count = of(3000, 32 * 56 * 56 * 256)
        self.kernel(f"sum of all {count}", lambda: (n(count),), lambda x: x.sum())

    def stored(self, of, n, last):
        """What lies in memory as bf16: what autocast computes with, in as many kernels as PyTorch has for it."""
        aten, bf16 = torch.ops.aten, torch.bfloat16
        heads, tokens, d = of((2, 20, 16), (48, 512, 64))
        qkv = lambda: [n(1, heads, tokens, d).to(bf16) for _ in range(3)]
        self.kernel(f"attention stored in bf16 {heads}x{tokens}x{d}", qkv, lambda q, k, v: attention(q, k, v, is_causal=True))
        self.gradient(f"attention backward stored in bf16 {heads}x{tokens}x{d}", qkv, lambda q, k, v: attention(q, k, v, is_causal=True))
        batch, side, c = of((2, 6, 8), (32, 56, 256))
        images = lambda: last(n(batch, c, side, side).to(bf16))
        norm = lambda x, mean, variance, w, b: F.batch_norm(x, mean, variance, w, b, True, 0.01, 1e-3)
        self.kernel(f"batch norm stored in bf16, training {batch}x{side}²x{c}", lambda: (images(), n(c), n(c).abs(), n(c), n(c)), norm)
        self.kernel(f"batch norm's gradients stored in bf16 {batch}x{side}²x{c}", lambda: (images(), images(), n(c), n(c), n(c).abs()),
                    lambda x, dy, w, mean, rstd: aten.native_batch_norm_backward(dy, x, w, None, None, mean, rstd, True, 1e-3, [True, True, True]))
        self.kernel(f"batch norm, shortcut and ReLU stored in bf16, training {batch}x{side}²x{c}", lambda: (images(), images(), n(c), n(c).abs(), n(c), n(c)),
                    lambda x, shortcut, *rest: norm(x, *rest).add_(shortcut).relu_())
        rows, columns = of((5, 48), (8192, 768))
        self.kernel(f"layer norm of float32 to bf16 {rows}x{columns}", lambda: (n(rows, columns), n(columns), n(columns)), lambda x, w, b: F.layer_norm(x, (x.shape[-1],), w, b).to(bf16))
        self.kernel(f"layer norm's gradients, of float32 to bf16 {rows}x{columns}", lambda: (n(rows, columns), n(rows, columns).to(bf16), n(columns), n(columns), n(rows, 1), n(rows, 1).abs()),
                    lambda x, dy, w, b, mean, rstd: aten.native_layer_norm_backward(dy.float(), x, (x.shape[-1],), mean, rstd, w, b, [True, True, True]))
        rows, classes = of((6, 90), (1024, 50257))
        logits = lambda: (n(rows, classes).to(bf16), ids("labels", rows, classes).to(self.device))
        self.kernel(f"softmax cross-entropy stored in bf16 {rows}x{classes}", logits, lambda x, t: F.cross_entropy(x, t, reduction="none"))
        self.gradient(f"softmax cross-entropy's gradient stored in bf16 {rows}x{classes}", logits, lambda x, t: F.cross_entropy(x, t, reduction="none"))

    def kernel(self, name, make, run):
        def made():
            inputs = make()
            return (lambda: run(*inputs),)
        with torch.no_grad():
            self.measure(made, LADDER_BUDGET, part="ladder", name=name, precision="fp32")

    def gradient(self, name, make, run):
        """Those of all inputs, behind a forward run that is not timed."""
        def made():
            inputs = [x.requires_grad_() if x.is_floating_point() else x for x in make()]
            y = run(*inputs)
            dy = torch.ones_like(y)
            return (lambda: torch.autograd.grad(y, [x for x in inputs if x.requires_grad], dy, retain_graph=True),)
        self.measure(made, LADDER_BUDGET, part="ladder", name=name, precision="fp32")

    def adam(self, values):
        weight = nn.Parameter(values)
        weight.grad = torch.ones_like(weight)
        return self.fused(torch.optim.Adam, [weight], lr=1e-3, eps=1e-7).step


def main():
    parts = ["peaks", "vision", "steps", "text", "ladder"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", required=True, help="folder of rows.jsonl")
    parser.add_argument("--parts", default=",".join(parts), help="%(default)s")
    parser.add_argument("--precision", default="fp32,tf32,bf16")
    parser.add_argument("--modes", default="eager,channels_last,graph", help="and compile, which takes long")
    parser.add_argument("--only", default="", metavar="NAME", help="beginning of the names of what is measured")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"], help="cpu: to see that everything runs")
    parser.add_argument("--tiny", action="store_true", help="small shapes, one sample each")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        print(f"PyTorch is left out: torch {torch.__version__} of {sys.executable} sees no GPU.")
        sys.exit(4)
    torch.backends.cudnn.benchmark = True
    bench = Bench(options)
    for part in options.parts.split(","):
        start = time.perf_counter()
        getattr(bench, part)()
        print(f"# PyTorch {part}: {time.perf_counter() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()
