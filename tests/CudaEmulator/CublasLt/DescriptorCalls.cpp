// Handles, descriptors and their attributes.
#include "Descriptors.h"

namespace {

template <class T>
int create(void** handle, Kind kind, std::shared_ptr<T> object) {
    if (!handle) return BlasInvalidValue;
    *handle = newHandle(kind, std::move(object));
    return BlasSuccess;
}

int destroy(const void* handle, Kind kind, const char* caller) {
    if (!findHandle(handle, kind, caller)) return BlasInvalidValue;
    dropHandle(handle);
    return BlasSuccess;
}

template <class T>
int setAttribute(const void* handle, Kind kind, int attribute, const void* value, size_t size, const char* caller) {
    auto object = handleTo<T>(handle, kind, caller);
    if (!object || !value) return BlasInvalidValue;
    for (const Field& f : object->fields()) {
        if (f.attribute != attribute) continue;
        if (f.size != size) {
            finding("%s: attribute %d takes %zu bytes, got %zu", caller, attribute, f.size, size);
            return BlasInvalidValue;
        }
        memcpy(f.place, value, size);
        return BlasSuccess;
    }
    finding("%s: attribute %d is not emulated", caller, attribute);
    return BlasInvalidValue;
}

template <class T>
int getAttribute(const void* handle, Kind kind, int attribute, void* value, size_t size, size_t* written, const char* caller) {
    auto object = handleTo<T>(handle, kind, caller);
    if (!object) return BlasInvalidValue;
    for (const Field& f : object->fields()) {
        if (f.attribute != attribute) continue;
        if (written) *written = f.size;
        if (size == 0) return written ? BlasSuccess : BlasInvalidValue;
        if (!value || size < f.size) return BlasInvalidValue;
        memcpy(value, f.place, f.size);
        return BlasSuccess;
    }
    return BlasInvalidValue;
}

}  // namespace

LT_API int cublasLtCreate(void** handle) {
    Lock lock;
    if (enter(__func__)) return BlasNotInitialized;
    if (refuseDuringCapture(__func__)) return BlasInternalError;
    return create(handle, Kind::CublasLt, std::make_shared<int>());
}

LT_API int cublasLtDestroy(void* handle) {
    Lock lock;
    return destroy(handle, Kind::CublasLt, __func__) ? BlasNotInitialized : BlasSuccess;
}

LT_API size_t cublasLtGetVersion() { return 120600; }
LT_API const char* cublasLtGetStatusName(int status) { return blasStatusName(status); }
LT_API const char* cublasLtGetStatusString(int status) { return blasStatusText(status); }

LT_API int cublasLtMatmulDescCreate(void** handle, int compute, int scale) {
    Lock lock;
    if (scaleType(compute) != dataType(scale)) {
        finding("cublasLtMatmulDescCreate: compute type %d does not go with scale type %d", compute, scale);
        return BlasInvalidValue;
    }
    auto desc = std::make_shared<MatmulDesc>();
    desc->compute = compute;
    desc->scale = scale;
    return create(handle, Kind::LtMatmulDesc, desc);
}

LT_API int cublasLtMatmulDescDestroy(void* handle) {
    Lock lock;
    return destroy(handle, Kind::LtMatmulDesc, __func__);
}

LT_API int cublasLtMatmulDescSetAttribute(void* handle, int attribute, const void* value, size_t size) {
    Lock lock;
    return setAttribute<MatmulDesc>(handle, Kind::LtMatmulDesc, attribute, value, size, __func__);
}

LT_API int cublasLtMatmulDescGetAttribute(void* handle, int attribute, void* value, size_t size, size_t* written) {
    Lock lock;
    return getAttribute<MatmulDesc>(handle, Kind::LtMatmulDesc, attribute, value, size, written, __func__);
}

LT_API int cublasLtMatrixLayoutCreate(void** handle, int type, uint64_t rows, uint64_t columns, int64_t ld) {
    Lock lock;
    auto layout = std::make_shared<Layout>();
    layout->type = static_cast<uint32_t>(type);
    layout->rows = rows;
    layout->columns = columns;
    layout->ld = ld;
    return create(handle, Kind::LtLayout, layout);
}

LT_API int cublasLtMatrixLayoutDestroy(void* handle) {
    Lock lock;
    return destroy(handle, Kind::LtLayout, __func__);
}

LT_API int cublasLtMatrixLayoutSetAttribute(void* handle, int attribute, const void* value, size_t size) {
    Lock lock;
    return setAttribute<Layout>(handle, Kind::LtLayout, attribute, value, size, __func__);
}

LT_API int cublasLtMatrixLayoutGetAttribute(void* handle, int attribute, void* value, size_t size, size_t* written) {
    Lock lock;
    return getAttribute<Layout>(handle, Kind::LtLayout, attribute, value, size, written, __func__);
}

LT_API int cublasLtMatmulPreferenceCreate(void** handle) {
    Lock lock;
    return create(handle, Kind::LtPreference, std::make_shared<Preference>());
}

LT_API int cublasLtMatmulPreferenceDestroy(void* handle) {
    Lock lock;
    return destroy(handle, Kind::LtPreference, __func__);
}

LT_API int cublasLtMatmulPreferenceSetAttribute(void* handle, int attribute, const void* value, size_t size) {
    Lock lock;
    return setAttribute<Preference>(handle, Kind::LtPreference, attribute, value, size, __func__);
}

LT_API int cublasLtMatmulPreferenceGetAttribute(void* handle, int attribute, void* value, size_t size, size_t* written) {
    Lock lock;
    return getAttribute<Preference>(handle, Kind::LtPreference, attribute, value, size, written, __func__);
}
