#include "Faults.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>

#include "Launch.h"
#include "Memory.h"
#include "Reports.h"
#include "Settings.h"

namespace emu {

namespace {

thread_local bool guarded = false;
sigjmp_buf leave;  // one launch runs at a time: the emulator's lock is held
Fault raised;

const int Signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGPROF};
struct sigaction before[4];

// The processor names no address when it refuses an aligned vector instruction.
bool isMisaligned(int signal, const siginfo_t& info) { return signal == SIGSEGV && info.si_code == SI_KERNEL; }

std::string explain(int signal, const siginfo_t& info) {
    auto address = reinterpret_cast<uint64_t>(info.si_addr);
    if (isMisaligned(signal, info)) return "a vector access that is not aligned to its size, or an address that cannot exist";
    if (signal == SIGFPE) return "integer division by zero (hardware gives an undefined result)";
    if (signal == SIGPROF) return text("the launch ran for more than %lu seconds: a loop that never ends, or waits for another block?", settings().watchdogSeconds);
    if (isStackOverflow(address)) return "stack overflow: the thread's local variables take more than 64 KiB";
    return "access to " + describe(address);
}

Status statusOf(int signal, const siginfo_t& info) {
    return isMisaligned(signal, info) ? MisalignedAddress : signal == SIGFPE ? LaunchFailed : signal == SIGPROF ? LaunchTimeout : IllegalAddress;
}

void passOn(int number, siginfo_t* info, void* context) {
    for (int i = 0; i < 4; i++) {
        if (Signals[i] != number) continue;
        if (before[i].sa_flags & SA_SIGINFO) before[i].sa_sigaction(number, info, context);
        else if (before[i].sa_handler != SIG_DFL && before[i].sa_handler != SIG_IGN) before[i].sa_handler(number);
        else if (number != SIGPROF) signal(number, SIG_DFL);  // comes again, and ends the process as it should
    }
}

void onSignal(int number, siginfo_t* info, void* context) {
    if (!guarded) {
        passOn(number, info, context);
        return;
    }
    raised = {statusOf(number, *info), explain(number, *info)};
    siglongjmp(leave, 1);
}

// Handlers need a stack of their own: a thread whose stack overflowed has none left.
void ensureSignalStack() {
    stack_t stack;
    sigaltstack(nullptr, &stack);
    if (!(stack.ss_flags & SS_DISABLE)) return;
    constexpr size_t Bytes = 64 * 1024;
    stack = {};
    stack.ss_sp = malloc(Bytes);  // for the thread's lifetime
    stack.ss_size = Bytes;
    sigaltstack(&stack, nullptr);
}

// Ends the launch after so much processor time of this thread; a process that is stopped meanwhile loses none of it.
class Watchdog {
public:
    Watchdog() {
        sigevent event{};
        event.sigev_notify = SIGEV_THREAD_ID;
        event.sigev_signo = SIGPROF;
        event._sigev_un._tid = static_cast<int>(syscall(SYS_gettid));
        made_ = timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer_) == 0;
    }
    ~Watchdog() {
        if (made_) timer_delete(timer_);
    }
    void start() { set(settings().watchdogSeconds); }
    void stop() { set(0); }

private:
    void set(uint64_t seconds) {
        itimerspec time{};
        time.it_value.tv_sec = static_cast<time_t>(seconds);
        if (made_) timer_settime(timer_, 0, &time, nullptr);
    }
    timer_t timer_;
    bool made_;
};

// They stay: other threads never meet a moment between the handlers of before and these.
void installHandlers() {
    static const bool done = [] {
        struct sigaction ours {};
        ours.sa_sigaction = onSignal;
        for (int i = 0; i < 4; i++) {
            // .NET's handlers of the other signals throw from the stack that they run on: that must be the thread's.
            ours.sa_flags = SA_SIGINFO | SA_NODEFER | (Signals[i] == SIGSEGV ? SA_ONSTACK : 0);
            sigaction(Signals[i], nullptr, &before[i]);  // known before anybody can ask for it
            sigaction(Signals[i], &ours, nullptr);
        }
        return true;
    }();
    (void)done;
}

}  // namespace

Fault runGuarded(void (*body)()) {
    ensureSignalStack();
    installHandlers();
    static thread_local Watchdog watchdog;
    raised = {};
    watchdog.start();
    guarded = true;
    if (sigsetjmp(leave, 0) == 0) body();  // the handlers block no signals
    guarded = false;
    watchdog.stop();
    return raised;
}

void raiseFault(Status status, const std::string& text) {
    raised = {status, text};
    siglongjmp(leave, 1);
}

}  // namespace emu
