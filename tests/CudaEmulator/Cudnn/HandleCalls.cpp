// Versions of libcudnn.so.9.
#include <cstddef>

extern "C" __attribute__((visibility("default"))) size_t cudnnGetVersion() { return 90600; }
