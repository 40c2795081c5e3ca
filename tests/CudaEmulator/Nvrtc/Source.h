// Reading CUDA source as far as the stand-in must: where its kernels are, and dynamic shared memory, whose declaration no host
// compiler takes.
#pragma once
#include <string>
#include <vector>

namespace emu {

struct KernelDeclaration {
    std::string name;
    bool isTemplate = false, externC = false;
    std::string templateParameters;  // the text between template< and >
    std::string launchBounds;        // the first argument of __launch_bounds__, or empty
};

// The text with comments and string literals blanked out, so that positions stay and words in them are not found.
std::string masked(const std::string& source);

std::vector<KernelDeclaration> findKernels(const std::string& source);

// Turns "extern __shared__ T name[];" into a pointer to the launch's dynamic shared memory. `error` tells what cannot be turned.
std::string replaceDynamicShared(const std::string& source, std::string& error);

// Kernels made by macros or lying in headers are found only after the preprocessor.
bool needsPreprocessing(const std::string& source);

}  // namespace emu
