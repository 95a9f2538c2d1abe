#include "control.h"

#include <signal.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <map>
#include <thread>

namespace bricks {
namespace {

// A signal that is ignored by default and that no runtime uses: it makes a blocking read return EINTR.
constexpr int kWakeSignal = SIGURG;

std::mutex registryMutex;
std::map<int32_t, std::weak_ptr<Control>>& Registry() {
  static auto* registry = new std::map<int32_t, std::weak_ptr<Control>>();  // outlives every thread
  return *registry;
}
int32_t nextId = 1;

void OnWakeSignal(int) {}

void InstallWakeHandler() {
  struct sigaction current {};
  if (sigaction(kWakeSignal, nullptr, &current) != 0) return;
  if (current.sa_handler != SIG_DFL && current.sa_handler != SIG_IGN) return;
  struct sigaction wake {};
  wake.sa_handler = OnWakeSignal;
  sigemptyset(&wake.sa_mask);
  wake.sa_flags = 0;  // no SA_RESTART: the point is that system calls end
  sigaction(kWakeSignal, &wake, nullptr);
}

// Signals a process and those it started, deepest first.
void SignalTree(pid_t process, int signal, int depth) {
  if (depth < 32) {
    char path[64];
    std::snprintf(path, sizeof path, "/proc/%d/task/%d/children", static_cast<int>(process), static_cast<int>(process));
    if (FILE* children = std::fopen(path, "re")) {
      int child = 0;
      while (std::fscanf(children, "%d", &child) == 1) SignalTree(child, signal, depth + 1);
      std::fclose(children);
    }
  }
  kill(process, signal);
}

}  // namespace

std::shared_ptr<Control> Control::Create() {
  static std::once_flag once;
  std::call_once(once, InstallWakeHandler);
  auto control = std::make_shared<Control>();
  std::lock_guard<std::mutex> lock(registryMutex);
  control->id_ = nextId++;
  Registry()[control->id_] = control;
  return control;
}

std::shared_ptr<Control> Control::Find(int32_t id) {
  std::lock_guard<std::mutex> lock(registryMutex);
  auto found = Registry().find(id);
  return found == Registry().end() ? nullptr : found->second.lock();
}

Control::~Control() {
  std::lock_guard<std::mutex> lock(registryMutex);
  Registry().erase(id_);
}

void Control::Begin(int64_t call) {
  sigset_t wake;
  sigemptyset(&wake);
  sigaddset(&wake, kWakeSignal);
  pthread_sigmask(SIG_UNBLOCK, &wake, nullptr);
  std::lock_guard<std::mutex> lock(mutex_);
  currentCall_.store(call, std::memory_order_relaxed);
  thread_ = pthread_self();
  running_ = true;
}

void Control::End() {
  std::lock_guard<std::mutex> lock(mutex_);
  running_ = false;
}

void Control::Sleep(double seconds) {
  std::unique_lock<std::mutex> lock(mutex_);
  bell_.wait_for(lock, std::chrono::duration<double>(seconds), [this] { return Interrupted(); });
}

void Control::Interrupt(int64_t call) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (call > interruptedCall_.load(std::memory_order_relaxed)) interruptedCall_.store(call, std::memory_order_release);
  bell_.notify_all();
  if (signalling_ || !running_ || !Interrupted()) return;
  signalling_ = true;
  // A signal that comes just before the system call it should end is lost, hence again and again.
  std::thread([self = shared_from_this()] { self->KeepSignalling(); }).detach();
}

void Control::KeepSignalling() {
  for (;;) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!running_ || !Interrupted()) {
        signalling_ = false;
        return;
      }
      pthread_kill(thread_, kWakeSignal);
      if (child_ > 0) SignalChild();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

// Asks the child first, then insists.
void Control::SignalChild() {
  const int count = childSignals_++;
  if (count == 0) SignalTree(child_, SIGINT, 0);
  else if (count == 2) SignalTree(child_, SIGTERM, 0);
  else if (count >= 4) SignalTree(child_, SIGKILL, 0);
}

int Control::WaitForChild(pid_t child) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    child_ = child;
    childSignals_ = 0;
  }
  siginfo_t information{};
  int result = 0;
  do {
    result = waitid(P_PID, static_cast<id_t>(child), &information, WEXITED | WNOWAIT);
  } while (result != 0 && errno == EINTR);
  // Its number may belong to another process as soon as it is reaped: nobody may signal it then.
  std::lock_guard<std::mutex> lock(mutex_);
  child_ = 0;
  int status = 0;
  return waitpid(child, &status, 0) == child ? status : -1;
}

}  // namespace bricks
