#include "engine/model_trial.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/json_reader.h"
#include "base/text.h"
#include "engine/chat_template.h"
#include "engine/encoder.h"

extern "C" char** environ;

namespace urial::engine {
namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;

constexpr int kTrialVersion = 1;  // rises when the trial looks at more than before

// What the two processes say to each other: the exit status, and lines with these beginnings.
constexpr int kExitRefused = 3;
constexpr std::string_view kStageLine = "stage: ";
constexpr std::string_view kErrorLine = "error: ";  // kind as a number, a space, then the message to the end
constexpr std::size_t kKeptOutput = 16 << 10;

// Limits. Weights are mapped, which RLIMIT_DATA does not count, or copied once into packed form.
constexpr std::uint64_t kMemoryBeside = 768ULL << 20;  // of the vocabulary, the context and its buffers
constexpr std::uint64_t kMemoryPerFileByte = 2;
constexpr int kSecondsBeside = 30;
constexpr std::uint64_t kSlowestDiskBytesPerSecond = 20'000'000;

constexpr auto kSlow = std::chrono::seconds(1);
constexpr auto kLook = std::chrono::milliseconds(50);

constexpr int kContextTokens = 256;
constexpr std::uint64_t kSmallModelBytes = 64 << 20;
constexpr std::size_t kBatchRows = 16;

std::uint64_t file_bytes(const ModelOptions& model) {
    std::error_code ignored;
    std::uint64_t bytes = 0;
    const auto add = [&](const fs::path& path) {
        const std::uintmax_t size = fs::file_size(path, ignored);
        if (!ignored) bytes += size;
    };
    add(model.path);
    for (const Adapter& adapter : model.adapters) add(adapter.path);
    return bytes;
}

// ---- verdicts -------------------------------------------------------------------------------------------------------

struct Verdict {
    bool is_sound = false;
    std::string reason;  ///< of one that is not
};

fs::path verdict_path(const ModelOptions& model, const TrialOptions& options) {
    const EngineBuild build = engine_build();
    const std::string key = fmt::format("{}|{}|{}|{}|{}|{}", kTrialVersion, options.identity,
                                        traits(model.arithmetic).name, build.version, build.commit, build.cpu_features);
    return *options.verdicts / (sha256_hex(key) + ".json");
}

std::optional<Verdict> recall(const fs::path& path) {
    std::error_code ignored;
    if (!fs::is_regular_file(path, ignored)) return std::nullopt;
    try {
        const nlohmann::ordered_json record = read_json_file(path);
        return Verdict{record.at("sound").get<bool>(), record.value("reason", "")};
    } catch (const std::exception&) {
        return std::nullopt;  // a verdict that cannot be read is found anew
    }
}

void keep(const fs::path& path, const Verdict& verdict) {
    Json record{{"sound", verdict.is_sound}};
    if (!verdict.is_sound) record["reason"] = replace_invalid_utf8(verdict.reason);
    try {
        write_file_atomic(path, record.dump() + "\n");
    } catch (const Error&) {
        // Without it the next start tries the model again.
    }
}

// ---- this process ---------------------------------------------------------------------------------------------------

/// The process of the trial with the end of the pipe that it writes to. It does not outlive this object.
class TrialProcess {
public:
    TrialProcess(const fs::path& program, std::vector<std::string> arguments) {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) fail("a pipe", errno);
        output_ = ends[0];
        const int failure = spawn(program, arguments, ends[1]);
        ::close(ends[1]);
        if (failure != 0) {
            ::close(output_);
            fail(program.string(), failure);
        }
    }
    ~TrialProcess() {
        if (is_running_) {
            ::kill(-process_, SIGKILL);
            while (::waitpid(process_, &status_, 0) < 0 && errno == EINTR) {
            }
        }
        ::close(output_);
    }
    TrialProcess(const TrialProcess&) = delete;
    TrialProcess& operator=(const TrialProcess&) = delete;

    /// Waits a moment for output or the end; false when it has ended.
    bool watch() {
        if (!has_closed_) {
            read_for_a_moment();
            return true;
        }
        const pid_t ended = ::waitpid(process_, &status_, WNOHANG);
        if (ended == process_) is_running_ = false;
        if (ended == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
        return is_running_;
    }
    int status() const { return status_; }
    const std::string& output() const { return text_; }

private:
    [[noreturn]] static void fail(std::string_view what, int code) {
        throw error(ErrorKind::Io, "the process that tries an unknown model cannot be started: {}: {}", what,
                    std::strerror(code));
    }

    int spawn(const fs::path& program, std::vector<std::string>& arguments, int write_end) {
        posix_spawn_file_actions_t files;
        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_adddup2(&files, write_end, STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&files, write_end, STDERR_FILENO);
        // A group of its own: Ctrl-C on the terminal is ours to hear, and one signal ends all of it.
        posix_spawnattr_t attributes;
        posix_spawnattr_init(&attributes);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
        posix_spawnattr_setpgroup(&attributes, 0);
        std::vector<char*> pointers;
        for (std::string& argument : arguments) pointers.push_back(argument.data());
        pointers.push_back(nullptr);
        const int failure = ::posix_spawn(&process_, program.c_str(), &files, &attributes, pointers.data(), environ);
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&files);
        is_running_ = failure == 0;
        return failure;
    }

    void read_for_a_moment() {
        pollfd waiting{output_, POLLIN, 0};
        if (::poll(&waiting, 1, static_cast<int>(kLook.count())) <= 0) return;
        char block[4096];
        const ssize_t count = ::read(output_, block, sizeof block);
        if (count > 0) {
            text_.append(block, static_cast<std::size_t>(count));
            if (text_.size() > 2 * kKeptOutput) text_.erase(0, text_.size() - kKeptOutput);
        } else if (count == 0 || errno != EINTR) {
            has_closed_ = true;
        }
    }

    pid_t process_ = -1;
    int output_ = -1;
    int status_ = 0;
    bool is_running_ = false;
    bool has_closed_ = false;
    std::string text_;
};

/// What the process was doing when it ended: "while loading it", and its last line that is not ours.
std::string last_words(std::string_view output) {
    std::string_view stage;
    std::string_view words;
    for (const std::string_view line : split(output, '\n')) {
        if (line.starts_with(kStageLine)) {
            stage = line.substr(kStageLine.size());
        } else if (!trim(line).empty()) {
            words = trim(line);
        }
    }
    constexpr std::size_t kMostWords = 400;
    std::string text;
    if (!stage.empty()) text += fmt::format(" while {}", stage);
    if (!words.empty()) text += fmt::format("; its last words: {}", words.substr(0, kMostWords));
    return text;
}

Verdict verdict_of_death(int status, std::string_view output) {
    if (WIFSIGNALED(status)) {
        const int signal = WTERMSIG(status);
        return {false,
                fmt::format("the engine ended with signal {} ({}){}", signal, ::strsignal(signal), last_words(output))};
    }
    return {false, fmt::format("the engine ended with status {}{}", WEXITSTATUS(status), last_words(output))};
}

/// The Error that the process reported.
Error reported_error(std::string_view output) {
    const std::size_t begin = output.find(kErrorLine);
    if (begin == std::string_view::npos || output.size() < begin + kErrorLine.size() + 2) {
        return error(ErrorKind::Model, "the engine refused the model without a reason");
    }
    output.remove_prefix(begin + kErrorLine.size());
    const int kind = output.front() - '0';
    std::string message(trim(output.substr(2)));
    if (kind < 0 || kind > static_cast<int>(ErrorKind::Unavailable)) return Error(ErrorKind::Model, message);
    return Error(static_cast<ErrorKind>(kind), message);
}

std::string title(const ModelOptions& model) {
    std::string text = model.path.string();
    for (const Adapter& adapter : model.adapters) text += " with the adapter " + adapter.path.string();
    return text;
}

[[noreturn]] void refuse(const ModelOptions& model, const Verdict& verdict, const std::optional<fs::path>& kept) {
    std::string message = fmt::format(
        "{}: this file ends the engine, so it is not used: {}\nthe file is damaged or made "
        "for another engine; get it again, or in another quantisation",
        title(model), verdict.reason);
    if (kept) message += fmt::format("\nto have it tried once more, remove {}", kept->string());
    throw Error(ErrorKind::Model, message);
}

int time_limit_s(const ModelOptions& model, const TrialOptions& options) {
    if (options.time_limit_s > 0) return options.time_limit_s;
    return kSecondsBeside + static_cast<int>(file_bytes(model) / kSlowestDiskBytesPerSecond);
}

constexpr std::string_view kEncode = "encoder";

std::vector<std::string> trial_arguments(const ModelOptions& model, TrialUse use) {
    const std::uint64_t memory = kMemoryBeside + kMemoryPerFileByte * file_bytes(model);
    std::vector<std::string> arguments{
        "urial", std::string(kTrialCommand), std::to_string(memory),
        use == TrialUse::Encode ? std::string(kEncode) : std::to_string(static_cast<int>(model.arithmetic)),
        model.path.string()};
    for (const Adapter& adapter : model.adapters) arguments.push_back(adapter.path.string());
    return arguments;
}

/// The verdict; nullopt for one that says nothing about the file: it may come out otherwise the next time.
struct TrialEnd {
    Verdict verdict;
    bool is_lasting = true;
};

TrialEnd run_in_process(const ModelOptions& model, const TrialOptions& options) {
    const auto begin = Clock::now();
    const int limit_s = time_limit_s(model, options);
    bool was_slow = false;
    TrialProcess process(options.program, trial_arguments(model, options.use));
    while (process.watch()) {
        if (options.cancelled && options.cancelled()) {
            throw error(ErrorKind::Unavailable, "{}: the trial of this unknown model was stopped", title(model));
        }
        const auto passed = Clock::now() - begin;
        if (passed > std::chrono::seconds(limit_s)) {
            return {{false, fmt::format("the engine was not done after {} s{}", limit_s, last_words(process.output()))},
                    /*is_lasting=*/false};
        }
        if (passed > kSlow && !std::exchange(was_slow, true) && options.on_slow) options.on_slow();
    }
    const int status = process.status();
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {{true, {}}, true};
    if (WIFEXITED(status) && WEXITSTATUS(status) == kExitRefused) throw reported_error(process.output());
    // SIGKILL is the system's, short of memory for whatever reason.
    const bool is_fault_of_the_file = !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL;
    return {verdict_of_death(status, process.output()), is_fault_of_the_file};
}

// ---- the other process ----------------------------------------------------------------------------------------------

void say(std::string_view begin, std::string_view text) {
    std::string line = std::string(begin) + std::string(text) + "\n";
    std::string_view rest = line;
    while (!rest.empty()) {
        const ssize_t count = ::write(STDERR_FILENO, rest.data(), rest.size());
        if (count <= 0) return;
        rest.remove_prefix(static_cast<std::size_t>(count));
    }
}

void set_limits(std::uint64_t memory) {
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    const rlimit data{memory, memory};
    ::setrlimit(RLIMIT_DATA, &data);
#else
    (void)memory;  // sanitizers reserve terabytes
#endif
#ifdef __linux__
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // whoever asked is gone: nobody waits for the verdict
#endif
}

[[noreturn]] void refuse_here(ErrorKind kind, std::string_view message) {
    say(kErrorLine, fmt::format("{} {}", static_cast<int>(kind), message));
    std::_Exit(kExitRefused);
}

/// Text of every kind; a vocabulary may lack tokens for it, as long as it says so.
void exercise_tokenizer(const Model& model) {
    for (const std::string_view text :
         {"caf\xC3\xA9 \xE4\xBD\xA0\xE5\xA5\xBD \xF0\x9F\x98\x80", "  \t\r\n\n1234567890", "\x01\xFF\xFE"}) {
        for (const bool parse_special : {false, true}) {
            try {
                (void)model.tokenize(text, {.parse_special = parse_special});
            } catch (const Error&) {
                // Said where somebody has such a text.
            }
        }
    }
    for (std::size_t token = 0; token < model.info().vocabulary_size; ++token) {
        (void)model.piece(static_cast<Token>(token), true);
    }
}

void exercise_template(const Model& model) {
    const std::array messages{ChatMessage{"user", "What is 2 + 2?"}, ChatMessage{"assistant", "4"},
                              ChatMessage{"user", "Why?"}};
    try {
        if (const auto form = find_chat_template(model)) chat_tokens(model, *form, messages);
    } catch (const Error&) {
        // Said where somebody chats; text can be continued without a template.
    }
}

}  // namespace

void exercise_model(const ModelOptions& options, const std::function<void(std::string_view)>& on_stage) {
    const auto stage = [&](std::string_view text) {
        if (on_stage) on_stage(text);
    };
    stage("loading it");
    const std::shared_ptr<const Model> model = load_model(options);
    stage("tokenizing");
    std::vector<Token> tokens = model->tokenize("The quick brown fox, 12 + 30 = 42.\n", {.add_bos = true});
    exercise_tokenizer(*model);
    tokens.resize(kBatchRows, tokens.empty() ? 0 : tokens.back());

    stage("making a context");
    SessionOptions context{
        .sequences = 2, .context_tokens = kContextTokens, .batch_rows = static_cast<int>(kBatchRows)};
    if (file_bytes(options) < kSmallModelBytes)
        context.threads = 1;  // several wait for each other longer than they compute
    const std::unique_ptr<Session> session = model->new_session(context);
    stage("computing a token");
    session->pin(std::span(tokens).first(1));
    stage("computing a batch");
    std::vector<Row> rows;
    for (const int sequence : {0, 1}) {
        for (std::size_t i = session->start(sequence, tokens); i <= kBatchRows / 2; ++i)
            rows.push_back({sequence, tokens[i], i == kBatchRows / 2});
    }
    session->decode(rows);
    (void)session->logits(rows.size() - 1);
    stage("applying its chat template");
    exercise_template(*model);
}

void run_model_trial(std::span<char*> arguments) {
    if (arguments.size() < 3) refuse_here(ErrorKind::BadInput, "the arguments of a trial are missing");
    set_limits(std::strtoull(arguments[0], nullptr, 10));
    // Starting a GPU takes memory that no file accounts for.
    for (const char* backend : {"CUDA_VISIBLE_DEVICES", "GGML_VK_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"})
        setenv(backend, "", /*overwrite=*/1);
    set_engine_log([](LogLevel level, std::string_view line) {
        if (level == LogLevel::Error || level == LogLevel::Fatal) say("", trim(line));
    });
    ModelOptions model;
    model.arithmetic = static_cast<Arithmetic>(std::atoi(arguments[1]));
    model.device = kCpuAlone;
    model.path = arguments[2];
    model.content_hash = "not needed";  // and slow to find
    for (char* path : arguments.subspan(3)) model.adapters.push_back({path, 1.0F});
    try {
        if (arguments[1] == kEncode) {
            EncoderOptions encoder;
            encoder.path = model.path;
            encoder.content_hash = model.content_hash;
            exercise_encoder(encoder);
        } else {
            exercise_model(model, [](std::string_view stage) { say(kStageLine, stage); });
        }
    } catch (const Error& failure) {
        refuse_here(failure.kind(), failure.what());
    } catch (const std::bad_alloc&) {
        refuse_here(ErrorKind::Model, fmt::format("{}: it takes more memory than a file of its size needs; the file is "
                                                  "damaged, get it again",
                                                  model.path.string()));
    } catch (const std::exception& failure) {
        refuse_here(ErrorKind::Model,
                    fmt::format("{}: the engine cannot use this file: {}", model.path.string(), failure.what()));
    }
    std::_Exit(0);
}

void try_model(const ModelOptions& model, const TrialOptions& options) {
#ifdef __linux__
    std::optional<fs::path> kept;
    if (options.verdicts && !options.identity.empty()) kept = verdict_path(model, options);
    if (const auto known = kept ? recall(*kept) : std::nullopt) {
        if (known->is_sound) return;
        refuse(model, *known, kept);
    }
    const TrialEnd end = run_in_process(model, options);
    if (!end.is_lasting) kept = std::nullopt;
    if (kept) keep(*kept, end.verdict);
    if (!end.verdict.is_sound) refuse(model, end.verdict, kept);
#else
    (void)model;
    (void)options;
#endif
}

}  // namespace urial::engine
