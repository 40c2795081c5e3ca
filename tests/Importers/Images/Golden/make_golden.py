"""Turns HDF5 outputs of real Keras (keras-preprocessing 1.1.2, Pillow 9.4, SciPy 1.10) into .npy.gz files.

Usage: make_golden.py FOLDER, where FOLDER holds augmentation/outputs.h5.gz and flow_from_directory/batches.h5.gz.
"""
import gzip, io, json, pathlib, sys
import h5py, numpy as np

source, here = pathlib.Path(sys.argv[1]), pathlib.Path(__file__).parent


def open_gz(path):
    return h5py.File(io.BytesIO(gzip.open(path).read()), "r")


def save(name, array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    (here / name).write_bytes(gzip.compress(buffer.getvalue(), mtime=0))


with open_gz(source / "flow_from_directory" / "batches.h5.gz") as f:
    for filter in ("nearest", "bilinear", "bicubic", "lanczos"):
        save(f"resize_{filter}.npy.gz", f[filter][[2, 4, 10]].astype(np.uint8))  # dog_palette.png, a.png, cat.10.png

facts = json.load(open(source / "augmentation" / "facts.json"))
names = sorted(facts["transforms"])
with open_gz(source / "augmentation" / "outputs.h5.gz") as f:
    save("augmentation.npy.gz", np.stack([f[n][()] for n in names]).astype(np.float32))
(here / "augmentation.json").write_text(json.dumps([{"name": n, **facts["transforms"][n]} for n in names], indent=1) + "\n")
