#include "Source.h"

#include <algorithm>
#include <cctype>

namespace emu {

namespace {

bool isWord(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// The next whole word `word` at or behind `from`.
size_t findWord(const std::string& text, const std::string& word, size_t from) {
    for (size_t at = text.find(word, from); at != std::string::npos; at = text.find(word, at + 1)) {
        bool starts = at == 0 || !isWord(text[at - 1]), ends = at + word.size() >= text.size() || !isWord(text[at + word.size()]);
        if (starts && ends) return at;
    }
    return std::string::npos;
}

void skipSpace(const std::string& text, size_t& at) {
    while (at < text.size() && std::isspace(static_cast<unsigned char>(text[at]))) at++;
}

// What stands between the bracket at `at` and its partner; `at` is moved behind the partner.
std::string inBrackets(const std::string& text, size_t& at) {
    size_t start = at + 1;
    int depth = 0;
    for (; at < text.size(); at++) {
        if (text[at] == '(') depth++;
        if (text[at] == ')' && --depth == 0) break;
    }
    return text.substr(start, at++ - start);
}

// The first of a list of arguments.
std::string firstArgument(const std::string& list) {
    int depth = 0;
    for (size_t i = 0; i < list.size(); i++) {
        if (list[i] == '(') depth++;
        if (list[i] == ')') depth--;
        if (list[i] == ',' && depth == 0) return list.substr(0, i);
    }
    return list;
}

std::string templateParameters(const std::string& head) {
    size_t at = findWord(head, "template", 0);
    if (at == std::string::npos) return "";
    size_t open = head.find('<', at), close = head.rfind('>');
    return open == std::string::npos || close == std::string::npos ? " " : head.substr(open + 1, close - open - 1);
}

void removeCall(std::string& text, const std::string& word) {
    size_t at = findWord(text, word, 0);
    if (at == std::string::npos) return;
    size_t end = at + word.size();
    skipSpace(text, end);
    if (end < text.size() && text[end] == '(') inBrackets(text, end);
    text.erase(at, end - at);
}

}  // namespace

std::string masked(const std::string& source) {
    std::string out = source;
    auto blank = [&](size_t from, size_t to) {
        for (size_t i = from; i < to && i < out.size(); i++)
            if (out[i] != '\n') out[i] = ' ';
    };
    for (size_t i = 0; i < source.size();) {
        size_t end = i + 1;
        if (source.compare(i, 2, "//") == 0) {
            end = std::min(source.find('\n', i), source.size());
            blank(i, end);
        } else if (source.compare(i, 2, "/*") == 0) {
            size_t close = source.find("*/", i + 2);
            end = close == std::string::npos ? source.size() : close + 2;
            blank(i, end);
        } else if (source[i] == '"' || (source[i] == '\'' && (i == 0 || !isWord(source[i - 1])))) {
            while (end < source.size() && source[end] != source[i]) end += source[end] == '\\' ? 2 : 1;
            blank(i, ++end);
        }
        i = end;
    }
    return out;
}

std::vector<KernelDeclaration> findKernels(const std::string& source) {
    std::string text = masked(source);
    bool externBlock = false;
    for (size_t at = findWord(text, "extern", 0); at != std::string::npos; at = findWord(text, "extern", at + 1)) {
        size_t next = source.find('"', at);
        size_t brace = next == std::string::npos ? next : next + 3;
        if (brace == std::string::npos) break;
        skipSpace(text, brace);
        if (source.compare(next, 3, "\"C\"") == 0 && text.find_first_not_of(" \n\t", at + 6) == brace && brace < text.size() && text[brace] == '{') externBlock = true;
    }
    std::vector<KernelDeclaration> kernels;
    for (size_t at = findWord(text, "__global__", 0); at != std::string::npos; at = findWord(text, "__global__", at + 1)) {
        size_t before = text.find_last_of(";{}", at), head = before == std::string::npos ? 0 : before + 1;
        KernelDeclaration kernel;
        kernel.templateParameters = templateParameters(text.substr(head, at - head));
        kernel.isTemplate = !kernel.templateParameters.empty();
        kernel.externC = externBlock || source.substr(head, at - head).find("\"C\"") != std::string::npos;
        // Words follow until the one before the list of parameters, which is the name.
        for (size_t i = at + 10; i < text.size();) {
            skipSpace(text, i);
            size_t start = i;
            while (i < text.size() && isWord(text[i])) i++;
            std::string word = text.substr(start, i - start);
            skipSpace(text, i);
            if (word.empty()) break;
            if (i >= text.size() || text[i] != '(') continue;
            if (word != "__launch_bounds__") {
                kernel.name = word;
                break;
            }
            kernel.launchBounds = firstArgument(inBrackets(text, i));
        }
        bool known = std::any_of(kernels.begin(), kernels.end(), [&](const KernelDeclaration& k) { return k.name == kernel.name; });
        if (!kernel.name.empty() && !known) kernels.push_back(kernel);
    }
    return kernels;
}

std::string replaceDynamicShared(const std::string& source, std::string& error) {
    std::string out = source, text = masked(source);
    for (size_t at = findWord(text, "extern", 0); at != std::string::npos; at = findWord(text, "extern", at + 1)) {
        size_t end = text.find(';', at);
        if (end == std::string::npos) break;
        std::string declaration = text.substr(at, end - at);
        if (findWord(declaration, "__shared__", 0) == std::string::npos || declaration.find('{') != std::string::npos) continue;
        int depth = static_cast<int>(std::count(text.begin(), text.begin() + static_cast<long>(at), '{') -
                                     std::count(text.begin(), text.begin() + static_cast<long>(at), '}'));
        size_t bracket = declaration.find('[');
        if (depth == 0 || bracket == std::string::npos) {
            error = "the emulator takes 'extern __shared__ T name[];' inside of a kernel alone";
            return source;
        }
        std::string type = declaration.substr(0, bracket);
        for (const char* word : {"extern", "__shared__", "alignas", "__align__"}) removeCall(type, word);
        while (!type.empty() && !isWord(type.back())) type.pop_back();
        size_t nameStart = type.size();
        while (nameStart > 0 && isWord(type[nameStart - 1])) nameStart--;
        std::string name = type.substr(nameStart);
        type.resize(nameStart);
        std::string pointer = type + "* " + name + " = (" + type + "*)emuState.dynamicShared";
        // Line numbers stay: the new text takes the old one's line ends along.
        pointer += std::string(static_cast<size_t>(std::count(declaration.begin(), declaration.end(), '\n')), '\n');
        out.replace(at, end - at, pointer);
        text = masked(out);
    }
    return out;
}

bool needsPreprocessing(const std::string& source) {
    std::string text = masked(source);
    for (size_t line = 0; line < text.size();) {
        size_t end = std::min(text.find('\n', line), text.size());
        while (end < text.size() && end > line && text[end - 1] == '\\') end = std::min(text.find('\n', end + 1), text.size());
        std::string words = text.substr(line, end - line);
        size_t first = words.find_first_not_of(" \t");
        if (first != std::string::npos && words[first] == '#') {
            bool includes = words.find("include") != std::string::npos;
            bool definesKernel = words.find("define") != std::string::npos && words.find("__global__") != std::string::npos;
            if (includes || definesKernel) return true;
        }
        line = end + 1;
    }
    return false;
}

}  // namespace emu
