#include "Reports.h"

#include <cstdarg>
#include <cstdio>

#include "Settings.h"

namespace emu {

namespace {

struct Log {
    std::vector<Report> findings;
    std::string last;
    std::string label;
};

Log& log() {
    static auto& theLog = *new Log;
    return theLog;
}

std::string formatted(const char* format, va_list arguments) {
    char buffer[2048];
    vsnprintf(buffer, sizeof buffer, format, arguments);
    return buffer;
}

void print(const char* kind, const std::string& message) {
    if (settings().verbose) fprintf(stderr, "cuemu %s: %s\n", kind, message.c_str());
}

constexpr size_t MostFindings = 1000;  // a loop that goes wrong a million times is told well enough by its first thousand

}  // namespace

void finding(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    log().last = formatted(format, arguments);
    va_end(arguments);
    if (log().findings.size() < MostFindings) log().findings.push_back({log().label, log().last});
    print("finding", log().last);
}

void note(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    log().last = formatted(format, arguments);
    va_end(arguments);
    print("note", log().last);
}

std::string text(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    std::string result = formatted(format, arguments);
    va_end(arguments);
    return result;
}

const std::vector<Report>& findings() { return log().findings; }
const std::string& lastMessage() { return log().last; }

void clearReports() {
    log().findings.clear();
    log().last.clear();
}

void setLabel(const char* label) { log().label = label ? label : ""; }
const std::string& label() { return log().label; }

}  // namespace emu
