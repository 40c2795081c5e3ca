// What the emulator found. A finding is a mistake of the program under test; a note explains an answer that a program may well
// expect (no memory, an algorithm that does not exist). Findings are counted, and a test that leaves one fails.
#pragma once
#include <string>
#include <vector>

namespace emu {

struct Report {
    std::string label;  // who was at work, as set by cuemuLabel
    std::string text;
};

__attribute__((format(printf, 1, 2))) void finding(const char* format, ...);
__attribute__((format(printf, 1, 2))) void note(const char* format, ...);
__attribute__((format(printf, 1, 2))) std::string text(const char* format, ...);

const std::vector<Report>& findings();
const std::string& lastMessage();  // the newest finding or note
void clearReports();

void setLabel(const char* label);
const std::string& label();

}  // namespace emu
