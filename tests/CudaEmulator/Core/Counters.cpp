#include "Counters.h"

#include <map>

#include "Reports.h"

namespace emu {

namespace {

std::map<std::string, uint64_t>& values() {
    static auto& all = *new std::map<std::string, uint64_t>;
    return all;
}

struct Order {
    uint64_t callsLeft = 0;  // 0: nothing is ordered
    int status = 0;
    uint64_t times = 1;  // so many calls one after another
};

const char* const CallNames[] = {"allocation", "launch", "copy", "capture", "instantiate", "cublas", "cublaslt", "cudnn", "compile"};
constexpr int CallKinds = sizeof CallNames / sizeof *CallNames;
Order orders[CallKinds];

bool describesAState(const std::string& name) { return name == "bytes_live" || name.rfind("pool_", 0) == 0; }

}  // namespace

void count(const std::string& name, uint64_t by) { values()[name] += by; }
void setCounter(const std::string& name, uint64_t value) { values()[name] = value; }

uint64_t counter(const std::string& name) {
    auto found = values().find(name);
    return found == values().end() ? 0 : found->second;
}

void resetCounters() {
    for (auto& entry : values())
        if (!describesAState(entry.first)) entry.second = 0;
    setCounter("bytes_peak", counter("bytes_live"));
}

bool inject(const std::string& kind, uint64_t n, int status, uint64_t times) {
    for (int i = 0; i < CallKinds; i++)
        if (kind == CallNames[i]) {
            orders[i] = {n, status, times};
            return true;
        }
    return false;
}

int injected(Call kind) {
    Order& order = orders[static_cast<int>(kind)];
    if (order.callsLeft == 0 || --order.callsLeft > 0) return 0;
    if (order.times > 1) {
        order.times--;
        order.callsLeft = 1;
    }
    count("ordered_failures");
    note("the test ordered this %s to fail with %d", CallNames[static_cast<int>(kind)], order.status);
    return order.status;
}

}  // namespace emu
