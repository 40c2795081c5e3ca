"""PNG files whose pixels are numbers of a palette, or gray of one bit, and the numbers that Pillow reads.

Written with Python 3.11, Pillow 9.4.0, NumPy 1.24.2:  python3 make_masks.py
"""
import base64
import io
import json

import numpy as np
from PIL import Image

rng = np.random.default_rng(5)
cases = []
for mode, bits, width, height in [("P", 1, 13, 5), ("P", 2, 9, 6), ("P", 4, 7, 7), ("P", 8, 21, 10), ("1", 1, 11, 4)]:
    numbers = rng.integers(0, 1 << bits, (height, width), dtype=np.uint8)
    numbers[2:4] = np.minimum(np.arange(width), (1 << bits) - 1)  # rows that filters are good for
    out = io.BytesIO()
    if mode == "P":
        image = Image.fromarray(numbers, "P")
        image.putpalette(rng.integers(0, 256, 768, dtype=np.uint8).tobytes())
        image.save(out, "PNG", bits=bits)
    else:
        Image.fromarray(numbers.astype(bool)).save(out, "PNG")
    back = np.array(Image.open(io.BytesIO(out.getvalue()))).astype(int)
    assert (back == numbers).all()
    cases.append({"name": f"{mode}{bits}", "file": base64.b64encode(out.getvalue()).decode(), "numbers": back.tolist()})
json.dump(cases, open("masks.json", "w"), separators=(",", ":"))
