#include "Compiler.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "../Core/Counters.h"
#include "Source.h"

extern char** environ;

namespace emu {

namespace {

std::string readFile(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

void writeFile(const std::string& path, const std::string& content) { std::ofstream(path, std::ios::binary) << content; }

// The folder that this library lies in: the device headers are beside it.
std::string ownFolder() {
    Dl_info info;
    dladdr(reinterpret_cast<void*>(&ownFolder), &info);
    std::string path = info.dli_fname;
    return path.substr(0, path.rfind('/') + 1);
}

std::string compilerName() {
    const char* set = getenv("CUEMU_CXX");
    return set ? set : "g++";
}

// The exit code, or -1 if the program cannot be started; what it prints goes to `log`.
int runProgram(const std::vector<std::string>& arguments, const std::string& log) {
    std::vector<char*> pointers;
    for (const std::string& a : arguments) pointers.push_back(const_cast<char*>(a.c_str()));
    pointers.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    pid_t child;
    int failed = posix_spawnp(&child, pointers[0], &actions, nullptr, pointers.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed) return -1;
    int status;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

// FNV-1a twice with different starts: 128 bits are enough to tell sources apart.
std::string hash(const std::string& text) {
    char digits[40];
    uint64_t a = 0xcbf29ce484222325ull, b = 0x84222325cbf29ce4ull;
    for (unsigned char c : text) {
        a = (a ^ c) * 0x100000001b3ull;
        b = (b ^ c) * 0x100000001b3ull + 1;
    }
    snprintf(digits, sizeof digits, "%016lx%016lx", a, b);
    return digits;
}

struct TemporaryFolder {
    std::string path;
    TemporaryFolder() {
        const char* base = getenv("TMPDIR");
        path = std::string(base ? base : "/tmp") + "/cuemu-XXXXXX";
        if (!mkdtemp(path.data())) path.clear();
    }
    ~TemporaryFolder() {
        if (path.empty()) return;
        std::string log = "/dev/null";
        runProgram({"rm", "-rf", path}, log);
    }
};

// True if a template's launch bounds name none of its parameters, so that they can be evaluated outside of it.
bool isIndependent(const std::string& expression, const std::string& parameters) {
    std::string word;
    for (char c : parameters + " ") {
        if (isalnum(static_cast<unsigned char>(c)) || c == '_') {
            word += c;
            continue;
        }
        bool keyword = word == "int" || word == "class" || word == "typename" || word == "bool" || word == "unsigned";
        if (!word.empty() && !keyword && expression.find(word) != std::string::npos) return false;
        word.clear();
    }
    return true;
}

std::string boundsOf(const KernelDeclaration& kernel) {
    bool usable = !kernel.launchBounds.empty() && (!kernel.isTemplate || isIndependent(kernel.launchBounds, kernel.templateParameters));
    return usable ? kernel.launchBounds : "0";
}

std::string boundsOfExpression(const std::string& expression, const std::vector<KernelDeclaration>& kernels) {
    std::string name = expression.substr(0, expression.find('<'));
    size_t colon = name.rfind(':');
    if (colon != std::string::npos) name = name.substr(colon + 1);
    for (const KernelDeclaration& k : kernels)
        if (k.name == name) return boundsOf(k);
    return "0";
}

std::string kernelTable(const CompileJob& job, const std::vector<KernelDeclaration>& kernels) {
    std::string table = "EMU_MODULE_BEGIN\n";
    for (const KernelDeclaration& k : kernels)
        if (k.externC && !k.isTemplate) table += "emuKernel(\"" + k.name + "\", &" + k.name + ", " + boundsOf(k) + "),\n";
    for (auto& [expression, lowered] : job.expressions) {
        size_t start = expression.find_first_not_of("& ");
        std::string plain = start == std::string::npos ? "" : expression.substr(start);
        table += "emuKernel(\"" + lowered + "\", &" + plain + ", " + boundsOfExpression(plain, kernels) + "),\n";
    }
    return table + "EMU_MODULE_END\n";
}

struct Invocation {
    std::string folder, log;
    std::vector<std::string> macros;
};

bool preprocess(const CompileJob& job, const Invocation& in, std::string& source, CompileResult& result) {
    std::string input = in.folder + "/input.cpp", output = in.folder + "/expanded.cpp";
    writeFile(input, "#line 1 \"" + job.name + "\"\n" + source);
    for (auto& [name, content] : job.headers) writeFile(in.folder + "/" + name, content);
    std::vector<std::string> command = {compilerName(), "-E", "-std=c++17", "-nostdinc", "-nostdinc++", "-DCUEMU", "-D__CUDACC_RTC__", "-D__CUDACC__", "-I", in.folder};
    command.insert(command.end(), in.macros.begin(), in.macros.end());
    command.insert(command.end(), job.includePaths.begin(), job.includePaths.end());
    command.insert(command.end(), {input, "-o", output});
    int code = runProgram(command, in.log);
    result.log = readFile(in.log);
    result.compilerMissing = code < 0;
    source = readFile(output);
    const std::string folder = in.folder + "/";  // the program named its headers without it
    for (size_t at = 0; (at = source.find(folder, at)) != std::string::npos;) source.erase(at, folder.size());
    return code == 0;
}

std::vector<std::string> compileCommand(const CompileJob& job, const Invocation& in, const std::string& input, const std::string& output) {
    std::vector<std::string> command = {
        compilerName(), "-x", "c++", "-std=c++17", "-O1", "-w", "-fPIC", "-shared",
        "-nostdinc", "-nostdinc++", "-include", ownFolder() + "device/emulator.h",
        "-fno-exceptions", "-fno-rtti", "-fno-strict-aliasing", "-fwrapv", "-fno-threadsafe-statics",
        "-ffp-contract=off",  // NVRTC fuses multiplies and adds by default; here results do not depend on the compiler's taste
        "-fstack-clash-protection",  // large local arrays touch each page on their way: an overflow meets the closed page
        "-fno-math-errno", "-fvisibility=hidden"};
    if (job.checked) command.insert(command.end(), {"-fsanitize=thread", "--param", "tsan-instrument-func-entry-exit=0", "-DEMU_CHECKED",
                                                           "-fno-tree-sra"});  // a float4 stays one access, whose alignment is checked
    command.insert(command.end(), in.macros.begin(), in.macros.end());
    // No start files: they bring variables into .bss, which is the shared memory. No default libraries: no sanitizer's runtime.
    command.insert(command.end(), {input, "-o", output, "-nostartfiles", "-nodefaultlibs", "-Wl,--no-undefined", "-Wl,-z,now", "-lm", "-lc", "-lgcc"});
    return command;
}

const std::string& deviceHeaders() {
    static const std::string all = [] {
        std::string text;
        for (const char* header : {"emulator.h", "interface.h", "types.h", "math.h", "memory.h", "half.h", "registration.h", "checked.h"}) text += readFile(ownFolder() + "device/" + header);
        return text;
    }();
    return all;
}

// Where the library of a job is kept. The key is what the program handed in, before any work on it: nothing is read from anywhere else,
// but for folders of includes, whose content nobody vouches for.
std::string cachePath(const CompileJob& job, const std::vector<std::string>& macros) {
    std::string key = job.checked ? "checked\n" : "plain\n";
    auto add = [&](const std::string& text) { key += std::to_string(text.size()) + ":" + text; };
    for (const std::string& m : macros) add(m);
    for (auto& [name, text] : job.headers) add(name), add(text);
    for (auto& [expression, lowered] : job.expressions) add(expression), add(lowered);
    for (const std::string& part : {compilerName(), job.name, job.source, deviceHeaders()}) add(part);
    std::string folder = ownFolder() + "modules";
    mkdir(folder.c_str(), 0777);
    return folder + "/" + hash(key) + ".so";
}

}  // namespace

CompileResult compile(const CompileJob& job) {
    CompileResult result;
    std::vector<std::string> macros = job.defines;
    macros.push_back("-D__CUDA_ARCH__=" + std::to_string(job.architecture * 10));
    std::string cached = job.includePaths.empty() ? cachePath(job, macros) : "";
    if (!cached.empty()) result.library = readFile(cached);
    if (!result.library.empty()) {
        count("compiles_cached");
        result.ok = true;
        return result;
    }

    TemporaryFolder temporary;
    Invocation in{temporary.path, temporary.path + "/log", macros};
    std::string source = job.source;
    if ((needsPreprocessing(source) || !job.headers.empty()) && !preprocess(job, in, source, result)) return result;
    source = replaceDynamicShared(source, result.log);
    if (!result.log.empty()) return result;

    // The anonymous namespace keeps templates and inline functions of two modules apart: g++ would give their shared variables
    // one storage for the whole process.
    std::string unit = "namespace {\n#line 1 \"" + job.name + "\"\n" + source + "\n}\n#line 1 \"table of kernels\"\n" + kernelTable(job, findKernels(source));
    std::string input = temporary.path + "/unit.cpp", output = temporary.path + "/unit.so";
    writeFile(input, unit);
    int code = runProgram(compileCommand(job, in, input, output), in.log);
    result.log = readFile(in.log);
    result.compilerMissing = code < 0;
    if (code != 0) return result;
    result.library = readFile(output);
    result.ok = true;
    count("compiles");
    if (cached.empty()) return result;
    // Under a name of its own first: another process may write the same file.
    std::string own = cached + "." + std::to_string(getpid());
    writeFile(own, result.library);
    rename(own.c_str(), cached.c_str());
    return result;
}

}  // namespace emu
