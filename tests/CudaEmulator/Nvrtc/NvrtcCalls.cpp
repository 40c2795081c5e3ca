// The entry points of libnvrtc.so.12.
#include <algorithm>
#include <cstring>
#include <map>
#include <memory>

#include "../Core/Context.h"
#include "../Core/Counters.h"
#include "../Core/Image.h"
#include "../Core/Reports.h"
#include "../Core/Settings.h"
#include "Compiler.h"

using namespace emu;

#define NVRTC_API extern "C" __attribute__((visibility("default")))

namespace {

enum Result {
    Ok = 0, ProgramCreationFailure = 2, InvalidInput = 3, InvalidProgram = 4, InvalidOption = 5, Compilation = 6, BuiltinFailure = 7,
    NoNamesAfterCompilation = 8, NoLoweredBeforeCompilation = 9, NameNotValid = 10,
};

const int Architectures[] = {50, 52, 53, 60, 61, 62, 70, 72, 75, 80, 86, 87, 89, 90};

struct Program {
    CompileJob job;
    std::string log, cubin, ptx;  // the PTX is made when it is asked for
    std::string library;
    bool compiled = false;
    bool isVirtual = true;  // compute_XX: PTX alone
};

std::map<void*, std::unique_ptr<Program>>& programs() {
    static auto& all = *new std::map<void*, std::unique_ptr<Program>>;
    return all;
}

Program* find(void* handle, const char* caller) {
    auto found = programs().find(handle);
    if (found != programs().end()) return found->second.get();
    finding("%s: %p is not a living program", caller, handle);
    return nullptr;
}

#define PROGRAM(name, handle)                    \
    Lock lock;                                   \
    Program* name = find(handle, __func__);      \
    if (!name) return InvalidProgram

bool startsWith(const std::string& text, const char* prefix) { return text.rfind(prefix, 0) == 0; }

bool readArchitecture(Program& program, const std::string& value) {
    size_t digits = value.find_first_of("0123456789");
    bool real = startsWith(value, "sm_");
    if (digits == std::string::npos || (!real && !startsWith(value, "compute_"))) return false;
    unsigned number = static_cast<unsigned>(atoi(value.c_str() + digits));
    if (std::find(std::begin(Architectures), std::end(Architectures), static_cast<int>(number)) == std::end(Architectures)) return false;
    program.job.architecture = number;
    program.isVirtual = !real;
    return true;
}

// Options that change nothing here.
bool isIgnored(const std::string& option) {
    static const char* const exact[] = {"--use_fast_math", "-use_fast_math", "-lineinfo", "--generate-line-info", "-default-device", "--device-as-default-execution-space",
                                        "--minimal", "-minimal", "--restrict", "-restrict", "-w", "--disable-warnings", "-G", "--device-debug", "--extra-device-vectorization"};
    static const char* const prefixes[] = {"--std=c++", "-std=c++", "--fmad=", "-fmad=", "--ftz=", "-ftz=", "--prec-div=", "--prec-sqrt=", "--maxrregcount=", "-maxrregcount=",
                                           "--diag-suppress=", "-diag-suppress=", "--split-compile="};
    return std::any_of(std::begin(exact), std::end(exact), [&](const char* e) { return option == e; }) ||
           std::any_of(std::begin(prefixes), std::end(prefixes), [&](const char* p) { return startsWith(option, p); });
}

Result readOption(Program& program, const std::string& option) {
    auto valueOf = [&] { return option.substr(option.find('=') + 1); };
    if (startsWith(option, "--gpu-architecture=") || startsWith(option, "-arch=")) {
        if (readArchitecture(program, valueOf())) return Ok;
        program.log = "nvrtc: error: invalid value for --gpu-architecture (-arch)\n";
        return InvalidOption;
    }
    if (startsWith(option, "-D")) program.job.defines.push_back(option);
    else if (startsWith(option, "--define-macro=")) program.job.defines.push_back("-D" + valueOf());
    else if (startsWith(option, "-U")) program.job.defines.push_back(option);
    else if (startsWith(option, "-I")) program.job.includePaths.push_back(option);
    else if (startsWith(option, "--include-path=")) program.job.includePaths.push_back("-I" + valueOf());
    else if (!isIgnored(option)) {
        program.log = "nvrtc: error: unrecognized option " + option + " found\n";
        return InvalidOption;
    }
    return Ok;
}

// Not a mangled name, but one that the program cannot guess either, and of its own for each expression.
std::string lower(const std::string& expression, size_t number) {
    std::string name = "_Zemu" + std::to_string(number);
    for (char c : expression) name += isalnum(static_cast<unsigned char>(c)) ? c : '_';
    return name;
}

const std::string& ptxOf(Program& program) {
    if (program.ptx.empty() && !program.library.empty()) program.ptx = writePtx(program.library, program.job.architecture);
    return program.ptx;
}

}  // namespace

NVRTC_API int nvrtcVersion(int* major, int* minor) {
    *major = 12;
    *minor = 6;
    return Ok;
}

NVRTC_API const char* nvrtcGetErrorString(int result) {
    static const char* const names[] = {
        "NVRTC_SUCCESS", "NVRTC_ERROR_OUT_OF_MEMORY", "NVRTC_ERROR_PROGRAM_CREATION_FAILURE", "NVRTC_ERROR_INVALID_INPUT", "NVRTC_ERROR_INVALID_PROGRAM",
        "NVRTC_ERROR_INVALID_OPTION", "NVRTC_ERROR_COMPILATION", "NVRTC_ERROR_BUILTIN_OPERATION_FAILURE", "NVRTC_ERROR_NO_NAME_EXPRESSIONS_AFTER_COMPILATION",
        "NVRTC_ERROR_NO_LOWERED_NAMES_BEFORE_COMPILATION", "NVRTC_ERROR_NAME_EXPRESSION_NOT_VALID", "NVRTC_ERROR_INTERNAL_ERROR"};
    return result >= 0 && result < 12 ? names[result] : "NVRTC_ERROR unknown";
}

NVRTC_API int nvrtcGetNumSupportedArchs(int* n) {
    *n = static_cast<int>(std::size(Architectures));
    return Ok;
}

NVRTC_API int nvrtcGetSupportedArchs(int* architectures) {
    std::copy(std::begin(Architectures), std::end(Architectures), architectures);
    return Ok;
}

NVRTC_API int nvrtcCreateProgram(void** handle, const char* source, const char* name, int headers, const char* const* texts, const char* const* names) {
    Lock lock;
    if (!handle || !source || headers < 0 || (headers > 0 && (!texts || !names))) return InvalidInput;
    auto program = std::make_unique<Program>();
    program->job.source = source;
    program->job.name = name && *name ? name : "default_program";
    for (int i = 0; i < headers; i++) program->job.headers.emplace_back(names[i], texts[i]);
    *handle = program.get();
    programs()[*handle] = std::move(program);
    return Ok;
}

NVRTC_API int nvrtcDestroyProgram(void** handle) {
    Lock lock;
    if (!handle || !find(*handle, __func__)) return InvalidProgram;
    programs().erase(*handle);
    *handle = nullptr;
    return Ok;
}

NVRTC_API int nvrtcAddNameExpression(void* handle, const char* expression) {
    PROGRAM(program, handle);
    if (program->compiled) return NoNamesAfterCompilation;
    program->job.expressions.emplace_back(expression, lower(expression, program->job.expressions.size()));
    return Ok;
}

NVRTC_API int nvrtcCompileProgram(void* handle, int count, const char* const* options) {
    PROGRAM(program, handle);
    program->compiled = true;
    if (int status = injected(Call::Compile)) {
        program->log = "nvrtc: error: the test ordered this compilation to fail\n";
        return status;
    }
    for (int i = 0; i < count; i++)
        if (Result result = readOption(*program, options[i])) return result;
    program->job.checked = settings().checked;
    CompileResult result = compile(program->job);
    program->log = result.log;
    if (result.compilerMissing) {
        program->log += "nvrtc: error: the emulator compiles with g++, which cannot be started\n";
        return BuiltinFailure;
    }
    if (!result.ok) return Compilation;
    if (!program->isVirtual) program->cubin = writeCubin(result.library, program->job.architecture);
    program->library = std::move(result.library);
    return Ok;
}

NVRTC_API int nvrtcGetLoweredName(void* handle, const char* expression, const char** name) {
    PROGRAM(program, handle);
    if (!program->compiled) return NoLoweredBeforeCompilation;
    for (auto& [known, lowered] : program->job.expressions) {
        if (known != expression) continue;
        *name = lowered.c_str();
        return Ok;
    }
    return NameNotValid;
}

NVRTC_API int nvrtcGetProgramLogSize(void* handle, size_t* size) {
    PROGRAM(program, handle);
    *size = program->log.size() + 1;
    return Ok;
}

NVRTC_API int nvrtcGetProgramLog(void* handle, char* log) {
    PROGRAM(program, handle);
    memcpy(log, program->log.c_str(), program->log.size() + 1);
    return Ok;
}

NVRTC_API int nvrtcGetCUBINSize(void* handle, size_t* size) {
    PROGRAM(program, handle);
    *size = program->cubin.size();
    return Ok;
}

NVRTC_API int nvrtcGetCUBIN(void* handle, char* cubin) {
    PROGRAM(program, handle);
    memcpy(cubin, program->cubin.data(), program->cubin.size());
    return Ok;
}

NVRTC_API int nvrtcGetPTXSize(void* handle, size_t* size) {
    PROGRAM(program, handle);
    if (program->library.empty()) return InvalidProgram;
    *size = ptxOf(*program).size();
    return Ok;
}

NVRTC_API int nvrtcGetPTX(void* handle, char* ptx) {
    PROGRAM(program, handle);
    memcpy(ptx, ptxOf(*program).data(), ptxOf(*program).size());
    return Ok;
}
