// Runs g++ over a program's source and keeps the results on disk by content.
#pragma once
#include <string>
#include <vector>

namespace emu {

struct CompileJob {
    std::string name;                                         // of the source, for messages
    std::string source;
    std::vector<std::pair<std::string, std::string>> headers;  // name and text
    std::vector<std::pair<std::string, std::string>> expressions;  // name expression and lowered name
    std::vector<std::string> defines, includePaths;           // as -D..., -I...
    unsigned architecture = 52;
    bool checked = false;
};

struct CompileResult {
    bool ok = false;
    bool compilerMissing = false;
    std::string log;
    std::string library;  // the shared object
};

CompileResult compile(const CompileJob& job);

}  // namespace emu
