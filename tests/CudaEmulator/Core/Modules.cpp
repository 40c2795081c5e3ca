// Loading what the NVRTC stand-in compiled.
#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>

#include "Handles.h"
#include "Image.h"
#include "Launch.h"
#include "Reports.h"
#include "Settings.h"

namespace emu {

namespace {

// Through a file that is gone once the loader has mapped it. Its name is new each time, since the loader knows libraries by name.
void* openLibrary(const std::string& bytes) {
    const char* folder = getenv("TMPDIR");
    std::string path = std::string(folder ? folder : "/tmp") + "/cuemu-module-XXXXXX";
    int file = mkstemp(path.data());
    if (file < 0) return nullptr;
    void* library = nullptr;
    if (write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size())) library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    close(file);
    unlink(path.c_str());
    return library;
}

std::shared_ptr<Function> describeKernel(Module& module, const EmuKernel& kernel) {
    auto function = std::make_shared<Function>();
    function->module = &module;
    function->kernel = &kernel;
    if (kernel.launchBounds > 0) function->maxThreads = kernel.launchBounds;
    uint64_t offset = 0;
    for (int i = 0; i < kernel.parameterCount; i++) {
        const EmuParameter& p = kernel.parameters[i];
        offset = (offset + p.alignment - 1) / p.alignment * p.alignment;
        function->offsets.push_back(offset);
        offset += p.size;
    }
    function->parameterBytes = offset;
    return function;
}

}  // namespace

Module::~Module() {
    for (auto& handle : handles) dropHandle(handle.second);
    if (library) dlclose(library);
}

Status loadModule(const void* image, std::shared_ptr<Module>& module) {
    ImageContent content;
    if (!readImage(image, content)) {
        finding("cuModuleLoadData: the image is neither a CUBIN nor a PTX text of the emulated NVRTC (is a PTX text NUL-terminated?)");
        return InvalidImage;
    }
    if (!content.isPtx && content.architecture / 10 != settings().computeCapability / 10) {
        note("the image is for sm_%lu, the emulated device is sm_%lu", content.architecture, settings().computeCapability);
        return NoBinaryForGpu;
    }
    if (content.isPtx && content.architecture > settings().computeCapability) {
        note("the PTX is for compute_%lu, the emulated device is sm_%lu", content.architecture, settings().computeCapability);
        return NoBinaryForGpu;
    }
    module = std::make_shared<Module>();
    module->library = openLibrary(content.library);
    auto contents = module->library ? reinterpret_cast<EmuModule* (*)()>(dlsym(module->library, "emuGetModule")) : nullptr;
    if (!contents) {
        finding("cuModuleLoadData: the image does not load: %s", dlerror());
        return InvalidImage;
    }
    module->contents = contents();
    if (settings().checked && !module->contents->checked) {
        note("the image was compiled without checks, and the emulator runs with checks: compile it again (a cache of images is in the way?)");
        return NoBinaryForGpu;
    }
    for (const EmuKernel* k = module->contents->kernels; k->name; k++) {
        auto function = describeKernel(*module, *k);
        module->functions[k->name] = function;
        module->handles[k->name] = newHandle(Kind::Function, function);
    }
    return Success;
}

}  // namespace emu
