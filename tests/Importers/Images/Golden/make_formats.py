"""Small files of many formats, and what Pillow's convert('RGB') and convert('L') make of them, as Keras's load_img does.

Written with Python 3.11, Pillow 9.4.0, NumPy 1.24.2:  python3 make_formats.py
"""
import base64
import io
import json
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

rng = np.random.default_rng(20)
H, W = 7, 11
cases = []


def add(name, data, tolerance=0, upright=False):
    image = Image.open(io.BytesIO(data))
    if upright:
        image = ImageOps.exif_transpose(image)
    rgb, gray = np.asarray(image.convert("RGB")), np.asarray(image.convert("L"))
    text = lambda b: base64.b64encode(b).decode()
    cases.append({"name": name, "mode": image.mode, "upright": upright, "tolerance": tolerance, "height": rgb.shape[0], "width": rgb.shape[1],
                  "file": text(data), "rgb": text(rgb.tobytes()), "gray": text(gray.tobytes())})


def saved(image, form, **options):
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def png(samples, colour, interlaced):
    """A PNG of 16 bits a sample; samples [H,W,C]. Filters take turns."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    def paeth(a, b, c):
        p = a + b - c
        pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
        return a if pa <= pb and pa <= pc else b if pb <= pc else c

    height, width, channels = samples.shape
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)] if interlaced else [(0, 0, 1, 1)]
    raw, step = bytearray(), 2 * channels
    for x, y, dx, dy in passes:
        part = samples[y::dy, x::dx]
        if part.size == 0:
            continue
        above = bytes(part.shape[1] * step)
        for number, row in enumerate(part):
            line = row.astype(">u2").tobytes()
            kind = number % 5
            raw.append(kind)
            for i, v in enumerate(line):
                a, b, c = line[i - step] if i >= step else 0, above[i], above[i - step] if i >= step else 0
                raw.append((v - [0, a, b, (a + b) // 2, paeth(a, b, c)][kind]) & 255)
            above = line
    head = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, int(interlaced))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(raw))) + chunk(b"IEND", b"")


rgb = Image.fromarray(rng.integers(0, 256, (H, W, 3), dtype=np.uint8))
gray = rgb.convert("L")
palette = rgb.quantize(16)
rgba = rgb.copy()
rgba.putalpha(Image.fromarray(rng.integers(0, 256, (H, W), dtype=np.uint8)))

for interlaced in (False, True):
    what = "interlaced" if interlaced else "plain"
    add(f"png gray16 {what}", png(rng.integers(0, 600, (H, W, 1)), 0, interlaced))
    add(f"png gray16 alpha {what}", png(rng.integers(0, 65536, (H, W, 2)), 4, interlaced))
    add(f"png rgb16 {what}", png(rng.integers(0, 65536, (H, W, 3)), 2, interlaced))
    add(f"png rgba16 {what}", png(rng.integers(0, 65536, (H, W, 4)), 6, interlaced))
add("png palette with a transparent colour", saved(palette, "PNG", transparency=3))
add("png rgb with a transparent colour", saved(rgb, "PNG", transparency=rgb.getpixel((2, 2))))
add("png gray alpha", saved(rgba.convert("LA"), "PNG"))
add("png bilevel", saved(gray.convert("1"), "PNG"))
add("bmp rgb", saved(rgb, "BMP"))
add("bmp palette", saved(palette, "BMP"))

add("gif", saved(palette, "GIF"))
transparent = saved(palette, "GIF", transparency=3)
add("gif with a transparent colour", transparent)
canvas = bytearray(transparent)
canvas[6:10] = struct.pack("<HH", W + 4, H + 3)  # a canvas larger than its picture
add("gif smaller than its canvas, transparent", bytes(canvas))
canvas = bytearray(saved(palette, "GIF"))
canvas[6:10] = struct.pack("<HH", W + 4, H + 3)
add("gif smaller than its canvas, opaque", bytes(canvas))

add("ppm", saved(rgb, "PPM"))
add("pgm", saved(gray, "PPM"))
levels = rng.integers(0, 101, (H, W), dtype=np.uint8)
add("pgm of 100 levels", b"P5\n# a comment\n%d %d\n100\n" % (W, H) + levels.tobytes())
add("pgm of 16 bits", b"P5 %d %d 65535\n" % (W, H) + rng.integers(0, 600, (H, W)).astype(">u2").tobytes())
add("pgm of 1000 levels", b"P5 %d %d 1000\n" % (W, H) + rng.integers(0, 9, (H, W)).astype(">u2").tobytes())
add("ppm of 1000 levels", b"P6 %d %d 1000\n" % (W, H) + rng.integers(0, 1001, (H, W, 3)).astype(">u2").tobytes())
add("pgm in words", b"P2\n%d %d # size\n255\n" % (W, H) + b"\n".join(b" ".join(b"%d" % v for v in row) for row in np.asarray(gray)) + b"\n")
add("ppm in words", b"P3 %d %d 30\n" % (W, H) + b" ".join(b"%d" % v for v in rng.integers(0, 31, H * W * 3)) + b"\n")

for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
    add(f"tiff rgb {compression}", saved(rgb, "TIFF", compression=compression))
add("tiff gray", saved(gray, "TIFF"))
add("tiff gray16", saved(Image.fromarray(rng.integers(0, 600, (H, W)).astype(np.uint16)), "TIFF"))
add("tiff rgba", saved(rgba, "TIFF"))
add("tiff cmyk", saved(rgb.convert("CMYK"), "TIFF"))
add("tiff palette", saved(palette, "TIFF"))
add("tiff bilevel", saved(gray.convert("1"), "TIFF"))
add("tiff bilevel group4", saved(gray.convert("1"), "TIFF", compression="group4"))
for orientation in range(1, 9):
    add(f"tiff orientation {orientation}", saved(rgb, "TIFF", tiffinfo={274: orientation}))
smooth = Image.fromarray(np.linspace(0, 255, 16 * 24 * 3).reshape(16, 24, 3).astype(np.uint8))
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[274] = orientation
    add(f"jpeg orientation {orientation}", saved(smooth, "JPEG", quality=95, subsampling=0, exif=exif.tobytes()), tolerance=2, upright=True)
add("jpeg cmyk", saved(smooth.convert("CMYK"), "JPEG", quality=95), tolerance=3)
add("webp lossless", saved(rgb, "WEBP", lossless=True))

with open("formats.json", "w") as out:
    json.dump(cases, out, indent=0)
print(len(cases), "cases")
