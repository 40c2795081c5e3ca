// Handles of libcublasLt.so.12.
#include "../Core/Context.h"
#include "../Core/Handles.h"

using namespace emu;

extern "C" __attribute__((visibility("default"))) int cublasLtCreate(void** handle) {
    Lock lock;
    if (!handle) return 7;
    if (enter(__func__)) return 1;
    *handle = newHandle(Kind::CublasLt, std::make_shared<int>());
    return 0;
}
