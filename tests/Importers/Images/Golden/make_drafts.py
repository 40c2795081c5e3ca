"""JPEG files and what Pillow's draft mode makes of them: the decoded size and the pixels.

Written with Python 3.11, Pillow 9.4.0, NumPy 1.24.2:  python3 make_drafts.py
"""
import base64
import io
import json

import numpy as np
from PIL import Image

rng = np.random.default_rng(21)
text = lambda b: base64.b64encode(b).decode()


def picture(width, height):
    """Waves under grain."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    waves = np.stack([120 + 90 * np.sin(x / 7 + y / 11), 120 + 90 * np.sin(x / 5 - y / 9), 120 + 90 * np.cos(x / 13 + y / 6)], axis=-1)
    return Image.fromarray(np.clip(waves + rng.normal(0, 6, waves.shape), 0, 255).astype(np.uint8))


cases = []
for width, height, subsampling, gray in [(67, 50, 2, False), (67, 50, 0, False), (64, 96, 1, False), (51, 33, 0, True)]:
    image = picture(width, height)
    out = io.BytesIO()
    (image.convert("L") if gray else image).save(out, "JPEG", quality=90, subsampling=subsampling)
    drafts = []
    for to_width, to_height in [(width, height), (width // 2 + 1, 5), (width // 2, height // 2), (9, height // 2), (width // 4, height // 4), (width // 7, height // 7), (4, 4), (1, 1)]:
        draft = Image.open(io.BytesIO(out.getvalue()))
        draft.draft(None, (to_width, to_height))
        rgb = np.asarray(draft.convert("RGB"))
        drafts.append({"to_width": to_width, "to_height": to_height, "width": rgb.shape[1], "height": rgb.shape[0], "rgb": text(rgb.tobytes())})
    cases.append({"file": text(out.getvalue()), "drafts": drafts})
with open("drafts.json", "w") as f:
    json.dump(cases, f, indent=0)
