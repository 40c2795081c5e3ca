#include "Memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>

#include "Counters.h"
#include "Reports.h"
#include "Settings.h"

namespace emu {

namespace {

constexpr uint64_t HardwareAlignment = 256;  // of cuMemAlloc on real devices
constexpr uint64_t TightAlignment = 16;      // the widest access of one thread

uint64_t roundUp(uint64_t value, uint64_t step) { return (value + step - 1) / step * step; }

void* reserve(uint64_t bytes) {
    void* address = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return address == MAP_FAILED ? nullptr : address;
}

// The region and, for each of its pages, the number of the allocation that it belongs to.
struct Region {
    uint64_t start = 0, bytes = 0, next = 0;
    uint32_t* owner = nullptr;
    std::map<uint64_t, uint64_t> used;                     // offset -> bytes of living allocations with the page behind
    std::vector<std::unique_ptr<Allocation>> allocations;  // by number; number 0 is none

    Region() {
        bytes = 4ull << 40;
        while (!(start = reinterpret_cast<uint64_t>(reserve(bytes))) && bytes > 1ull << 35) bytes /= 2;
        void* table = mmap(nullptr, bytes / Page * sizeof(uint32_t), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        owner = table == MAP_FAILED ? nullptr : static_cast<uint32_t*>(table);
        allocations.emplace_back();
    }

    // Addresses are handed out upwards and start again at the bottom, so that what was freed last is used again last.
    bool find(uint64_t need, uint64_t& offset) {
        for (int round = 0; round < 2; round++) {
            uint64_t at = next;
            auto after = used.upper_bound(at);
            if (after != used.begin()) {
                auto before = std::prev(after);
                at = std::max(at, before->first + before->second);
            }
            while (at + need <= bytes) {
                if (after == used.end() || at + need <= after->first) {
                    offset = at;
                    return true;
                }
                at = after->first + after->second;
                ++after;
            }
            next = 0;
        }
        return false;
    }
};

Region& region() {
    static auto& theRegion = *new Region;
    return theRegion;
}

constexpr uint64_t Large = 1 << 20;  // bytes from which on poison is mapped and not written: of a workspace most is never touched
constexpr uint64_t PoisonBytes = 4 << 20;

// A file of poison, of which each mapping has its own copy of the pages that it writes; -1 where the system gives none.
int poisonFile() {
    static const int file = [] {
        int f = memfd_create("cuemu-poison", MFD_CLOEXEC);
        std::vector<char> bytes(PoisonBytes, static_cast<char>(Poison));
        if (f >= 0 && write(f, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size())) return f;
        if (f >= 0) close(f);
        return -1;
    }();
    return file;
}

// Maps poison over whole pages; false where the system has none, or takes no more mappings.
bool mapPoison(uint64_t address, uint64_t bytes) {
    if (poisonFile() < 0) return false;
    for (uint64_t at = 0; at < bytes; at += PoisonBytes) {
        void* part = reinterpret_cast<void*>(address + at);
        if (mmap(part, std::min(PoisonBytes, bytes - at), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, poisonFile(), 0) == MAP_FAILED) return false;
    }
    return true;
}

// Lets the pages of an allocation be read and written, and fills them with poison.
bool openPoisoned(const Allocation& a) {
    if (a.mapped >= Large && !settings().idle && poisonFile() >= 0) return mapPoison(a.base, a.mapped);
    if (mprotect(reinterpret_cast<void*>(a.base), a.mapped, PROT_READ | PROT_WRITE) != 0) return false;
    if (!settings().idle) memset(reinterpret_cast<void*>(a.base), Poison, a.mapped);
    return true;
}

void setOwner(const Allocation& a, uint32_t id) {
    Region& r = region();
    // The closed page behind counts as the allocation's, so that the message for the first byte beyond it names it.
    for (uint64_t p = a.base; p < a.base + a.mapped + Page; p += Page) r.owner[(p - r.start) / Page] = id;
}

void checkCanary(const Allocation& a) {
    auto bytes = reinterpret_cast<const unsigned char*>(a.base);
    for (uint64_t i = 0; i < a.mapped; i++) {
        uint64_t address = a.base + i;
        if (a.holds(address, 1)) {
            i += a.size - 1;
        } else if (bytes[i] != Poison) {
            finding("a kernel wrote outside allocation #%lu of %lu bytes, at offset %ld, into the padding around it%s%s", a.id, a.size,
                    static_cast<long>(address - a.address), a.maker.empty() ? "" : "; allocated by ", a.maker.c_str());
            return;
        }
    }
}

constexpr size_t RememberedFrees = 100000;  // freed allocations that messages can still name

}  // namespace

void closePages(Allocation& a) {
    // A fresh mapping, not mprotect: it gives the memory back, and the system joins it with its closed neighbours.
    mmap(reinterpret_cast<void*>(a.base), a.mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    a.live = false;
}

bool openPages(Allocation& a) {
    if (!openPoisoned(a)) return false;
    a.live = true;
    a.initialised.clear();
    if (settings().checked) a.initialised.assign((a.size + 63) / 64, 0);
    return true;
}

Allocation* allocate(uint64_t size) {
    Region& r = region();
    if (!r.start || !r.owner) {
        note("no address region could be reserved");
        return nullptr;
    }
    if (counter("bytes_live") + size > settings().memory) {
        note("%lu bytes do not fit: %lu of %lu bytes of the emulated memory are in use", size, counter("bytes_live"), settings().memory);
        return nullptr;
    }
    bool tight = settings().tight;
    uint64_t body = roundUp(size, tight ? TightAlignment : HardwareAlignment);
    auto a = std::make_unique<Allocation>();
    a->mapped = roundUp(body, Page);
    uint64_t offset;
    if (!r.find(a->mapped + 2 * Page, offset)) {
        note("the address region of %lu bytes is used up", r.bytes);
        return nullptr;
    }
    a->id = r.allocations.size();
    a->size = size;
    a->base = r.start + offset + Page;
    // The allocation ends where the closed page begins, but for the padding that its alignment asks for.
    a->address = a->base + a->mapped - body;
    a->maker = label();
    if (!openPages(*a)) {
        closePages(*a);
        note("the system maps no more pages (vm.max_map_count): too many allocations live at once");
        return nullptr;
    }
    r.used[offset] = a->mapped + 2 * Page;
    r.next = offset + a->mapped + Page;
    setOwner(*a, static_cast<uint32_t>(a->id));
    count("allocations");
    setCounter("bytes_live", counter("bytes_live") + size);
    if (counter("bytes_live") > counter("bytes_peak")) setCounter("bytes_peak", counter("bytes_live"));
    if (a->id > RememberedFrees && r.allocations[a->id - RememberedFrees] && !r.allocations[a->id - RememberedFrees]->live &&
        !r.allocations[a->id - RememberedFrees]->ofGraph)
        r.allocations[a->id - RememberedFrees].reset();
    r.allocations.push_back(std::move(a));
    return r.allocations.back().get();
}

Status release(uint64_t address, const char* caller) {
    Allocation* a = allocationAt(address);
    if (!a || a->address != address) {
        finding("%s: %s is not the start of an allocation", caller, describe(address).c_str());
        return InvalidValue;
    }
    if (!a->live && !a->ofGraph) {
        finding("%s: allocation #%lu of %lu bytes was freed before", caller, a->id, a->size);
        return InvalidValue;
    }
    if (a->live && !settings().idle) checkCanary(*a);
    closePages(*a);
    a->ofGraph = false;
    region().used.erase(a->base - Page - region().start);
    a->history = {};
    a->initialised = {};
    count("frees");
    setCounter("bytes_live", counter("bytes_live") - a->size);
    if (a->pooled) setCounter("pool_used", counter("pool_used") - a->size);
    return Success;
}

bool isDeviceRegion(uint64_t address) { return region().start && address - region().start < region().bytes; }

Allocation* allocationAt(uint64_t address) {
    if (!isDeviceRegion(address)) return nullptr;
    return region().allocations[region().owner[(address - region().start) / Page]].get();
}

std::string describe(uint64_t address) {
    if (address == 0) return "a null pointer";
    if (address < 1 << 20) return text("address %lu (a null pointer plus an offset?)", address);
    if (!isDeviceRegion(address)) return text("%#lx, which is no device memory (a host pointer?)", address);
    const Allocation* a = allocationAt(address);
    if (!a) return text("%#lx, which was never allocated", address);
    return text("offset %ld of allocation #%lu of %lu bytes%s%s%s", static_cast<long>(address - a->address), a->id, a->size,
                a->live ? "" : ", which is freed", a->maker.empty() ? "" : ", made by ", a->maker.c_str());
}

bool checkRange(uint64_t address, uint64_t bytes, const char* what) {
    if (bytes == 0) return true;
    const Allocation* a = allocationAt(address);
    if (a && (a->live || a->ofGraph) && a->holds(address, bytes)) return true;  // a graph opens its own memory when it runs
    finding("%s: %lu bytes from %s", what, bytes, describe(address).c_str());
    return false;
}

void poison(uint64_t address, uint64_t bytes) {
    uint64_t first = roundUp(address, Page), end = (address + bytes) / Page * Page;
    if (bytes < Large || !mapPoison(first, end - first)) {
        memset(reinterpret_cast<void*>(address), Poison, bytes);
        return;
    }
    memset(reinterpret_cast<void*>(address), Poison, first - address);
    memset(reinterpret_cast<void*>(end), Poison, address + bytes - end);
}

void eachLiveAllocation(const std::function<void(Allocation&)>& visit) {
    std::vector<Allocation*> living;  // those of the used addresses, not all that ever were
    for (auto& entry : region().used) living.push_back(allocationAt(region().start + entry.first + Page));
    std::sort(living.begin(), living.end(), [](const Allocation* a, const Allocation* b) { return a->id < b->id; });
    for (Allocation* a : living)
        if (a->live || a->ofGraph) visit(*a);
}

}  // namespace emu
